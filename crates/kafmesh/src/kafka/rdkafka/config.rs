//! Client properties: the user's, ours, and those correctness depends on.

use std::collections::BTreeMap;

use ::rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use ::rdkafka::error::KafkaError;

use crate::error::{Error, Result};

/// Properties kafmesh sets itself, and why a user cannot.
///
/// The value is the one in use; giving it again is not a mistake. `None`: differs per client.
const RESERVED: &[(&str, Option<&str>, &str)] = &[
    (
        "bootstrap.servers",
        None,
        "name the brokers in KAFMESH_BROKERS",
    ),
    (
        "metadata.broker.list",
        None,
        "name the brokers in KAFMESH_BROKERS",
    ),
    (
        "group.id",
        None,
        "groups are named in the definition (groupName)",
    ),
    (
        "partition.assignment.strategy",
        Some("range"),
        "range keeps partition n of every input on one member",
    ),
    (
        "group.remote.assignor",
        Some("range"),
        "range keeps partition n of every input on one member",
    ),
    (
        "enable.auto.commit",
        Some("false"),
        "offsets are committed together with the state",
    ),
    (
        "enable.auto.offset.store",
        Some("false"),
        "offsets are committed together with the state",
    ),
    (
        "enable.partition.eof",
        None,
        "kafmesh finds the end of a topic with it",
    ),
    (
        "auto.offset.reset",
        None,
        "a group without offsets starts at the earliest record",
    ),
    (
        "isolation.level",
        Some("read_committed"),
        "records of aborted transactions must not be seen",
    ),
    (
        "enable.idempotence",
        Some("true"),
        "a retry must neither duplicate nor reorder records",
    ),
    (
        "enable.gapless.guarantee",
        Some("false"),
        "records of a partition that has moved are given up",
    ),
    (
        "acks",
        Some("all"),
        "a record counts as delivered only when all in-sync replicas have it",
    ),
    (
        "request.required.acks",
        Some("all"),
        "a record counts as delivered only when all in-sync replicas have it",
    ),
    (
        "transactional.id",
        None,
        "kafmesh names transactions itself",
    ),
    (
        "delivery.report.only.error",
        Some("false"),
        "kafmesh counts deliveries",
    ),
    (
        "log.queue",
        Some("true"),
        "logs of the client go to tracing",
    ),
];

/// What the broker decides in groups of the protocol `consumer` (KIP-848), and where.
const DECIDED_BY_THE_BROKER: &[(&str, &str)] = &[
    (
        "session.timeout.ms",
        "its group.consumer.session.timeout.ms",
    ),
    (
        "heartbeat.interval.ms",
        "its group.consumer.heartbeat.interval.ms",
    ),
    ("partition.assignment.strategy", "its assignor range"),
    ("group.protocol.type", "the protocol itself"),
];

/// Ours for every client; the user's win.
const DEFAULTS: &[(&str, &str)] = &[
    // A restarted broker is noticed within a second; librdkafka's own 10 s stretch every failover.
    ("reconnect.backoff.max.ms", "1000"),
    ("socket.keepalive.enable", "true"),
    // A table over topics created a moment before was seen to miss a partition's records for as long as a
    // test waited, once in six runs; with this, never in eighteen. Why is not known. It is not a leader
    // that is not known yet, for which librdkafka asks again within a second, and with its default of
    // five minutes 1400 new topics with 15,000 partitions, half of them under names that had just been
    // deleted, were all read. Should it happen again, this bounds what an old view of the cluster costs,
    // for a request of some bytes per topic every 5 s.
    ("topic.metadata.refresh.interval.ms", "5000"),
];

/// Ours for consumers; the user's win. Measured with 2 million records of 100 bytes through 4 partitions.
const CONSUMER_DEFAULTS: &[(&str, &str)] = &[
    // Both bound one partition's queue; a fetch of 1 MB may come on top. The process stays at 80 MB;
    // with librdkafka's 100000 and 65536 it takes 230 MB and is no faster.
    ("queued.min.messages", "10000"),
    ("queued.max.messages.kbytes", "4096"),
    // How long a full queue is left alone. librdkafka's 1000 lets tasks run dry: 31 s instead of 3.
    ("fetch.queue.backoff.ms", "5"),
    // A partition that is added waits for the fetch under way, which an idle broker holds this long.
    ("fetch.wait.max.ms", "100"),
    ("fetch.error.backoff.ms", "100"),
];

/// Ours for producers; the user's win.
///
/// librdkafka's own `batch.num.messages` 10000 and `batch.size` 1 MB are good: batches a tenth of that
/// double the CPU time per record. A `linger.ms` of 1 to 50 makes no difference under load, so its 5 stay.
const PRODUCER_DEFAULTS: &[(&str, &str)] = &[
    // Beside `queue.buffering.max.messages` 100000; librdkafka's 1 GB would not bound anything.
    ("queue.buffering.max.kbytes", "65536"),
];

