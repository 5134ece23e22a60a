//! Settings that are about each other.

use std::path::PathBuf;

use super::arguments::Arguments;
use super::layers::Hidden;
use super::pem::{authorities, pair};
use super::{Access, Config, Dial, Kafka, Kubernetes, Neo4j, Scrape, Secret, ServerTls};
use crate::logs::Logs;

/// The configuration; `given` says which settings have no default. What is wrong is added to `problems`, what may not be meant to `warnings`.
pub(super) fn resolve(
    arguments: Arguments,
    given: impl Fn(&str) -> bool,
    mut hidden: Hidden,
    problems: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> (Config, Logs) {
    let Arguments {
        run,
        port,
        processes,
        neo4j,
        kafka,
    } = arguments;
    let mut secret =
        |key: &'static str, file: Option<PathBuf>| secret(key, file, &mut hidden, problems);
    let token = secret("token", port.token_file);
    let watch_token = secret("watch-token", processes.watch_token_file);
    let password = secret("neo4j-password", neo4j.neo4j_password_file);

    let tls = pair("tls", port.tls_certificate, port.tls_key, problems);
    if tls.is_none() && port.tls_client_ca.is_some() {
        problems.push("`tls-client-ca` needs `tls-certificate` and `tls-key`".to_owned());
    }
    authorities("tls-client-ca", port.tls_client_ca.as_deref(), problems);
    let access = Access {
        token,
        tls: tls.map(|(certificate, key)| ServerTls {
            certificate,
            key,
            client_ca: port.tls_client_ca,
        }),
        open_metrics: port.open_metrics,
        cors_origins: port.cors_origin,
    };
    if !access.is_protected() && access.cors_origins.iter().any(|origin| origin == "*") {
        warnings.push(
            "with `cors-origin: *` and neither a token nor client certificates, every page that a \
             browser near this port shows may read the mesh and watch its records: name the origins, \
             or set a token"
                .to_owned(),
        );
    }
    if !access.is_protected() && !port.listen.ip().is_loopback() {
        warnings.push(format!(
            "everybody who reaches {} may read the mesh and watch its records: set a token \
             (KAFMESH_DISCOVER_TOKEN or --token-file) or ask for certificates (--tls-client-ca)",
            port.listen
        ));
    } else if access.token.is_some() && access.tls.is_none() && !port.listen.ip().is_loopback() {
        warnings.push(
            "the token crosses the network in the clear, unless something before this port \
             speaks TLS: see --tls-certificate"
                .to_owned(),
        );
    }

    if processes.kubernetes == Kubernetes::Off {
        if processes.target.is_empty() {
            warnings.push(
                "nothing is asked: name processes with --target, or leave --kubernetes at auto"
                    .to_owned(),
            );
        }
        if !processes.namespace.is_empty() {
            warnings.push("`namespace` means nothing while `kubernetes` is off".to_owned());
        }
    }
    if watch_token.is_some()
        && processes.pod_ca.is_none()
        && processes.namespace.is_empty()
        && processes.target.is_empty()
    {
        warnings.push(
            "the watch token is sent to nobody: pods are given it only over TLS (--pod-ca), or in \
             namespaces that --namespace names"
                .to_owned(),
        );
    }
    if processes.kubernetes == Kubernetes::Auto
        && !processes.target.is_empty()
        && !processes.namespace.is_empty()
    {
        warnings.push(
            "`namespace` means nothing with a `target` while `kubernetes` is auto: set that to on, \
             to look for pods as well"
                .to_owned(),
        );
    }
    problems.extend(twice(&processes.target));
    authorities("pod-ca", processes.pod_ca.as_deref(), problems);
    if processes.pod_ca.is_none() && processes.pod_certificate.is_some() {
        problems.push("`pod-certificate` needs `pod-ca`, to know whom it is shown to".to_owned());
    }
    if processes.pod_ca.is_none() && processes.pod_server_name.is_some() {
        warnings.push(
            "`pod-server-name` means nothing without `pod-ca`: processes that speak TLS are not asked"
                .to_owned(),
        );
    }
    let dial = Dial {
        ca: processes.pod_ca,
        identity: pair(
            "pod",
            processes.pod_certificate,
            processes.pod_key,
            problems,
        ),
        server_name: processes.pod_server_name,
        watch_token,
    };

    if neo4j.neo4j.is_none() && password.is_some() {
        warnings.push("there is a password for Neo4j, and no address (--neo4j)".to_owned());
    }
    for (id, key) in [
        ("neo4j_user", "neo4j-user"),
        ("neo4j_database", "neo4j-database"),
    ] {
        if neo4j.neo4j.is_none() && given(id) {
            warnings.push(format!("`{key}` means nothing without `neo4j`"));
        }
    }
    authorities("neo4j-ca", neo4j.neo4j_ca.as_deref(), problems);
    let checked = |url: &String| url.starts_with("bolt+s:") || url.starts_with("neo4j+s:");
    if neo4j.neo4j_ca.is_some() && !neo4j.neo4j.as_ref().is_some_and(checked) {
        warnings.push(
            "`neo4j-ca` means nothing unless `neo4j` begins with bolt+s:// or neo4j+s://"
                .to_owned(),
        );
    }
    let neo4j = neo4j.neo4j.map(|url| Neo4j {
        url,
        user: neo4j.neo4j_user,
        // A Neo4j without authentication takes any.
        password: password.unwrap_or_else(|| Secret::new("")),
        database: neo4j.neo4j_database,
        ca: neo4j.neo4j_ca,
    });

    if kafka.brokers.is_none() && given("kafka_interval") {
        warnings.push("`kafka-interval` means nothing without `brokers`".to_owned());
    }
    super::kafka::check(&hidden.kafka, kafka.brokers.is_some(), problems);
    if kafka.brokers.is_none() && !hidden.kafka.is_empty() {
        warnings.push(
            "there are properties for Kafka, and no brokers (--brokers or KAFMESH_BROKERS)"
                .to_owned(),
        );
    }
    let kafka = kafka.brokers.map(|brokers| Kafka {
        brokers,
        properties: hidden
            .kafka
            .into_iter()
            .map(|(name, (value, _))| (name, value))
            .collect(),
        interval: kafka.kafka_interval,
    });

    let config = Config {
        listen: port.listen,
        access,
        scrape: Scrape {
            targets: processes.target,
            kubernetes: processes.kubernetes,
            namespaces: processes.namespace,
            interval: processes.scrape_interval,
            timeout: processes.scrape_timeout,
            concurrency: processes.scrape_concurrency,
            limit: processes.scrape_limit,
        },
        dial,
        neo4j,
        kafka,
        shutdown_delay: run.shutdown_delay,
        shutdown_timeout: run.shutdown_timeout,
    };
    let logs = Logs {
        format: run.log_format,
        filter: run.log,
    };
    (config, logs)
}

/// The first process that is named both with TLS and without.
fn twice(targets: &[String]) -> Option<String> {
    let with_tls = |target: &&String| {
        let address = target.strip_prefix("https://")?;
        targets.iter().find(|other| *other == address)
    };
    let address = targets.iter().find_map(|target| with_tls(&target))?;
    Some(format!(
        "`target` names {address} both with https:// and without; keep the one that it speaks"
    ))
}

/// A secret, from where it is given or from the file that `…-file` names.
fn secret(
    key: &'static str,
    file: Option<PathBuf>,
    hidden: &mut Hidden,
    problems: &mut Vec<String>,
) -> Option<Secret> {
    let given = hidden.secrets.remove(key);
    let (secret, source) = match (given, file) {
        (Some((_, source)), Some(file)) => {
            problems.push(format!(
                "the {key} is given twice, by {source} and in {}; keep one",
                file.display()
            ));
            return None;
        }
        (Some(given), None) => given,
        (None, Some(file)) => match Secret::read(&file) {
            Ok(secret) => (secret, format!("`{key}-file`: {}", file.display())),
            Err(problem) => {
                problems.push(format!("`{key}-file`: {problem}"));
                return None;
            }
        },
        (None, None) => return None,
    };
    let crosses_in_header = key.ends_with("token");
    if crosses_in_header && !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.push(format!(
            "{source}: the {key} has a space or a character outside of ASCII, which no request can \
             bear; make it of letters, digits and punctuation"
        ));
    }
    Some(secret)
}
