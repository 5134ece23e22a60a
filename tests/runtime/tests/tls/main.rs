//! A service over SASL_SSL, told how by `KAFMESH_KAFKA_*` variables only.
//!
//! `cargo xtask test` starts a Kafka with such a listener and runs this with the feature `ssl`.
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails like the test itself"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put};
use kafmesh_runtime_tests::{Click, Shape, millis};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use prost::Message as _;

/// How long the service waits for a broker before it gives up.
const STARTUP: &str = "5s";

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: `cargo xtask servers kafka` prints it, `cargo xtask test` sets it"
        )
    })
}

/// A `counter` that reaches Kafka through the listener of SASL_SSL; `variables` win over what is right.
fn counter(shape: &Shape, state: &Path, variables: &[(&str, &str)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_counter"))
        .env("KAFMESH_BROKERS", variable("KAFMESH_TEST_SASL_BROKERS"))
        .env("KAFMESH_LISTEN", "127.0.0.1:0")
        .env("KAFMESH_STATE_DIR", state)
        .env("KAFMESH_STARTUP_TIMEOUT", STARTUP)
        .env("KAFMESH_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
        .env("KAFMESH_KAFKA_SASL_MECHANISMS", "SCRAM-SHA-512")
        .env(
            "KAFMESH_KAFKA_SASL_USERNAME",
            variable("KAFMESH_TEST_SASL_USERNAME"),
        )
        .env(
            "KAFMESH_KAFKA_SASL_PASSWORD",
            variable("KAFMESH_TEST_SASL_PASSWORD"),
        )
        .env(
            "KAFMESH_KAFKA_SSL_CA_LOCATION",
            variable("KAFMESH_TEST_SASL_CA"),
        )
        .env("COUNTER_PREFIX", &shape.prefix)
        .env("COUNTER_PARTITIONS", shape.partitions.to_string())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// How a counter that cannot reach Kafka ends: the last line it writes.
fn refused(variables: &[(&str, &str)]) -> String {
    let state = tempfile::tempdir().unwrap();
    let shape = Shape::counter("refused", 1);
    let output = counter(&shape, state.path(), variables)
        .wait_with_output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    said.lines().last().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_service_runs_over_sasl_ssl_by_its_environment_alone() {
    let prefix = format!("tls{}", millis(SystemTime::now()));
    let shape = Shape::counter(prefix, 2);
    let state = tempfile::tempdir().unwrap();
    let mut counter = counter(&shape, state.path(), &[]);
    let topic = shape.topic("clicks");
    kafka::eventually("the service creates its topics", || {
        assert_eq!(counter.try_wait().unwrap(), None, "it goes on");
        kafka::topics(&topic).contains_key(&topic)
    })
    .await;
    let click = Click::one().encode_to_vec();
    kafka::write(
        &topic,
        ["a", "b", "a"].map(|key| Put {
            key: Some(key.as_bytes()),
            value: Some(&click),
            ..Put::default()
        }),
    );
    GroupWatch::new(&shape.group(), &topic, 2).caught_up().await;
    kill(Pid::from_raw(counter.id().cast_signed()), Signal::SIGTERM).unwrap();
    let output = counter.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let counts = [("a".to_owned(), 2), ("b".to_owned(), 1)].into();
    assert_eq!(kafka::last_counts(&shape.topic("totals")), counts);
    assert_eq!(kafka::last_counts(&shape.changelog()), counts);
}

#[test]
fn a_wrong_password_is_told_in_time() {
    let said = refused(&[("KAFMESH_KAFKA_SASL_PASSWORD", "wrong")]);
    assert!(said.contains("within 5s: "), "{said}");
    assert!(said.contains("Authentication failed"), "{said}");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_told_in_time() {
    let said = refused(&[("KAFMESH_KAFKA_SSL_CA_LOCATION", "probe")]);
    assert!(said.contains("within 5s: "), "{said}");
    assert!(said.contains("certificate verify failed"), "{said}");
}
