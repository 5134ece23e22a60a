//! Commands that a page asks its reader to type, and that are too costly to run: whether they could work.

use std::path::Path;
use std::process::Command;

use kafmesh_discover::config::{self, LoadError};

use crate::repository;

/// What is wrong with the command line `line`, if anything; `kafmesh` is the command line tool.
pub fn problem(line: &str, kafmesh: &Path) -> Option<String> {
    let line = line.split(" #").next().unwrap_or_default();
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let mut known = crate::tables::variables(&repository::read("crates/kafmesh/src/config.rs"));
    known.extend(
        config::settings()
            .into_iter()
            .map(|setting| setting.variable),
    );
    while let Some((name, _)) = words.first().and_then(|word| word.split_once('=')) {
        let tools = [
            "DATABASE_URL",
            "KAFMESH_TEST_BROKERS",
            "KAFMESH_TEST_NEO4J",
            "KAFMESH_TEST_POSTGRES",
            "NO_COLOR",
            "RUST_LOG",
        ];
        if !known.iter().any(|variable| variable == name) && !tools.contains(&name) {
            return Some(format!("there is no variable {name}"));
        }
        words.remove(0);
    }
    match words.as_slice() {
        [] => None,
        ["cargo", "xtask", command, rest @ ..] => xtask(command, rest),
        ["cargo", "install", "--path", path, ..] => install(path.trim_start_matches("kafmesh/")),
        [
            "cargo",
            "run" | "test" | "check" | "fmt" | "clippy" | "doc",
            rest @ ..,
        ] => cargo(rest),
        ["kafmesh", rest @ ..] => understood(rest, kafmesh),
        ["kafmesh-discover", ..] => discover(&words),
        ["grpcurl", .., method] => call(method),
        ["docker" | "helm" | "kubectl", rest @ ..] => deployed(rest),
        ["curl", .., url] => asked(url),
        ["cd" | "git" | "kafka-acls", ..] => None,
        [other, ..] => Some(format!("nothing is known of the command `{other}`")),
    }
}

fn xtask(command: &str, rest: &[&str]) -> Option<String> {
    let help = repository::read("xtask/src/args.rs");
    let listed = |text: &str| {
        help.lines()
            .any(|line| line.starts_with(&format!("  {text} ")))
    };
    if !listed(command) {
        return Some(format!("`cargo xtask` has no command `{command}`"));
    }
    let option = rest
        .iter()
        .find(|word| word.starts_with("--") && word.len() > 2 && !help.contains(*word));
    option.map(|option| format!("`cargo xtask {command}` has no option `{option}`"))
}

fn install(path: &str) -> Option<String> {
    let package = repository::root().join(path);
    let has_programs = package.join("src/main.rs").is_file()
        || std::fs::read_to_string(package.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.contains("[[bin]]"));
    (!has_programs).then(|| format!("{path} is no package with programs"))
}

/// A call of a method that every service answers.
fn call(method: &str) -> Option<String> {
    let has = |proto: &str| {
        let (service, method) = method.split_once('/')?;
        let (package, service) = service.rsplit_once('.')?;
        let holds = |text: String| proto.contains(&text);
        (holds(format!("package {package};"))
            && holds(format!("service {service} {{"))
            && holds(format!("rpc {method}(")))
        .then_some(())
    };
    let known = repository::files().into_iter().any(|file| {
        file.path.starts_with("crates/kafmesh-proto/protos/") && has(&file.text).is_some()
    });
    (!known).then(|| format!("no service answers `{method}`"))
}

fn cargo(rest: &[&str]) -> Option<String> {
    let package = rest
        .iter()
        .skip_while(|word| !["-p", "--package"].contains(word))
        .nth(1)?;
    let known = super::dependencies::packages()
        .iter()
        .any(|member| member.name == *package);
    (!known && *package != "CRATE").then(|| format!("there is no package {package}"))
}

/// Whether kafmesh-discover takes the flags; the files they name are the reader's.
fn discover(words: &[&str]) -> Option<String> {
    let args = words.iter().map(Into::into);
    match config::load(args, []) {
        Err(LoadError::CommandLine(error)) if error.use_stderr() => Some(error.to_string()),
        _ => None,
    }
}

/// The files of this repository that are deployed.
fn deployed(words: &[&str]) -> Option<String> {
    let missing = words
        .iter()
        .find(|word| word.starts_with("deploy/") && !repository::root().join(word).exists());
    missing.map(|path| format!("there is no {path}"))
}

/// Whether kafmesh-discover has the page, if it is asked.
fn asked(url: &str) -> Option<String> {
    let (_, path) = url.split_once("://localhost:8080")?;
    let description = serde_json::to_value(kafmesh_discover::api::description());
    let description = description.expect("OpenAPI is JSON");
    let known = description["paths"].get(path.split('?').next()?).is_some();
    (!known).then(|| format!("kafmesh-discover has no {path}"))
}

/// Asks for the help of the same command line, which needs it to be right.
fn understood(words: &[&str], kafmesh: &Path) -> Option<String> {
    let words: Vec<&str> = words
        .iter()
        .take_while(|word| **word != "--")
        .copied()
        .collect();
    let output = Command::new(kafmesh)
        .args(words)
        .arg("--help")
        .env("NO_COLOR", "1")
        .output()
        .expect("kafmesh runs");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_cannot_work_are_found() {
        let check = |line: &str| problem(line, Path::new("/bin/false"));
        for good in [
            "cargo xtask test --skip-deny",
            "KAFMESH_TEST_BROKERS=a:1 cargo xtask test",
            "KAFMESH_DEV=true cargo run",
            "cargo install --path kafmesh/crates/kafmesh-cli",
            "cargo test -p kafmesh-definition  # one package",
            "grpcurl -plaintext localhost:50051 kafmesh.ping.v1.PingAPI/Ping",
            "KAFMESH_DISCOVER_LISTEN=[::]:1 kafmesh-discover --target a:1 --neo4j bolt://b",
            "kubectl apply -f deploy/kubernetes/",
            "curl http://localhost:8080/api/v1/services?stale=true",
        ] {
            assert_eq!(check(good), None, "{good}");
        }
        for bad in [
            "cargo xtask fly",
            "cargo xtask test --slowly",
            "KAFMESH_BROKER=a:1 cargo run",
            "cargo install --path crates/kafmesh",
            "cargo test -p nothing",
            "grpcurl -plaintext localhost:50051 kafmesh.ping.v1.PingAPI/Pong",
            "kafmesh fly",
            "kafmesh-discover --fly",
            "helm install kafmesh deploy/nothing",
            "docker build -f deploy/docker/nothing.Dockerfile .",
            "curl http://localhost:8080/api/v1",
            "make",
        ] {
            assert!(check(bad).is_some(), "{bad}");
        }
    }
}
