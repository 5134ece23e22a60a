//! A throw-away Apache Kafka on this machine: fetched once, started in seconds, gone without a trace.

mod config;
mod jars;
mod node;
mod plain;
mod tls;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::require::{self, Need};
use crate::scratch::Scratch;
use crate::test::variables::{ACL_BROKERS, SASL_BROKERS};
use crate::{interrupt, ports, say};
use node::Node;
use tls::Keys;

pub(crate) use jars::VERSION;

/// The nodes of a cluster when nothing is said: enough for the replication factor of 3 that definitions usually have,
/// the clicks example's too.
pub(crate) const NODES: u16 = 3;

/// How long all nodes together may take until they serve. Three nodes need about ten seconds; a busy machine more.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A running cluster; dropping it kills every node and removes the data.
#[derive(Debug)]
pub(crate) struct Cluster {
    // Before the folder, so that no node runs any more when its data goes.
    nodes: Vec<Node>,
    keys: Keys,
    _data: Scratch,
    jars: PathBuf,
}

impl Cluster {
    /// Starts `count` nodes, each broker and controller, and returns when all of them serve.
    ///
    /// # Errors
    /// When Java or Maven are missing and cannot be installed, when the jars cannot be fetched, or when a node ends or
    /// does not become ready in time; then the end of its log has been shown.
    pub(crate) fn start(count: u16) -> Result<Self> {
        require::ensure(&[Need::Java, Need::Maven])?;
        let jars = jars::fetch()?;
        let started = Instant::now();
        say::step(format!(
            "starting Apache Kafka {VERSION} with {count} {}",
            plural(count, "node")
        ));
        let data = Scratch::new("kafka")?;
        let keys = Keys::make(data.path())?;
        let nodes = config::cluster(&ports::free(usize::from(count) * config::PORTS)?)
            .into_iter()
            .map(|config| Node::new(data.path(), &config, &keys))
            .collect::<Result<Vec<_>>>()?;
        let mut cluster = Self {
            nodes,
            keys,
            _data: data,
            jars,
        };
        cluster.launch()?;
        say::note(format!("ready after {}", say::took(started.elapsed())));
        Ok(cluster)
    }

    fn launch(&mut self) -> Result<()> {
        // All at the same time: formatting is mostly the start of a JVM, and the nodes need each other for a quorum.
        let mut formats = self
            .nodes
            .iter()
            .map(|node| node.format(&self.jars))
            .collect::<Result<Vec<_>>>()?;
        for (node, format) in self.nodes.iter().zip(&mut formats) {
            if !format.wait()?.success() {
                node.show_log();
                bail!("cannot format the storage of Kafka node {}", node.id());
            }
        }
        for node in &mut self.nodes {
            node.start(&self.jars)?;
        }
        self.await_ready()
    }

    fn await_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !self
            .nodes
            .iter()
            .filter(|node| node.is_running())
            .all(Node::is_ready)
        {
            self.check()?;
            interrupt::tick()?;
            if Instant::now() > deadline {
                self.nodes.iter().for_each(Node::show_log);
                bail!("Kafka was not ready after {}", say::took(START_LIMIT));
            }
        }
        Ok(())
    }

    /// The brokers' addresses as clients take them: `host:port,host:port`.
    pub(crate) fn brokers(&self) -> String {
        self.addresses(Node::address)
    }

    fn addresses(&self, of: fn(&Node) -> &str) -> String {
        self.nodes.iter().map(of).collect::<Vec<_>>().join(",")
    }

    /// How to reach the brokers over SASL_SSL (SCRAM-SHA-512) and, as users who have the rights that ACLs give them,
    /// over SASL_PLAINTEXT (PLAIN): as the variables that the tests read.
    pub(crate) fn sasl(&self) -> [(&'static str, String); 5] {
        [
            (ACL_BROKERS, self.addresses(Node::acl_address)),
            (SASL_BROKERS, self.addresses(Node::sasl_address)),
            (
                "KAFMESH_TEST_SASL_CA",
                self.keys.certificate().display().to_string(),
            ),
            ("KAFMESH_TEST_SASL_USERNAME", tls::USERNAME.to_owned()),
            ("KAFMESH_TEST_SASL_PASSWORD", tls::PASSWORD.to_owned()),
        ]
    }

    /// Fails when a node has ended that nobody killed, after showing the end of its log.
    pub(crate) fn check(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            if let Some(status) = node.crashed()? {
                node.show_log();
                bail!("Kafka node {} ended unexpectedly ({status})", node.id());
            }
        }
        Ok(())
    }

    /// Ends a node at once (kill -9); its data stays.
    pub(crate) fn kill(&mut self, id: u16) -> Result<()> {
        self.node(id)?.kill();
        Ok(())
    }

    /// Starts a killed node again on its old data and address, and returns when it serves.
    pub(crate) fn restart(&mut self, id: u16) -> Result<()> {
        let jars = self.jars.clone();
        let node = self.node(id)?;
        if node.is_running() {
            bail!("Kafka node {id} is running already");
        }
        node.start(&jars)?;
        self.await_ready()
    }

    fn node(&mut self, id: u16) -> Result<&mut Node> {
        let count = self.nodes.len();
        self.nodes
            .iter_mut()
            .find(|node| node.id() == id)
            .with_context(|| {
                format!("there is no Kafka node {id}: they are numbered from 1 to {count}")
            })
    }
}

fn plural(count: u16, noun: &str) -> String {
    if count == 1 {
        noun.to_owned()
    } else {
        format!("{noun}s")
    }
}
