//! One Kafka server process and its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, Result};

use super::config::{self, NodeConfig};
use super::tls::{self, Keys};
use crate::process::{self, Group};
use crate::require;
use crate::server_log::ServerLog;

/// What the server logs when it serves.
const READY: &str = "Kafka Server started";

#[derive(Debug)]
pub(super) struct Node {
    id: u16,
    address: String,
    sasl_address: String,
    acl_address: String,
    heap: &'static str,
    cluster_id: String,
    voters: String,
    properties: PathBuf,
    log4j: PathBuf,
    log: ServerLog,
    process: Option<Group>,
}

impl Node {
    /// Writes the node's files below `folder`.
    pub(super) fn new(folder: &Path, config: &NodeConfig, keys: &Keys) -> Result<Self> {
        let folder = folder.join(format!("node-{}", config.id));
        let properties = folder.join("server.properties");
        let log4j = folder.join("log4j2.properties");
        let write = || {
            fs::create_dir(&folder)?;
            fs::write(&log4j, config::LOG4J)?;
            fs::write(&properties, config.properties(&folder.join("data"), keys))
        };
        write().with_context(|| format!("cannot write to {}", folder.display()))?;
        Ok(Self {
            id: config.id,
            address: format!("127.0.0.1:{}", config.broker_port),
            sasl_address: format!("127.0.0.1:{}", config.sasl_port),
            acl_address: format!("127.0.0.1:{}", config.acl_port),
            heap: config.heap(),
            cluster_id: config.cluster_id.clone(),
            voters: config.voters.clone(),
            properties,
            log4j,
            log: ServerLog::new(
                format!("Kafka node {}", config.id),
                folder.join("server.log"),
            ),
            process: None,
        })
    }

    pub(super) fn id(&self) -> u16 {
        self.id
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Of the listener that wants TLS and a password.
    pub(super) fn sasl_address(&self) -> &str {
        &self.sasl_address
    }

    /// Of the listener that wants a password only, and heeds ACLs.
    pub(super) fn acl_address(&self) -> &str {
        &self.acl_address
    }

    /// Begins to prepare the storage.
    pub(super) fn format(&self, jars: &Path) -> Result<Group> {
        let mut command = self.java(jars)?;
        command.args([
            "kafka.tools.StorageTool",
            "format",
            "--cluster-id",
            &self.cluster_id,
        ]);
        command
            .args(["--initial-controllers", &self.voters, "--config"])
            .arg(&self.properties)
            .arg("--add-scram")
            .arg(format!(
                "SCRAM-SHA-512=[name={},password={}]",
                tls::USERNAME,
                tls::PASSWORD
            ));
        Group::spawn(&mut command)
    }

    /// Starts the server; [`Node::is_ready`] tells when it serves.
    pub(super) fn start(&mut self, jars: &Path) -> Result<()> {
        self.log.begin();
        let mut command = self.java(jars)?;
        command.arg("kafka.Kafka").arg(&self.properties);
        self.process = Some(Group::spawn(&mut command)?);
        Ok(())
    }

    fn java(&self, jars: &Path) -> Result<Command> {
        let mut command = process::tethered(require::java());
        command
            .args([self.heap, "-cp", &format!("{}/*", jars.display())])
            .arg(format!(
                "-Dlog4j2.configurationFile={}",
                self.log4j.display()
            ));
        self.log.attach(&mut command)?;
        Ok(command)
    }

    /// Whether the node should be running: it was started and not killed.
    pub(super) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.log.has(READY)
    }

    /// How the node ended, if it did so without having been killed.
    pub(super) fn crashed(&mut self) -> Result<Option<ExitStatus>> {
        self.process.as_mut().map_or(Ok(None), Group::try_wait)
    }

    /// Kills the server at once; its data is not shut down cleanly, only closed by the system.
    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// Shows the end of the log.
    pub(super) fn show_log(&self) {
        self.log.show();
    }
}