/// The properties of one cluster's clients.
#[derive(Clone)]
pub(super) struct Properties {
    brokers: String,
    user: BTreeMap<String, String>,
}

impl Properties {
    /// Checks what can be checked without connecting: names and values, and that none is reserved.
    pub(super) fn new(brokers: &str, user: &BTreeMap<String, String>) -> Result<Self> {
        for (name, value) in user {
            let reserved = RESERVED.iter().find(|(reserved, ..)| reserved == name);
            if let Some((_, ours, why)) =
                reserved.filter(|(_, ours, _)| *ours != Some(value.as_str()))
            {
                let problem = match ours {
                    Some(ours) => {
                        format!("{name} is always {ours} here: {why}; remove this setting")
                    }
                    None => format!("{name} cannot be set: {why}; remove this setting"),
                };
                return Err(Error::Config {
                    name: variable(name),
                    problem,
                });
            }
        }
        let properties = Self {
            brokers: brokers.to_owned(),
            user: user.clone(),
        };
        if properties.is_incremental() {
            let useless = DECIDED_BY_THE_BROKER
                .iter()
                .find(|(name, _)| user.contains_key(*name));
            if let Some((name, instead)) = useless {
                return Err(Error::Config {
                    name: variable(name),
                    problem: format!(
                        "with KAFMESH_KAFKA_GROUP_PROTOCOL=consumer the broker decides {name}, by {instead}; remove this setting"
                    ),
                });
            }
        }
        properties
            .base(&[])
            .create_native_config()
            .map_err(|error| invalid(&error))?;
        Ok(properties)
    }

    pub(super) fn brokers(&self) -> &str {
        &self.brokers
    }

    pub(super) fn admin(&self) -> ClientConfig {
        self.base(&[])
    }

    /// A consumer that starts where it is told and reports the end of a partition.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.consumer();
        config
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error");
        config
    }

    pub(super) fn member(&self, group: &str) -> ClientConfig {
        let mut config = self.consumer();
        config
            .set("group.id", group)
            .set("enable.partition.eof", "false")
            .set("auto.offset.reset", "earliest");
        let assignor = if self.is_incremental() {
            "group.remote.assignor"
        } else {
            "partition.assignment.strategy"
        };
        config.set(assignor, "range");
        config
    }

    /// Whether members are known by a name that outlives the process.
    pub(super) fn is_static(&self) -> bool {
        self.user.contains_key("group.instance.id")
    }

    /// Whether groups move only the partitions that change hands (KIP-848), rather than all.
    fn is_incremental(&self) -> bool {
        let protocol = self.user.get("group.protocol");
        // librdkafka does not mind the case either.
        protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer"))
    }

    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.base(PRODUCER_DEFAULTS);
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("delivery.report.only.error", "false");
        config
    }

    fn consumer(&self) -> ClientConfig {
        let mut config = self.base(CONSUMER_DEFAULTS);
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed");
        config
    }

    fn base(&self, defaults: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        // KAFMESH_KAFKA_DEBUG asks for lines that are below every other level.
        let debug = self.user.contains_key("debug");
        config.set_log_level(if debug {
            RDKafkaLogLevel::Debug
        } else {
            RDKafkaLogLevel::Info
        });
        config.set("client.id", "kafmesh");
        for (name, value) in DEFAULTS.iter().chain(defaults) {
            config.set(*name, *value);
        }
        for (name, value) in &self.user {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        config
    }
}

/// A property that librdkafka refused, under the name the user gave it.
pub(super) fn invalid(error: &KafkaError) -> Error {
    match error {
        KafkaError::ClientConfig(_, problem, name, value) => Error::Config {
            name: variable(name),
            problem: missing_feature(problem).map_or_else(
                || unusable(problem),
                |feature| format!("{value:?} needs {feature}"),
            ),
        },
        // Properties that do not go together: librdkafka names them, but only in its text.
        KafkaError::ClientCreation(problem) => Error::Config {
            name: "KAFMESH_KAFKA_*".to_owned(),
            problem: match missing_feature(problem) {
                Some(feature) => {
                    format!("the mechanism in KAFMESH_KAFKA_SASL_MECHANISMS needs {feature}")
                }
                None => problem.clone(),
            },
        },
        other => super::failed("creating a Kafka client", other),
    }
}

fn unusable(problem: &str) -> String {
    format!(
        "{}; the client's properties are listed at https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md",
        problem.trim_end_matches('.')
    )
}

