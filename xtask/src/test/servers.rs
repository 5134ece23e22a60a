//! The servers and programs that the tests run on, and how the tests find them.

use std::ffi::OsString;

use anyhow::Result;

use super::variables::{BROKERS, NEO4J, POSTGRES};
use super::{Report, programs, variables};
use crate::kafka::{self, Cluster};
use crate::{neo4j, postgres, say};

/// What was started for this run; dropping it ends all of it.
#[derive(Debug, Default)]
pub(super) struct Servers {
    kafka: Option<Cluster>,
    postgres: Option<postgres::Server>,
    neo4j: Option<neo4j::Server>,
    /// What the tests get to know.
    pub(super) variables: Vec<(&'static str, OsString)>,
}

impl Servers {
    /// Provides whatever the environment does not name; nothing when what most of the tests need cannot be had.
    pub(super) fn start(report: &mut Report) -> Result<Option<Self>> {
        let mut servers = Self::default();
        // First, while nothing that was started takes memory: the first time they are compiled. Without them and
        // without Neo4j the tests of kafmesh-discover fail, and say so; the others run.
        for (name, programs) in [
            (
                "Kubernetes' API server for the tests",
                programs::kubernetes as fn() -> _,
            ),
            ("grpcurl and Helm for the tests", programs::tools),
        ] {
            report.stage(name, || {
                let named: Vec<programs::Named> = programs()?;
                let named = named.into_iter().map(|(name, path)| (name, path.into()));
                servers.variables.extend(named);
                Ok(true)
            })?;
        }
        if !is_yours("Neo4j", NEO4J) {
            report.stage("Neo4j for the tests", || {
                let own = servers.neo4j.insert(neo4j::Server::start()?);
                servers.variables.push((NEO4J, own.url().into()));
                Ok(true)
            })?;
        }
        let mut complete = true;
        if !is_yours("Kafka", BROKERS) {
            complete &= report.stage("Kafka for the tests", || {
                let own = servers.kafka.insert(Cluster::start(kafka::NODES)?);
                servers.variables.push((BROKERS, own.brokers().into()));
                let sasl = own.sasl().map(|(name, value)| (name, value.into()));
                servers.variables.extend(sasl);
                Ok(true)
            })?;
        }
        if !is_yours("PostgreSQL", POSTGRES) {
            complete &= report.stage("PostgreSQL for the tests", || {
                let own = servers.postgres.insert(postgres::Server::start()?);
                servers.variables.push((POSTGRES, own.url().into()));
                Ok(true)
            })?;
        }
        Ok(complete.then_some(servers))
    }

    /// Fails when a server has gone away.
    pub(super) fn check(&mut self) -> Result<()> {
        self.kafka.as_mut().map_or(Ok(()), Cluster::check)?;
        self.postgres
            .as_mut()
            .map_or(Ok(()), postgres::Server::check)?;
        self.neo4j.as_mut().map_or(Ok(()), neo4j::Server::check)
    }
}

fn is_yours(server: &str, variable: &str) -> bool {
    let yours = variables::value(variable).is_some();
    if yours {
        say::note(format!("the tests run on your {server}: {variable} is set"));
    }
    yours
}
