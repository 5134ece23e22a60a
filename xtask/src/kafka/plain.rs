//! The users of the listener that wants a password and no TLS. They may do what tests allow them by ACLs, and nothing
//! before.

/// Each is called what `tests/mesh` lets it describe; its password is its name.
const USERS: [&str; 5] = [
    "topics-groups",
    "topics-cluster",
    "topics",
    "groups",
    "nothing",
];

/// What goes into `server.properties`. Who comes without a name, as most tests and the brokers themselves do, may do
/// everything, and so may `administrator`.
pub(super) fn properties(administrator: &str) -> String {
    let users: String = USERS
        .iter()
        .map(|user| format!(" user_{user}=\"{user}\""))
        .collect();
    format!(
        "\
listener.name.sasl_plaintext.sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required{users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{administrator}
"
    )
}