/// What librdkafka was built without, if that is the problem.
fn missing_feature(problem: &str) -> Option<&'static str> {
    let any = |texts: &[&str]| texts.iter().any(|text| problem.contains(text));
    if any(&["libsasl2 not available", "SASL mechanism GSSAPI"]) {
        Some(
            "Kerberos, which this program was built without: enable the feature `gssapi` of the crate kafmesh (GSSAPI is also what no mechanism at all means)",
        )
    } else if any(&["OpenSSL not available", "recompile librdkafka"]) {
        Some(
            "OpenSSL, which this program was built without: enable the feature `ssl` of the crate kafmesh",
        )
    } else {
        None
    }
}

/// `security.protocol` is set by `KAFMESH_KAFKA_SECURITY_PROTOCOL`.
fn variable(property: &str) -> String {
    if property == "bootstrap.servers" {
        return "KAFMESH_BROKERS".to_owned();
    }
    format!(
        "KAFMESH_KAFKA_{}",
        property.replace('.', "_").to_uppercase()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<Properties> {
        Properties::new(
            "localhost:9092",
            &BTreeMap::from([(name.to_owned(), value.to_owned())]),
        )
    }

    #[test]
    fn the_users_properties_win_over_defaults() {
        let properties = check("linger.ms", "50").unwrap();
        assert_eq!(properties.producer().get("linger.ms"), Some("50"));
        assert_eq!(
            properties.producer().get("enable.idempotence"),
            Some("true")
        );
    }

    #[test]
    fn what_correctness_depends_on_cannot_be_changed() {
        for (name, value) in [
            ("enable.auto.commit", "true"),
            ("acks", "1"),
            ("isolation.level", "read_uncommitted"),
        ] {
            let error = check(name, value).map(drop).unwrap_err();
            let Error::Config {
                name: variable,
                problem,
            } = &error
            else {
                panic!("{error}")
            };
            assert_eq!(*variable, super::variable(name));
            assert!(problem.contains("remove this setting"), "{problem}");
        }
        assert!(
            check("enable.auto.commit", "false").is_ok(),
            "the value in use is not a mistake"
        );
    }

    #[test]
    fn the_broker_decides_in_groups_of_the_protocol_consumer() {
        let user = [
            ("group.protocol", "consumer"),
            ("session.timeout.ms", "6000"),
        ];
        let user = user.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let error = Properties::new("localhost:9092", &BTreeMap::from(user))
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("KAFMESH_KAFKA_SESSION_TIMEOUT_MS: ")
                && error.contains("group.consumer.session.timeout.ms"),
            "{error}"
        );
        // What is left is what librdkafka takes.
        for protocol in ["classic", "consumer"] {
            let member = check("group.protocol", protocol).unwrap().member("g");
            member
                .create::<::rdkafka::consumer::BaseConsumer>()
                .unwrap();
        }
        assert!(check("group.protocol", "other").is_err());
    }

    #[test]
    fn every_reserved_property_exists() {
        for (name, value, _) in RESERVED {
            let value = value.unwrap_or(match *name {
                "enable.partition.eof" => "true",
                "auto.offset.reset" => "error",
                _ => "x",
            });
            ClientConfig::new()
                .set(*name, value)
                .create_native_config()
                .unwrap();
        }
    }

    #[test]
    fn unknown_properties_and_values_are_named_by_their_variable() {
        let error = check("linger.mss", "1").map(drop).unwrap_err().to_string();
        assert!(error.starts_with("KAFMESH_KAFKA_LINGER_MSS: "), "{error}");
        let error = check("linger.ms", "soon")
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("KAFMESH_KAFKA_LINGER_MS: "), "{error}");
    }

    #[cfg(not(feature = "ssl"))]
    #[test]
    fn what_needs_another_feature_says_so() {
        let error = check("security.protocol", "SASL_SSL")
            .map(drop)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "KAFMESH_KAFKA_SECURITY_PROTOCOL: \"SASL_SSL\" needs OpenSSL, which this program was built without: enable the feature `ssl` of the crate kafmesh"
        );
        for (mechanism, feature) in [("SCRAM-SHA-512", "`ssl`"), ("GSSAPI", "`gssapi`")] {
            let user = [
                ("security.protocol", "SASL_PLAINTEXT"),
                ("sasl.mechanisms", mechanism),
                ("sasl.username", "x"),
                ("sasl.password", "x"),
            ];
            let user = user.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let properties = Properties::new("localhost:9092", &BTreeMap::from(user)).unwrap();
            let error = properties
                .admin()
                .create::<::rdkafka::consumer::BaseConsumer>()
                .map(drop)
                .unwrap_err();
            let error = invalid(&error).to_string();
            assert!(error.contains(feature), "{error}");
        }
    }
}
