//! Settings that the program does not start with.

use kafmesh_test_tls::Authority;

use crate::{directory, refused, settings};

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_what_to_write() {
    let files = directory(&[(
        "d.yaml",
        "lisen: 127.0.0.1:1\nscrape-interval: soon\nkubernetes: maybe\nneo4j: [a, b]\ntarget:\n  \
         - a\nkafka: x\ngibberish: 1\n",
    )]);
    let error = refused(
        files.path(),
        &["--config=d.yaml"],
        &[("KAFMESH_DISCOVER_LISTEN", "here")],
    );
    assert_eq!(
        error,
        "\
error: d.yaml:1:1: there is no setting `lisen`; is `listen` meant?
error: d.yaml:2:18: \"soon\" is no value of `scrape-interval`; write a duration above zero such as 500ms, 10s, 2m or 1h
error: d.yaml:3:13: \"maybe\" is no value of `kubernetes`; write one of: auto, on, off
error: d.yaml:4:8: `neo4j` has one value
error: d.yaml:6:3: \"a\" is no value of `target`; write a host and a port such as localhost:50051 or https://10.0.0.7:443
error: d.yaml:7:8: `kafka` is a mapping of librdkafka's properties, such as `security.protocol: SASL_SSL`
error: d.yaml:8:1: there is no setting `gibberish`; `kafmesh-discover --help` lists them
error: KAFMESH_DISCOVER_LISTEN: \"here\" is no value of `listen`; write an IP address and a port such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080
"
    );
}

#[test]
fn files_that_cannot_be_used_are_refused_at_start() {
    let issued = Authority::new().issue("localhost");
    let files = directory(&[
        ("empty", ""),
        ("text", "no PEM here"),
        ("cert.pem", &issued.certificate),
        ("key.pem", &issued.key),
    ]);
    for (args, wanted) in [
        (
            &["--config=none.yaml"][..],
            "cannot read none.yaml: No such file or directory (os error 2); --config must name",
        ),
        (
            &["--token-file=empty"],
            "`token-file`: empty is empty; it must hold the secret",
        ),
        (
            &["--token-file=none"],
            "`token-file`: cannot read none: No such file",
        ),
        (
            &["--tls-key=key.pem"],
            "`tls-certificate` and `tls-key` belong together",
        ),
        (
            &["--tls-client-ca=cert.pem"],
            "`tls-client-ca` needs `tls-certificate`",
        ),
        (
            &["--tls-certificate=text", "--tls-key=key.pem"],
            "`tls-certificate`: text: has no section that begins with -----BEGIN CERTIFICATE-----",
        ),
        (
            &[
                "--pod-ca=cert.pem",
                "--pod-certificate=cert.pem",
                "--pod-key=cert.pem",
            ],
            "`pod-key`: cert.pem: has no section that begins with -----BEGIN PRIVATE KEY-----",
        ),
        (
            &["--pod-ca=none"],
            "`pod-ca`: none: cannot be read: No such file",
        ),
    ] {
        let error = refused(files.path(), args, &[]);
        assert!(error.contains(wanted), "{args:?}: {error}");
    }
    let error = refused(files.path(), &[], &[("KAFMESH_DISCOVER_TOKEN", "")]);
    assert!(
        error.contains("KAFMESH_DISCOVER_TOKEN: the token is empty"),
        "{error}"
    );
    // Tokens that no header carries as they are.
    for token in [
        "p\u{e4}ssword",
        " opensesame",
        "open sesame",
        "opensesame\n",
    ] {
        for variable in ["KAFMESH_DISCOVER_TOKEN", "KAFMESH_DISCOVER_WATCH_TOKEN"] {
            let error = refused(files.path(), &[], &[(variable, token)]);
            assert!(error.contains(&format!("{variable}: the ")), "{error}");
            assert!(
                error.contains("token has a space or a character"),
                "{error}"
            );
            assert!(!error.contains(token.trim()), "{error}");
        }
    }
    std::fs::write(files.path().join("spaced"), "open sesame\n").unwrap();
    let error = refused(files.path(), &["--token-file=spaced"], &[]);
    assert!(
        error.contains("`token-file`: spaced: the token has a space"),
        "{error}"
    );
    let error = refused(
        files.path(),
        &["--token-file=text"],
        &[("KAFMESH_DISCOVER_TOKEN", "x")],
    );
    assert!(
        error.contains("given twice, by KAFMESH_DISCOVER_TOKEN and in text"),
        "{error}"
    );
    settings(
        files.path(),
        &["--tls-certificate=cert.pem", "--tls-key=key.pem"],
        &[],
    );
}

#[test]
fn properties_that_no_client_of_kafka_takes_are_refused() {
    let files = directory(&[(
        "d.yaml",
        "brokers: a:1\nkafka:\n  sasl.pasword: hunter2\n  socket.timeout.ms: soon\n",
    )]);
    let list = "the properties are listed at \
                https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md";
    let error = refused(
        files.path(),
        &["--config=d.yaml"],
        &[("KAFMESH_KAFKA_SASL_USERNAM", "hunter2")],
    );
    assert_eq!(
        error,
        format!(
            "\
error: d.yaml:3:3: No such configuration property: \"sasl.pasword\"; {list}
error: KAFMESH_KAFKA_SASL_USERNAM: No such configuration property: \"sasl.usernam\"; {list}
error: d.yaml:4:3: Invalid value for configuration property \"socket.timeout.ms\"; {list}
"
        )
    );
    let unused = [("KAFMESH_KAFKA_SASL_PASWORD", "hunter2")];
    let error = refused(files.path(), &[], &unused);
    assert!(error.contains("No such configuration"), "{error}");
    let brokers = ("KAFMESH_BROKERS", "a:1");
    for other in ["BOOTSTRAP_SERVERS", "METADATA_BROKER_LIST"] {
        let other = format!("KAFMESH_KAFKA_{other}");
        let error = refused(files.path(), &[], &[brokers, (&other, "b:1")]);
        let wanted = "name the brokers in KAFMESH_BROKERS or with --brokers";
        assert_eq!(error, format!("error: {other}: {wanted}\n"));
    }
    // Each of them is right by itself.
    let together = [brokers, ("KAFMESH_KAFKA_RECONNECT_BACKOFF_MS", "20000")];
    let error = refused(files.path(), &[], &together);
    assert!(
        error.contains("the Kafka client cannot be configured: `reconnect.backoff.max.ms`"),
        "{error}"
    );
}

#[cfg(not(feature = "ssl"))]
#[test]
fn what_kafka_needs_another_build_for_says_so() {
    let files = directory(&[]);
    let over_tls = [
        ("KAFMESH_BROKERS", "a:1"),
        ("KAFMESH_KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
    ];
    let error = refused(files.path(), &[], &over_tls);
    assert!(
        error.contains("KAFMESH_KAFKA_SECURITY_PROTOCOL: Unsupported value \"SASL_SSL\"")
            && error.contains("take the image, or build it with the feature `ssl`"),
        "{error}"
    );
}

#[test]
fn a_process_that_is_named_with_tls_and_without_is_refused() {
    let error = refused(
        directory(&[]).path(),
        &["--target=a:1", "--target=b:1", "--target=https://a:1"],
        &[],
    );
    let wanted = "`target` names a:1 both with https:// and without";
    assert!(error.contains(wanted), "{error}");
}
