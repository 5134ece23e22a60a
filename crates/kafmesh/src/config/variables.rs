//! The `KAFMESH_*` environment variables.

use std::time::Duration;

use super::Config;
use crate::error::{Error, Result};
use crate::secret::Secret;

impl Config {
    /// The defaults, changed by the environment variables that are set.
    ///
    /// Durations are a number and a unit: `250ms`, `10s`, `2m`. A `KAFMESH_*` variable that means
    /// nothing to this version is logged as a warning, since it may be misspelt.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the first variable whose value cannot be used.
    pub fn from_env() -> Result<Self> {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            // Names that are not UTF-8 are not ours.
            let Some(name) = name.to_str().filter(|name| name.starts_with("KAFMESH_")) else {
                continue;
            };
            let value = value
                .into_string()
                .map_err(|value| wrong(name, &value.to_string_lossy(), "UTF-8"))?;
            variables.push((name.to_owned(), value));
        }
        let (config, unknown) = Self::from_variables(variables)?;
        for name in unknown {
            tracing::warn!(
                "the variable {name} means nothing to this version of kafmesh; is it misspelt?"
            );
        }
        Ok(config)
    }

    /// The configuration, and the names of the variables that mean nothing.
    fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<String>)> {
        let mut config = Self::new("localhost:9092");
        let mut unknown = Vec::new();
        for (name, value) in variables {
            let value = value.trim();
            match name.as_str() {
                "KAFMESH_BROKERS" => config.brokers = non_empty(&name, value)?,
                "KAFMESH_LISTEN" => {
                    config.listen = parse(&name, value, "an address such as 0.0.0.0:50051")?
                }
                "KAFMESH_INSTANCE" => config.instance = Some(non_empty(&name, value)?),
                "KAFMESH_TLS_CERTIFICATE" => {
                    config.tls_certificate = Some(non_empty(&name, value)?.into())
                }
                "KAFMESH_TLS_KEY" => config.tls_key = Some(non_empty(&name, value)?.into()),
                "KAFMESH_TLS_CLIENT_CA" => {
                    config.tls_client_ca = Some(non_empty(&name, value)?.into())
                }
                "KAFMESH_STATE_DIR" => config.state_dir = non_empty(&name, value)?.into(),
                "KAFMESH_COMMIT_INTERVAL" => config.commit_interval = duration(&name, value)?,
                "KAFMESH_STATE_CACHE_BYTES" => {
                    config.state_cache_bytes =
                        parse(&name, value, "a number of bytes such as 8388608")?
                }
                "KAFMESH_STARTUP_TIMEOUT" => config.startup_timeout = duration(&name, value)?,
                "KAFMESH_SHUTDOWN_TIMEOUT" => config.shutdown_timeout = duration(&name, value)?,
                "KAFMESH_WATCH" => config.watch = boolean(&name, value)?,
                "KAFMESH_WATCH_TOKEN" => config.watch_token = Some(token(&name, value)?),
                "KAFMESH_WATCH_RATE" => {
                    config.watch_rate = parse(&name, value, "a number above zero such as 1000")?
                }
                "KAFMESH_DEV" => config.dev = boolean(&name, value)?,
                _ => {
                    if let Some(property) = name.strip_prefix("KAFMESH_KAFKA_") {
                        config
                            .kafka
                            .insert(property.to_lowercase().replace('_', "."), value.to_owned());
                    } else if !is_somebody_elses(&name, value) {
                        unknown.push(name);
                    }
                }
            }
        }
        Ok((config, unknown))
    }
}

/// Whether a variable with our prefix is set by others: the tests', or by Kubernetes in every pod
/// for each Service of the namespace, such as one called `kafmesh-map`:
///
/// ```text
/// KAFMESH_MAP_SERVICE_HOST=10.0.0.7      KAFMESH_MAP_PORT=tcp://10.0.0.7:443
/// KAFMESH_MAP_SERVICE_PORT=443           KAFMESH_MAP_PORT_443_TCP=tcp://10.0.0.7:443
/// KAFMESH_MAP_SERVICE_PORT_HTTPS=443     KAFMESH_MAP_PORT_443_TCP_ADDR=10.0.0.7
/// ```
fn is_somebody_elses(name: &str, value: &str) -> bool {
    let numbered_port = name.rsplit_once("_PORT_").is_some_and(|(_, port)| {
        let protocol = port.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let named = |name| protocol.starts_with(name);
        protocol.len() < port.len() && ["_TCP", "_UDP", "_SCTP"].into_iter().any(named)
    });
    name.starts_with("KAFMESH_TEST_")
        || name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && value.contains("://"))
        || numbered_port
}

fn wrong(name: &str, value: &str, accepted: &str) -> Error {
    Error::Config {
        name: name.to_owned(),
        problem: format!("{value:?} is not {accepted}"),
    }
}

fn non_empty(name: &str, value: &str) -> Result<String> {
    if value.is_empty() {
        Err(wrong(
            name,
            value,
            "a usable value; leave the variable unset for the default",
        ))
    } else {
        Ok(value.to_owned())
    }
}

