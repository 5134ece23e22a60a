//! The command line of `cargo xtask`.

use std::ffi::OsString;

use anyhow::{Context as _, Result, bail};
use lexopt::prelude::*;

/// What `cargo xtask --help` prints.
pub(crate) const HELP: &str = "\
Repository chores.

Usage: cargo xtask COMMAND

Commands:
  servers kafka [--nodes 1|3]   run an Apache Kafka until Ctrl-C and print its address

Kafka is fetched once (54 MB) into $XDG_CACHE_HOME/kafmesh or ~/.cache/kafmesh.
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Help,
    ServersKafka { nodes: u16 },
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
        "servers" => servers(parser),
        other => bail!("there is no command `{other}`; `cargo xtask --help` lists them"),
    }
}

fn servers(mut parser: lexopt::Parser) -> Result<Task> {
    let mut kafka = false;
    let mut nodes = 1;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Value(name) if name == "kafka" => kafka = true,
            Long("nodes") => {
                nodes = parser.value()?.parse().context("--nodes takes a number")?;
                // A quorum of two is no better than one node, and more than three do not fit a laptop.
                if ![1, 3].contains(&nodes) {
                    bail!("--nodes is 1 or 3");
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if !kafka {
        bail!("which server? there is: cargo xtask servers kafka");
    }
    Ok(Task::ServersKafka { nodes })
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
            ("servers kafka", Task::ServersKafka { nodes: 1 }),
            ("servers kafka --nodes 3", Task::ServersKafka { nodes: 3 }),
            ("servers --nodes=3 kafka", Task::ServersKafka { nodes: 3 }),
        ] {
            assert_eq!(parse(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, expected) in [
            ("fly", "`fly`"),
            ("servers", "servers kafka"),
            ("servers neo4j", "neo4j"),
            ("servers kafka --nodes 2", "--nodes is 1 or 3"),
            ("servers kafka --nodes x", "--nodes takes a number"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
