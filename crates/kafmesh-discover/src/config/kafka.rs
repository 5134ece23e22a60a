//! Properties of librdkafka: which are ours, and what is wrong with the others.

use std::collections::BTreeMap;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::Secret;
use super::arguments::KAFKA_VARIABLES;

/// Properties that say what `brokers` says.
const BROKERS: [&str; 2] = ["bootstrap.servers", "metadata.broker.list"];

/// Checks each of `properties`, which have the place they are from beside them, by itself; whether they
/// go together is seen where the client is made. What is not `used` must exist all the same: a secret
/// whose name is misspelt would be shown.
pub(super) fn check(
    properties: &BTreeMap<String, (Secret, String)>,
    used: bool,
    problems: &mut Vec<String>,
) {
    for (name, (value, source)) in properties {
        let problem = if BROKERS.contains(&name.as_str()) {
            Some("name the brokers in KAFMESH_BROKERS or with --brokers".to_owned())
        } else {
            let mut alone = ClientConfig::new();
            alone.set(name, value.expose());
            let refused = alone.create_native_config().err();
            let refused = refused.filter(|error| used || is_unknown(error));
            refused.map(|error| problem(&error))
        };
        problems.extend(problem.map(|problem| format!("{source}: {problem}")));
    }
}

/// The variable that sets a property.
pub(crate) fn variable(property: &str) -> String {
    let name = property.replace('.', "_").to_uppercase();
    format!("{KAFKA_VARIABLES}{name}")
}

fn is_unknown(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)
    )
}

/// What librdkafka does not like, and what to do; without the value of a property that does not exist,
/// since that may be a secret whose name is misspelt.
pub(crate) fn problem(error: &KafkaError) -> String {
    let problem = match error {
        KafkaError::ClientConfig(_, problem, _, _) | KafkaError::ClientCreation(problem) => {
            problem.clone()
        }
        other => other.to_string(),
    };
    let problem = problem.trim_end_matches('.');
    let is = |text| problem.contains(text);
    let todo = if is("libsasl2 not available") || is("SASL mechanism GSSAPI") {
        "there is no Kerberos here (which is also what no mechanism at all means); choose one in \
         KAFMESH_KAFKA_SASL_MECHANISMS"
    } else if is("OpenSSL not available") || is("recompile librdkafka") {
        "this program was built without it: take the image, or build it with the feature `ssl`"
    } else {
        "the properties are listed at \
         https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md"
    };
    format!("{problem}; {todo}")
}
