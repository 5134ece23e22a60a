//! Values of settings from text; an error says what would be accepted.

use std::net::SocketAddr;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

/// A duration above zero: a number and a unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    any_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "write a duration above zero such as 500ms, 10s, 2m or 1h".to_owned())
}

/// A duration, of zero as well.
pub(super) fn duration_or_none(text: &str) -> Result<Duration, String> {
    any_duration(text).ok_or_else(|| "write a duration such as 5s, or 0s for none".to_owned())
}

fn any_duration(text: &str) -> Option<Duration> {
    let (number, unit) = quantity(text);
    let unit_ms = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    number
        .zip(unit_ms)
        .and_then(|(number, unit): (u64, u64)| number.checked_mul(unit))
        .map(Duration::from_millis)
}

/// A number of bytes above zero: a number, with a unit where that is shorter.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = quantity(text);
    let unit = match unit {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    number
        .zip(unit)
        .and_then(|(number, unit)| usize::try_from(number).ok()?.checked_mul(unit))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| {
            "write a number of bytes above zero such as 16MiB, 512KiB or 1048576".to_owned()
        })
}

fn quantity(text: &str) -> (Option<u64>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    (number.parse().ok(), unit.trim_start())
}

/// A yes or no.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080"
            .to_owned()
    })
}

/// The address of a process.
pub(super) fn target(text: &str) -> Result<String, String> {
    if is_host_and_port(text.strip_prefix("https://").unwrap_or(text)) {
        Ok(text.to_owned())
    } else {
        Err("write a host and a port such as localhost:50051 or https://10.0.0.7:443".to_owned())
    }
}

/// Addresses of brokers.
pub(super) fn brokers(text: &str) -> Result<String, String> {
    if text.split(',').map(str::trim).all(is_host_and_port) {
        Ok(text.to_owned())
    } else {
        Err("write hosts and ports such as kafka-0:9092,kafka-1:9092".to_owned())
    }
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let host_is_sound = !host.is_empty()
        && (bracketed || !host.contains(':'))
        && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#,".contains(c));
    host_is_sound && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A namespace of Kubernetes: a DNS label.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
    {
        Ok(text.to_owned())
    } else {
        Err("write a namespace's name: lowercase letters, digits and dashes".to_owned())
    }
}

/// A web origin, or `*`.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain = |host: &str| {
        !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "/@?#*".contains(c))
    };
    if text == "*" || host.is_some_and(plain) {
        Ok(text.to_owned())
    } else {
        Err("write an origin such as https://mesh.example.com, without a path, or *".to_owned())
    }
}

/// The address of a Neo4j.
pub(super) fn neo4j(text: &str) -> Result<String, String> {
    const SCHEMES: [&str; 6] = [
        "bolt",
        "bolt+s",
        "bolt+ssc",
        "neo4j",
        "neo4j+s",
        "neo4j+ssc",
    ];
    let example = "write an address such as bolt://localhost:7687 or bolt+s://graph.example.com";
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(example.to_owned());
    };
    if !SCHEMES.contains(&scheme) {
        return Err(format!("{example}; {scheme}:// is not Neo4j's protocol"));
    }
    if rest.contains('@') {
        return Err(
            "leave user and password out of the address: see --neo4j-user and \
             KAFMESH_DISCOVER_NEO4J_PASSWORD"
                .to_owned(),
        );
    }
    let host = rest.trim_end_matches('/');
    let with_port = if host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.ends_with(']'))
    {
        host.to_owned()
    } else {
        format!("{host}:7687")
    };
    if is_host_and_port(&with_port) {
        Ok(text.to_owned())
    } else {
        Err(example.to_owned())
    }
}

/// What is logged.
pub(super) fn filter(text: &str) -> Result<String, String> {
    match EnvFilter::builder().parse(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("write a level (error, warn, info, debug, trace), or levels by module".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_units() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2 m"), Ok(Duration::from_secs(120)));
        assert_eq!(bytes("16MiB"), Ok(16 << 20));
        assert_eq!(bytes("1048576"), Ok(1 << 20));
        assert_eq!(duration_or_none("0s"), Ok(Duration::ZERO));
        assert!(duration_or_none("0").is_err());
        for wrong in ["", "5", "0s", "s", "-1s", "1.5s", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "0", "16MB", "-1", "99999999999999999999GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_hosts_with_ports() {
        for right in [
            "localhost:50051",
            "10.0.0.1:1",
            "[::1]:443",
            "https://a:443",
            "a.b.svc:65535",
        ] {
            assert!(target(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "localhost",
            ":1",
            "a:0",
            "a:65536",
            "::1:443",
            "http://a:1",
            "a b:1",
            "u@a:1",
        ] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
        assert!(brokers("a:1,b:2").is_ok());
        assert!(brokers("a:1,b").is_err());
    }

    #[test]
    fn neo4j_is_addressed_without_credentials() {
        for right in [
            "bolt://localhost:7687",
            "neo4j+s://graph.example.com",
            "bolt://[::1]",
            "bolt://[::1]:7687/",
        ] {
            assert!(neo4j(right).is_ok(), "{right}");
        }
        for (wrong, part) in [
            ("localhost:7687", "write an address"),
            ("http://localhost:7474", "http:// is not"),
            (
                "bolt://neo4j:secret@localhost:7687",
                "KAFMESH_DISCOVER_NEO4J_PASSWORD",
            ),
            ("bolt://", "write an address"),
            ("bolt://a:port", "write an address"),
        ] {
            let error = neo4j(wrong).unwrap_err();
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }

    #[test]
    fn origins_and_namespaces_are_what_browsers_and_kubernetes_take() {
        for right in ["*", "https://mesh.example.com", "http://localhost:5173"] {
            assert!(origin(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "mesh.example.com",
            "https://a/b",
            "https://",
            "https://*.a",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
        assert!(namespace("team-a").is_ok());
        for wrong in ["", "Team", "-a", "a.b", &"a".repeat(64)] {
            assert!(namespace(wrong).is_err(), "{wrong}");
        }
    }
}
