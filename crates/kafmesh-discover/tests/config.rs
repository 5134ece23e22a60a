//! What the program is told, and what it answers to that.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use kafmesh_test_tls::Authority;

/// The program with these arguments, and with these variables only, in `directory`.
fn run(directory: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kafmesh-discover"))
        .args(args)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(directory)
        .output()
        .unwrap()
}

/// The settings in effect, and the warnings.
fn settings(directory: &Path, args: &[&str], variables: &[(&str, &str)]) -> (String, String) {
    let mut all = args.to_vec();
    all.push("--check-config");
    let output = run(directory, &all, variables);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    (String::from_utf8(output.stdout).unwrap(), errors)
}

/// What is said of a configuration that is refused.
fn refused(directory: &Path, args: &[&str], variables: &[(&str, &str)]) -> String {
    let mut all = args.to_vec();
    all.push("--check-config");
    let output = run(directory, &all, variables);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8(output.stderr).unwrap()
}

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let files = directory(&[(
        "d.yaml",
        "listen: 127.0.0.1:1\nscrape-interval: 1m\nscrape-timeout: 1s\nscrape-limit: 1MiB\n",
    )]);
    let (settings, _) = settings(
        files.path(),
        &["--config", "d.yaml", "--scrape-interval", "3m"],
        &[
            ("KAFMESH_DISCOVER_SCRAPE_INTERVAL", "2m"),
            ("KAFMESH_DISCOVER_SCRAPE_TIMEOUT", "2s"),
            ("KAFMESH_DISCOVER_SCRAPE_LIMIT", ""),
        ],
    );
    for line in [
        "scrape-interval: 3m # --scrape-interval",
        "scrape-timeout: 2s # KAFMESH_DISCOVER_SCRAPE_TIMEOUT",
        "scrape-limit: 1MiB # d.yaml:4:1",
        "listen: 127.0.0.1:1 # d.yaml:1:1",
        "scrape-concurrency: 64 # default",
        "# neo4j:",
    ] {
        assert!(settings.lines().any(|l| l == line), "{line}\n{settings}");
    }
}

#[test]
fn the_settings_in_effect_are_a_file_that_means_the_same() {
    let files = directory(&[("password", "x\n")]);
    let (first, _) = settings(
        files.path(),
        &[
            "--target=a:1",
            "--target=b:2",
            "--neo4j=bolt://localhost:7687",
            "--neo4j-password-file=password",
            "--cors-origin=*",
            "--open-metrics",
            "--log=warn,kafmesh_discover=debug",
        ],
        &[
            ("KAFMESH_BROKERS", "k:9092,l:9092"),
            ("KAFMESH_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
        ],
    );
    fs::write(files.path().join("same.yaml"), &first).unwrap();
    let (second, _) = settings(files.path(), &["--config=same.yaml"], &[]);
    let without_sources = |text: &str| -> Vec<String> {
        let lines = text.lines().skip(1);
        lines
            .map(|line| {
                line.split(" # ")
                    .next()
                    .unwrap_or_default()
                    .trim_end_matches(" #")
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(without_sources(&first), without_sources(&second));
    assert!(first.contains("  - b:2\n"), "{first}");
    assert!(
        first.contains("open-metrics: true # --open-metrics"),
        "{first}"
    );
    assert!(first.contains("  security.protocol: PLAINTEXT # KAFMESH_KAFKA_SECURITY_PROTOCOL"));
}

#[test]
fn secrets_are_not_printed_and_are_no_flags() {
    let files = directory(&[("d.yaml", "token: hunter2\n"), ("sasl", "hunter3\n")]);
    let (settings, _) = settings(
        files.path(),
        &["--config=d.yaml", "--neo4j=bolt://localhost"],
        &[
            ("KAFMESH_DISCOVER_NEO4J_PASSWORD", "hunter2"),
            ("KAFMESH_BROKERS", "a:1"),
            ("KAFMESH_KAFKA_SASL_PASSWORD_FILE", "sasl"),
        ],
    );
    assert!(!settings.contains("hunter"), "{settings}");
    assert!(
        settings.contains("token: \"***\" # d.yaml:1:1"),
        "{settings}"
    );
    assert!(
        settings.contains("  sasl.password: \"***\" # KAFMESH_KAFKA_SASL_PASSWORD_FILE, sasl"),
        "{settings}"
    );
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
        // Without brokers, it does not matter whether this build takes them.
        let file = format!("kafka:\n  {property}: hunter2\n");
        fs::write(files.path().join("k.yaml"), file).unwrap();
        let (settings, _) = self::settings(files.path(), &["--config=k.yaml"], &[]);
        let line = format!("  {property}: \"***\" # k.yaml:2:3");
        assert!(settings.lines().any(|l| l == line), "{line}\n{settings}");
        assert!(!settings.contains("hunter"), "{settings}");
    }
    // A property of its own, not the file of another one.
    let property = "sasl.oauthbearer.assertion.private.key.file: /k";
    let file = format!("kafka: {{{property}}}\n");
    fs::write(files.path().join("k.yaml"), file).unwrap();
    let (settings, _) = self::settings(files.path(), &["--config=k.yaml"], &[]);
    assert!(settings.contains(property), "{settings}");
    let error = refused(files.path(), &["--token=hunter2"], &[]);
    assert!(error.contains("unexpected argument '--token'"), "{error}");
}

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

#[test]
fn the_example_is_taken() {
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/examples/discover.yaml"
    );
    let files = directory(&[("neo4j-password", "x")]);
    let (settings, warnings) = settings(files.path(), &["--config", example], &[]);
    assert_eq!(warnings, "");
    assert!(settings.contains("neo4j: bolt://localhost:7687 # "));
}

#[test]
fn help_teaches_and_names_every_setting() {
    let files = directory(&[]);
    let output = run(
        files.path(),
        &["--help"],
        &[("KAFMESH_DISCOVER_NEO4J_USER", "me")],
    );
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for setting in kafmesh_discover::config::settings() {
        let named = if setting.flag {
            help.contains(&format!("--{}", setting.key))
        } else {
            true
        };
        assert!(
            named && help.contains(&setting.variable),
            "{setting:?}\n{help}"
        );
        assert!(
            !setting.meaning.is_empty() && !setting.heading.is_empty(),
            "{setting:?}"
        );
    }
    assert!(help.contains("Examples:"));
    assert!(
        !help.contains("=me"),
        "values of variables may be private: {help}"
    );
}
