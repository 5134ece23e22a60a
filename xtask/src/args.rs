//! The command line of `cargo xtask`.

use std::ffi::OsString;
use std::num::NonZeroU64;

use anyhow::{Context as _, Result, bail};
use lexopt::prelude::*;

use crate::{bench, codegen, kafka, test};

/// What `cargo xtask --help` prints.
pub(crate) const HELP: &str = "\
Repository chores.

Usage: cargo xtask COMMAND

Commands:
  demo                          the examples with traffic, on a broker inside kafmesh
                                (KAFMESH_BROKERS: on yours)
  test [OPTIONS] [FILTER]       every check and test, on servers started for it
                                (KAFMESH_TEST_BROKERS, KAFMESH_TEST_POSTGRES, KAFMESH_TEST_NEO4J: on yours)
  bench [OPTIONS]               what a record costs, beside a bare librdkafka loop, on a Kafka started for it
                                (KAFMESH_TEST_BROKERS or KAFMESH_BROKERS: on yours)
  codegen [--check]             regenerate the examples' checked-in code, or tell whether it is stale
  servers kafka [--nodes 3|1]   run an Apache Kafka until Ctrl-C and print its address
  servers postgres              the same with a PostgreSQL
  servers neo4j                 the same with a Neo4j
  servers kubernetes            compile a Kubernetes API server and etcd once, and print where they are
                                (KUBEBUILDER_ASSETS: yours)
  servers tools                 the same with grpcurl and Helm
                                (KAFMESH_TEST_GRPCURL, KAFMESH_TEST_HELM: yours, in tests)

Options of test:
  --skip-checks    only the tests: no formatting, clippy, documentation, cargo-deny, codegen
  --skip-deny      leave out cargo-deny, which is compiled once if it is not installed
  --advisories     let cargo-deny look for security advisories too (needs access to a git host)
  FILTER           only tests whose name contains it, without the checks
  -- ARGUMENTS     passed to the test binaries, without the checks

Options of bench:
  --rows ROWS      records: what a record costs, tables: how large tables are restored, read and
                   held, watch: what it costs to be watched (records,tables)
  --records N      how many records everybody handles (2000000)
  --keys N         how many keys they have (100000)
  --entries N,…    how many entries the tables have (1000000,5000000)
  --runs N         how often everybody runs, in turn (3)

Examples:
  cargo xtask test
  cargo xtask test restore -- --nocapture
  KAFMESH_TEST_BROKERS=localhost:9092 cargo xtask test

Kafka (54 MB), PostgreSQL (15 MB) and Neo4j (116 MB) are fetched once into $XDG_CACHE_HOME/kafmesh or
~/.cache/kafmesh. For the tests of kafmesh-discover, Kubernetes' API server, etcd, grpcurl and Helm are compiled
there once, from sources that the Go module proxy has (12 minutes on two cores); where no Go 1.26 or newer is
installed, one is fetched for that from what GOPROXY names (72 MB).
NO_COLOR turns colours off.
";

/// What `cargo xtask servers` takes.
const SERVERS: &str = "kafka, postgres, neo4j, kubernetes and tools";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Help,
    Demo,
    Test(test::Options),
    Bench(bench::Options),
    Codegen(codegen::Mode),
    ServersKafka { nodes: u16 },
    ServersPostgres,
    ServersNeo4j,
    ServersKubernetes,
    ServersTools,
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Task> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let Some(first) = parser.next()? else {
        return Ok(Task::Help);
    };
    let command = match first {
        Short('h') | Long("help") => return Ok(Task::Help),
        Value(command) => command.string()?,
        other => return Err(other.unexpected().into()),
    };
    match command.as_str() {
        "help" => Ok(Task::Help),
        "demo" => demo(parser),
        "test" => test(parser),
        "bench" => bench(parser),
        "codegen" => codegen(parser),
        "servers" => servers(parser),
        other => bail!("there is no command `{other}`; `cargo xtask --help` lists them"),
    }
}

fn demo(mut parser: lexopt::Parser) -> Result<Task> {
    match parser.next()? {
        None => Ok(Task::Demo),
        Some(Short('h') | Long("help")) => Ok(Task::Help),
        Some(other) => Err(other.unexpected().into()),
    }
}

fn test(mut parser: lexopt::Parser) -> Result<Task> {
    let mut options = test::Options::default();
    // What follows `--` is for others and keeps its `--`.
    let mut own: Vec<OsString> = parser.raw_args()?.collect();
    let end = own
        .iter()
        .position(|argument| argument == "--")
        .unwrap_or(own.len());
    let passed_on = own.split_off(end);
    let mut parser = lexopt::Parser::from_args(own);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Long("skip-checks") => options.skip_checks = true,
            Long("skip-deny") => options.skip_deny = true,
            Long("advisories") => options.advisories = true,
            Value(filter) if options.passed_on.is_empty() => options.passed_on.push(filter),
            other => return Err(other.unexpected().into()),
        }
    }
    options.passed_on.extend(passed_on);
    Ok(Task::Test(options))
}

