//! Where settings come from, and how those in effect are shown.

use std::fs;

use crate::{directory, refused, run, settings};

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
