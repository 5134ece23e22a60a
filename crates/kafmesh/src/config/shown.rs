//! A configuration as it is printed: without what opens other doors.

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter, Result};

use super::Config;

/// Parts of the names of librdkafka's properties whose values are secret, or hold one.
const SECRET: [&str; 5] = [
    "password",
    "secret",
    "passphrase",
    "key.pem",
    "sasl.oauthbearer.config",
];

impl Debug for Config {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        // Every field is named, so that none is forgotten.
        let Self {
            brokers,
            listen,
            instance,
            tls_certificate,
            tls_key,
            tls_client_ca,
            state_dir,
            commit_interval,
            state_cache_bytes,
            startup_timeout,
            shutdown_timeout,
            watch,
            watch_token,
            watch_rate,
            dev,
            kafka,
        } = self;
        f.debug_struct("Config")
            .field("brokers", brokers)
            .field("listen", listen)
            .field("instance", instance)
            .field("tls_certificate", tls_certificate)
            .field("tls_key", tls_key)
            .field("tls_client_ca", tls_client_ca)
            .field("state_dir", state_dir)
            .field("commit_interval", commit_interval)
            .field("state_cache_bytes", state_cache_bytes)
            .field("startup_timeout", startup_timeout)
            .field("shutdown_timeout", shutdown_timeout)
            .field("watch", watch)
            .field("watch_token", watch_token)
            .field("watch_rate", watch_rate)
            .field("dev", dev)
            .field("kafka", &Properties(kafka))
            .finish()
    }
}

/// Properties of librdkafka.
struct Properties<'a>(&'a BTreeMap<String, String>);

impl Debug for Properties<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let shown = self.0.iter().map(|(name, value)| {
            let is_secret = SECRET.iter().any(|part| name.contains(part));
            (name, if is_secret { "[redacted]" } else { value })
        });
        f.debug_map().entries(shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_shown_nowhere() {
        let secrets = [
            "sasl.password",
            "ssl.key.password",
            "ssl.keystore.password",
            "ssl.key.pem",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.assertion.private.key.pem",
            "sasl.oauthbearer.assertion.private.key.passphrase",
        ];
        let config = Config::new("broker:9092")
            .with_watch_token("hunter2")
            .with_kafka("sasl.username", "ada");
        let config = secrets
            .into_iter()
            .fold(config, |config, name| config.with_kafka(name, "hunter2"));
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        for name in secrets {
            assert!(
                shown.contains(&format!("{name:?}: \"[redacted]\"")),
                "{shown}"
            );
        }
        for other in ["broker:9092", "0.0.0.0:50051", "\"sasl.username\": \"ada\""] {
            assert!(shown.contains(other), "{other}: {shown}");
        }
    }
}