/// Whether `text` can be sent as metadata behind `Bearer`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A token; the error does not show it.
fn token(name: &str, value: &str) -> Result<Secret> {
    if !is_token(value) {
        return Err(Error::Config {
            name: name.to_owned(),
            problem:
                "its value is not a token of visible ASCII characters; leave it unset to need none"
                    .to_owned(),
        });
    }
    Ok(value.into())
}

fn parse<T: std::str::FromStr>(name: &str, value: &str, accepted: &str) -> Result<T> {
    value.parse().map_err(|_| wrong(name, value, accepted))
}

fn boolean(name: &str, value: &str) -> Result<bool> {
    match value.to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" | "" => Ok(false),
        _ => Err(wrong(name, value, "true or false")),
    }
}

fn duration(name: &str, value: &str) -> Result<Duration> {
    let accepted = "a duration above zero such as 250ms, 10s or 2m";
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong(name, value, accepted))?;
    let unit_ms = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong(name, value, accepted)),
    };
    match number.checked_mul(unit_ms) {
        Some(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => Err(wrong(name, value, accepted)),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Config> {
        Config::from_variables(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
        .map(|(config, _)| config)
    }

    #[test]
    fn misspelt_variables_are_found_among_those_of_others() {
        let misspelt = [
            ("KAFMESH_BROKER", "a:1"),
            ("KAFMESH_LISTEN_PORT", "9000"),
            ("KAFMESH_SERVICE_NAME", "map"),
            ("KAFMESH_PORT_RANGE", "1"),
        ];
        let others = [
            ("KAFMESH_TEST_BROKERS", "a:1"),
            ("KAFMESH_KAFKA_LINGER_MS", "1"),
            ("KAFMESH_SERVICE_HOST", "10.0.0.7"),
            ("KAFMESH_MAP_SERVICE_PORT", "443"),
            ("KAFMESH_MAP_SERVICE_PORT_HTTPS", "443"),
            ("KAFMESH_MAP_PORT", "tcp://10.0.0.7:443"),
            ("KAFMESH_MAP_PORT_443_TCP", "tcp://10.0.0.7:443"),
            ("KAFMESH_MAP_PORT_443_TCP_PROTO", "tcp"),
            ("KAFMESH_MAP_PORT_53_UDP_ADDR", "10.0.0.7"),
        ];
        let variables = misspelt.iter().chain(&others);
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert_eq!(
            Config::from_variables(variables).unwrap().1,
            misspelt.map(|(name, _)| name)
        );
    }

    #[test]
    fn variables_change_the_defaults() {
        let config = from(&[
            ("KAFMESH_BROKERS", "a:1,b:2"),
            ("KAFMESH_LISTEN", "127.0.0.1:0"),
            ("KAFMESH_COMMIT_INTERVAL", "250ms"),
            ("KAFMESH_DEV", "true"),
            ("KAFMESH_WATCH", "off"),
            ("KAFMESH_WATCH_TOKEN", "secret"),
            ("KAFMESH_WATCH_RATE", "7"),
            ("KAFMESH_INSTANCE", "shop-7"),
            ("KAFMESH_TLS_CERTIFICATE", "tls/tls.crt"),
            ("KAFMESH_TLS_KEY", "tls/tls.key"),
            ("KAFMESH_TLS_CLIENT_CA", "tls/ca.crt"),
            ("KAFMESH_KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        ])
        .unwrap();
        let expected = Config::new("a:1,b:2")
            .with_listen("127.0.0.1:0".parse().unwrap())
            .with_commit_interval(Duration::from_millis(250))
            .with_dev(true)
            .with_watch(false)
            .with_watch_token("secret")
            .with_watch_rate(NonZeroU32::new(7).unwrap())
            .with_instance("shop-7")
            .with_tls("tls/tls.crt", "tls/tls.key")
            .with_tls_client_ca("tls/ca.crt")
            .with_kafka("security.protocol", "SASL_SSL");
        assert_eq!(config, expected);
        assert_eq!(from(&[]).unwrap(), Config::new("localhost:9092"));
    }

    #[test]
    fn a_wrong_token_is_not_shown() {
        let error = from(&[("KAFMESH_WATCH_TOKEN", "my secret")]).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (name, value) in [
            ("KAFMESH_BROKERS", ""),
            ("KAFMESH_LISTEN", "here"),
            ("KAFMESH_COMMIT_INTERVAL", "5"),
            ("KAFMESH_COMMIT_INTERVAL", "0s"),
            ("KAFMESH_COMMIT_INTERVAL", "99999999999999999h"),
            ("KAFMESH_STATE_CACHE_BYTES", "many"),
            ("KAFMESH_DEV", "perhaps"),
            ("KAFMESH_WATCH", "perhaps"),
            ("KAFMESH_WATCH_RATE", "0"),
        ] {
            let error = from(&[(name, value)]).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{name}: {value:?} is not ")),
                "{error}"
            );
        }
    }
}
