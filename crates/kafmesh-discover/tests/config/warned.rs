//! Settings that mean nothing, or something else than may be meant.

use kafmesh_test_tls::Authority;

use crate::{directory, refused, settings};

#[test]
fn an_authority_of_neo4j_is_of_use_with_tls_only() {
    let files = directory(&[("ca.pem", &Authority::new().pem()), ("text", "no PEM here")]);
    let warned = |neo4j| settings(files.path(), &[neo4j, "--neo4j-ca=ca.pem"], &[]).1;
    for checked in ["--neo4j=bolt+s://graph", "--neo4j=neo4j+s://graph"] {
        assert_eq!(warned(checked), "", "{checked}");
    }
    for unchecked in ["--neo4j=bolt://graph", "--neo4j=bolt+ssc://graph"] {
        let warning = warned(unchecked);
        assert!(
            warning.contains("`neo4j-ca` means nothing unless"),
            "{warning}"
        );
    }
    let args = ["--neo4j=bolt+s://graph", "--neo4j-ca=text"];
    let error = refused(files.path(), &args, &[]);
    assert!(
        error.contains("`neo4j-ca`: text: has no section"),
        "{error}"
    );
}

#[test]
fn a_watch_token_may_go_to_processes_that_speak_tls_or_are_named() {
    let files = directory(&[("ca.pem", &Authority::new().pem())]);
    let token = [("KAFMESH_DISCOVER_WATCH_TOKEN", "x")];
    for arg in ["--pod-ca=ca.pem", "--namespace=shop", "--target=shop:50051"] {
        let (_, warnings) = settings(files.path(), &[arg], &token);
        assert_eq!(warnings, "", "{arg}");
    }
}

#[test]
fn what_may_not_be_meant_is_warned_of() {
    let files = directory(&[]);
    for (args, variables, wanted) in [
        (
            &["--listen=0.0.0.0:0"][..],
            &[][..],
            "everybody who reaches 0.0.0.0:0 may read the mesh",
        ),
        (
            &["--listen=0.0.0.0:0"],
            &[("KAFMESH_DISCOVER_TOKEN", "x")],
            "the token crosses the network in the clear",
        ),
        (
            &["--cors-origin=*"],
            &[],
            "every page that a browser near this port shows may read the mesh",
        ),
        (&["--kubernetes=off"], &[], "nothing is asked"),
        (
            &[],
            &[("KAFMESH_DISCOVER_NEO4J_PASSWORD", "x")],
            "no address (--neo4j)",
        ),
        (&[], &[("KAFMESH_KAFKA_CLIENT_ID", "x")], "no brokers"),
        (
            &["--kubernetes=on"],
            &[("KAFMESH_DISCOVER_WATCH_TOKEN", "x")],
            "the watch token is sent to nobody",
        ),
        (
            &[],
            &[("KAFMESH_DISCOVER_LISTN", "x")],
            "KAFMESH_DISCOVER_LISTN means nothing here; is KAFMESH_DISCOVER_LISTEN meant?",
        ),
        (
            &[],
            &[("KAFMESH_BROKER", "a:1")],
            "KAFMESH_BROKER means nothing here; is KAFMESH_BROKERS meant?",
        ),
        (
            &[],
            &[("KAFMESH_DISCOVERY_LISTEN", "a:1")],
            "is KAFMESH_DISCOVER_LISTEN meant?",
        ),
        (
            &[],
            &[("KAFMESH_KAFAK_SASL_PASSWORD", "x")],
            "is KAFMESH_KAFKA_SASL_PASSWORD meant?",
        ),
        (
            &["--namespace=a", "--target=a:1"],
            &[],
            "`namespace` means nothing with a `target` while `kubernetes` is auto",
        ),
        (
            &["--pod-server-name=a"],
            &[],
            "`pod-server-name` means nothing without `pod-ca`",
        ),
        (
            &["--neo4j-database=a"],
            &[],
            "`neo4j-database` means nothing without `neo4j`",
        ),
        (
            &[],
            &[("KAFMESH_DISCOVER_NEO4J_USER", "neo4j")],
            "`neo4j-user` means nothing without `neo4j`",
        ),
        (
            &["--kafka-interval=1s"],
            &[],
            "`kafka-interval` means nothing without `brokers`",
        ),
    ] {
        let (_, warnings) = settings(files.path(), args, variables);
        assert!(warnings.contains(wanted), "{args:?}: {warnings}");
    }
    // What Kubernetes sets for a Service of this name is nobody's mistake.
    let service = [
        ("KAFMESH_DISCOVER_PORT", "tcp://10.0.0.1:80"),
        ("KAFMESH_DISCOVER_SERVICE_HOST", "10.0.0.1"),
        ("KAFMESH_DISCOVER_PORT_80_TCP_ADDR", "10.0.0.1"),
    ];
    assert_eq!(settings(files.path(), &[], &service).1, "");
    // Neither are the services' own, in the same environment.
    let services = [
        ("KAFMESH_LISTEN", "0.0.0.0:50051"),
        ("KAFMESH_PORT", "tcp://10.0.0.1:80"),
        ("KAFMESH_INSTANCE", "a"),
        ("KAFMESH_TLS_CERTIFICATE", "a"),
        ("KAFMESH_TLS_KEY", "a"),
        ("KAFMESH_TLS_CLIENT_CA", "a"),
        ("KAFMESH_STATE_DIR", "a"),
        ("KAFMESH_STATE_CACHE_BYTES", "1"),
        ("KAFMESH_COMMIT_INTERVAL", "1s"),
        ("KAFMESH_STARTUP_TIMEOUT", "1s"),
        ("KAFMESH_SHUTDOWN_TIMEOUT", "1s"),
        ("KAFMESH_WATCH", "off"),
        ("KAFMESH_WATCH_TOKEN", "x"),
        ("KAFMESH_WATCH_RATE", "1"),
        ("KAFMESH_DEV", "true"),
        ("KAFMESH_TEST_BROKERS", "a:1"),
    ];
    assert_eq!(settings(files.path(), &[], &services).1, "");
}
