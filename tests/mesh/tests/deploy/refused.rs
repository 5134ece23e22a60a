//! What the chart refuses.

use crate::chart::helm;

fn is_refused(values: &str, wanted: &str) {
    let output = helm(&["template"], "kafmesh", values);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{values} is accepted");
    assert!(errors.contains(wanted), "{values}\n{errors}");
}

#[test]
fn wrong_values_are_refused_with_what_is_wrong() {
    for (values, wanted) in [
        ("replica: 2", "replica"),
        ("replicas: many", "/replicas"),
        ("namespaces: [Team]", "/namespaces/0"),
        (
            "neo4j: {url: 'bolt://neo4j:secret@host:7687'}",
            "/neo4j/url",
        ),
        ("image: {digest: latest}", "/image/digest"),
        ("shutdown: {timeoutSeconds: 2m}", "/shutdown/timeoutSeconds"),
        (
            "tls: {clientCa: {secret: ca}}",
            "tls.clientCa needs tls.secret",
        ),
        (
            "open: true\nserviceAccount: {create: false}",
            "serviceAccount.name is needed",
        ),
        (
            "open: true\ningress: {enabled: true}",
            "ingress.hosts is needed",
        ),
    ] {
        is_refused(values, wanted);
    }
}

#[test]
fn who_may_read_the_mesh_must_be_chosen() {
    is_refused("{}", "Set token.secret to the name of a Secret");
    is_refused("tls: {secret: port}", "or open to true");
}

#[test]
fn a_service_monitor_that_could_not_read_is_refused() {
    let tls = "serviceMonitor: {enabled: true";
    is_refused(
        &format!("{tls}}}\nopen: true\ntls: {{secret: port}}"),
        "serviceMonitor.tlsConfig is needed",
    );
    is_refused(
        &format!(
            "{tls}, tlsConfig: {{serverName: mesh}}}}\ntls: {{secret: port, clientCa: {{secret: ca}}}}"
        ),
        "set settings.open-metrics to true",
    );
}

/// Secrets would stand in a ConfigMap, and the rest would contradict the values they are set by.
#[test]
fn settings_that_other_values_set_are_refused() {
    for setting in [
        "listen: 0.0.0.0:1",
        "kubernetes: 'off'",
        "namespace: [a]",
        "shutdown-delay: 1s",
        "shutdown-timeout: 2m",
        "token: hunter2",
        "token-file: /x",
        "tls-certificate: /x",
        "tls-key: /x",
        "tls-client-ca: /x",
        "pod-ca: /x",
        "pod-certificate: /x",
        "pod-key: /x",
        "pod-server-name: x",
        "watch-token: hunter2",
        "watch-token-file: /x",
        "neo4j: bolt://x",
        "neo4j-user: x",
        "neo4j-password: hunter2",
        "neo4j-password-file: /x",
        "neo4j-database: x",
        "neo4j-ca: /x",
        "brokers: x:1",
        "kafka: {sasl.password: hunter2}",
    ] {
        let (key, _) = setting.split_once(':').unwrap();
        is_refused(
            &format!("open: true\nsettings: {{{setting}}}"),
            &format!("invalid propertyName '{key}'"),
        );
    }
}

#[test]
fn properties_of_kafka_that_are_secrets_are_refused() {
    for property in [
        "sasl.password",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.assertion.private.key.pem",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "ssl.key.pem",
        "ssl.key.password",
        "ssl.keystore.password",
    ] {
        is_refused(
            &format!("open: true\nkafka: {{properties: {{{property}: hunter2}}}}"),
            &format!("invalid propertyName '{property}'"),
        );
    }
}