fn bench(mut parser: lexopt::Parser) -> Result<Task> {
    let mut options = bench::Options::default();
    while let Some(argument) = parser.next()? {
        let (option, name) = match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Long("records") => (&mut options.records, "--records"),
            Long("keys") => (&mut options.keys, "--keys"),
            Long("runs") => (&mut options.runs, "--runs"),
            Long("rows") => {
                options.rows = Some(parser.value()?.string()?);
                continue;
            }
            Long("entries") => {
                options.entries = Some(parser.value()?.string()?);
                continue;
            }
            other => return Err(other.unexpected().into()),
        };
        let number: NonZeroU64 = parser
            .value()?
            .parse()
            .with_context(|| format!("{name} takes a number above zero"))?;
        *option = Some(number.get());
    }
    Ok(Task::Bench(options))
}

fn codegen(mut parser: lexopt::Parser) -> Result<Task> {
    let mut mode = codegen::Mode::Write;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Long("check") => mode = codegen::Mode::Check,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Task::Codegen(mode))
}

fn servers(mut parser: lexopt::Parser) -> Result<Task> {
    let mut server = None;
    let mut nodes = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Value(name) if server.is_none() => server = Some(name.string()?),
            Long("nodes") => nodes = Some(parse_nodes(&mut parser)?),
            other => return Err(other.unexpected().into()),
        }
    }
    let task = match server.as_deref() {
        Some("kafka") => {
            return Ok(Task::ServersKafka {
                nodes: nodes.unwrap_or(kafka::NODES),
            });
        }
        Some("postgres") => Task::ServersPostgres,
        Some("neo4j") => Task::ServersNeo4j,
        Some("kubernetes") => Task::ServersKubernetes,
        Some("tools") => Task::ServersTools,
        Some(other) => bail!("there is no server `{other}`; there are {SERVERS}"),
        None => bail!("which server? there are {SERVERS}"),
    };
    if nodes.is_some() {
        bail!("--nodes is for kafka");
    }
    Ok(task)
}

fn parse_nodes(parser: &mut lexopt::Parser) -> Result<u16> {
    let nodes = parser.value()?.parse().context("--nodes takes a number")?;
    // A quorum of two is no better than one node, and more than three do not fit a laptop.
    if ![1, 3].contains(&nodes) {
        bail!("--nodes is 1 or 3");
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Task> {
        super::parse(line.split_whitespace().map(Into::into))
    }

    #[test]
    fn commands_are_understood() {
        for (line, expected) in [
            ("", Task::Help),
            ("--help", Task::Help),
            ("servers --help", Task::Help),
            ("demo", Task::Demo),
            ("bench", Task::Bench(bench::Options::default())),
            (
                "bench --records 200000 --keys=10 --runs 1",
                Task::Bench(bench::Options {
                    records: Some(200_000),
                    keys: Some(10),
                    runs: Some(1),
                    ..bench::Options::default()
                }),
            ),
            (
                "bench --rows tables --entries 1000,2000",
                Task::Bench(bench::Options {
                    rows: Some("tables".to_owned()),
                    entries: Some("1000,2000".to_owned()),
                    ..bench::Options::default()
                }),
            ),
            ("codegen", Task::Codegen(codegen::Mode::Write)),
            ("codegen --check", Task::Codegen(codegen::Mode::Check)),
            ("servers kafka", Task::ServersKafka { nodes: 3 }),
            ("servers kafka --nodes 1", Task::ServersKafka { nodes: 1 }),
            ("servers --nodes=1 kafka", Task::ServersKafka { nodes: 1 }),
            ("servers postgres", Task::ServersPostgres),
            ("servers neo4j", Task::ServersNeo4j),
            ("servers kubernetes", Task::ServersKubernetes),
            ("servers tools", Task::ServersTools),
        ] {
            assert_eq!(parse(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn the_options_of_test_are_understood() {
        let passed_on = |words: &[&str]| words.iter().map(Into::into).collect();
        for (line, expected) in [
            ("test", test::Options::default()),
            (
                "test --skip-checks",
                test::Options {
                    skip_checks: true,
                    ..test::Options::default()
                },
            ),
            (
                "test --skip-deny",
                test::Options {
                    skip_deny: true,
                    ..test::Options::default()
                },
            ),
            (
                "test --advisories",
                test::Options {
                    advisories: true,
                    ..test::Options::default()
                },
            ),
            (
                "test restore",
                test::Options {
                    passed_on: passed_on(&["restore"]),
                    ..test::Options::default()
                },
            ),
            (
                "test --skip-deny restore -- --nocapture --skip-deny",
                test::Options {
                    skip_deny: true,
                    passed_on: passed_on(&["restore", "--", "--nocapture", "--skip-deny"]),
                    ..test::Options::default()
                },
            ),
        ] {
            assert_eq!(parse(line).unwrap(), Task::Test(expected), "{line}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, expected) in [
            ("fly", "`fly`"),
            ("demo fast", "fast"),
            ("bench --runs 0", "--runs takes a number above zero"),
            ("bench fast", "fast"),
            ("codegen --chek", "--chek"),
            ("test one two", "two"),
            ("test --slow", "--slow"),
            ("servers", "kafka, postgres, neo4j"),
            ("servers redis", "redis"),
            ("servers kafka postgres", "postgres"),
            ("servers postgres --nodes 1", "--nodes is for kafka"),
            ("servers neo4j --nodes 1", "--nodes is for kafka"),
            ("servers kafka --nodes 2", "--nodes is 1 or 3"),
            ("servers kafka --nodes x", "--nodes takes a number"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
