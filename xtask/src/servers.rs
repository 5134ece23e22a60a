//! `cargo xtask servers`: runs a real server in the foreground until it is no longer wanted, or provides the programs
//! of those that tests start by themselves.

use std::io::BufRead as _;
use std::sync::mpsc::{self, Receiver, TryRecvError};

use anyhow::{Context as _, Result, bail};

use crate::kafka::Cluster;
use crate::test::{programs, variables};
use crate::{interrupt, neo4j, postgres, say};

/// Runs Kafka until Ctrl-C, which comes as an error, and obeys the commands that arrive on standard input.
pub(crate) fn kafka(nodes: u16) -> Result<bool> {
    let mut cluster = Cluster::start(nodes)?;
    println!("KAFMESH_BROKERS={}", cluster.brokers());
    for (name, value) in cluster.sasl() {
        say::note(format!("with a password: {name}={value}"));
    }
    say::note(
        "Ctrl-C stops it and removes its data; `kill N` and `start N` on standard input do so to one node",
    );
    let commands = commands();
    loop {
        cluster.check()?;
        match commands.try_recv() {
            Ok(line) => obey(&mut cluster, &line)?,
            // Closed input, as in a script, is no reason to stop.
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
        }
        interrupt::tick()?;
    }
}

/// Runs PostgreSQL until Ctrl-C, which comes as an error.
pub(crate) fn postgres() -> Result<bool> {
    let mut server = postgres::Server::start()?;
    println!("DATABASE_URL={}", server.url());
    say::note("Ctrl-C stops it and removes its data");
    loop {
        server.check()?;
        interrupt::tick()?;
    }
}

/// Runs Neo4j until Ctrl-C, which comes as an error.
pub(crate) fn neo4j() -> Result<bool> {
    let mut server = neo4j::Server::start()?;
    println!("{}={}", variables::NEO4J, server.url());
    say::note("Ctrl-C stops it and removes its data");
    loop {
        server.check()?;
        interrupt::tick()?;
    }
}

/// Makes sure that there are a Kubernetes API server and etcd, and says where.
pub(crate) fn kubernetes() -> Result<bool> {
    print(programs::kubernetes()?)
}

/// Makes sure that there are the command lines that tests use, and says where.
pub(crate) fn tools() -> Result<bool> {
    print(programs::tools()?)
}

fn print(programs: Vec<programs::Named>) -> Result<bool> {
    for (variable, path) in programs {
        println!("{variable}={}", path.display());
    }
    Ok(true)
}

fn obey(cluster: &mut Cluster, line: &str) -> Result<()> {
    let outcome = match parse(line) {
        Ok(None) => return Ok(()),
        Ok(Some(Order::Kill(id))) => cluster.kill(id).map(|()| format!("killed {id}")),
        Ok(Some(Order::Start(id))) => cluster.restart(id).map(|()| format!("started {id}")),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(done) => println!("{done}"),
        Err(error) if error.is::<interrupt::Interrupted>() => return Err(error),
        Err(error) => say::error(format!("{error:#}")),
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Order {
    Kill(u16),
    Start(u16),
}

fn parse(line: &str) -> Result<Option<Order>> {
    let words: Vec<_> = line.split_whitespace().collect();
    let order: fn(u16) -> Order = match words[..] {
        [] => return Ok(None),
        ["kill", _] => Order::Kill,
        ["start", _] => Order::Start,
        _ => bail!(
            "`{}` is not a command; there are `kill N` and `start N`",
            line.trim()
        ),
    };
    let id = words[1]
        .parse()
        .with_context(|| format!("`{}` is not the number of a node", words[1]))?;
    Ok(Some(order(id)))
}

/// The lines of standard input, read beside everything else.
fn commands() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_name_a_node() {
        assert_eq!(parse("kill 2\n").unwrap(), Some(Order::Kill(2)));
        assert_eq!(parse(" start  3 ").unwrap(), Some(Order::Start(3)));
        assert_eq!(parse("  ").unwrap(), None);
    }

    #[test]
    fn other_lines_are_explained() {
        assert_eq!(
            parse("stop").unwrap_err().to_string(),
            "`stop` is not a command; there are `kill N` and `start N`"
        );
        assert_eq!(
            parse("kill all").unwrap_err().to_string(),
            "`all` is not the number of a node"
        );
    }
}
