//! A throw-away Neo4j on this machine: fetched once, started in seconds, gone without a trace.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::maven::{self, Dependency, Goal};
use crate::process::{self, Group};
use crate::require::{self, Need};
use crate::scratch::Scratch;
use crate::server_log::ServerLog;
use crate::{cache, interrupt, ports, say};

const VERSION: &str = "5.26.12";

/// What the server logs when it listens.
const READY: &str = "Started.";

/// How long it may take until it answers. It needs twenty seconds; a busy machine more.
const START_LIMIT: Duration = Duration::from_secs(180);

/// What the Java Virtual Machine is asked for: little memory, and its insides, which Neo4j's buffers need.
const JVM: [&str; 6] = [
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
];

/// A running server; dropping it kills it and removes the data.
#[derive(Debug)]
pub(crate) struct Server {
    process: Group,
    bolt: u16,
    http: u16,
    password: String,
    log: ServerLog,
    _folder: Scratch,
}

impl Server {
    /// Starts a server and returns when it answers queries.
    ///
    /// # Errors
    /// When Java, Maven or curl are missing and cannot be installed, when the jars cannot be fetched, or when the
    /// server ends or does not answer in time; then the end of its log has been shown.
    pub(crate) fn start() -> Result<Self> {
        require::ensure(&[Need::Java, Need::Maven, Need::Curl])?;
        let jars = jars()?;
        let started = Instant::now();
        say::step(format!("starting Neo4j {VERSION}"));
        let folder = Scratch::new("neo4j")?;
        let ports = ports::free(2)?;
        let (bolt, http) = (ports[0], ports[1]);
        let conf = folder.path().join("conf");
        let write = || {
            fs::create_dir(&conf)?;
            fs::write(conf.join("neo4j.conf"), settings(bolt, http))
        };
        write().with_context(|| format!("cannot write to {}", conf.display()))?;
        let log = ServerLog::new("Neo4j".to_owned(), folder.path().join("server.log"));
        let mut java = process::tethered(require::java());
        java.args(JVM)
            .args(["-cp", &format!("{}/*", jars.display())])
            // Without the mode, it logs to a file of its own.
            .args(["org.neo4j.server.CommunityEntryPoint", "--console-mode"])
            .arg(format!("--home-dir={}", folder.path().display()))
            .arg(format!("--config-dir={}", conf.display()));
        log.attach(&mut java)?;
        let mut server = Self {
            process: Group::spawn(&mut java)?,
            bolt,
            http,
            // Hard enough to guess for as long as the server lives.
            password: format!("{:016x}", RandomState::new().hash_one(VERSION)),
            log,
            _folder: folder,
        };
        server.await_ready()?;
        say::note(format!("ready after {}", say::took(started.elapsed())));
        Ok(server)
    }

    fn await_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !self.log.has(READY) {
            self.wait_until(deadline)?;
        }
        // Until it is changed, the first password is good for nothing else.
        let change = format!(
            "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO '{}'",
            self.password
        );
        // A change may be made whose answer comes too late: after it, only the new password is one.
        while !self.answers("neo4j", &self.password, "RETURN 1")? {
            self.answers("system", "neo4j", &change)?;
            self.wait_until(deadline)?;
        }
        Ok(())
    }

    fn wait_until(&mut self, deadline: Instant) -> Result<()> {
        self.check()?;
        interrupt::tick()?;
        if Instant::now() > deadline {
            self.log.show();
            bail!("Neo4j did not answer after {}", say::took(START_LIMIT));
        }
        Ok(())
    }

    /// Whether `database` does as the statement says.
    fn answers(&self, database: &str, password: &str, statement: &str) -> Result<bool> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--noproxy", "*", "--max-time", "10"])
            .args(["--user", &format!("neo4j:{password}")])
            .args(["--header", "Content-Type: application/json", "--data"])
            .arg(format!(
                r#"{{"statements":[{{"statement":"{statement}"}}]}}"#
            ))
            .arg(format!(
                "http://127.0.0.1:{}/db/{database}/tx/commit",
                self.http
            ))
            .stdin(Stdio::null());
        let output = curl.output().context("cannot run curl")?;
        Ok(String::from_utf8_lossy(&output.stdout).contains(r#""errors":[]"#))
    }

    /// The address as the tests take it.
    pub(crate) fn url(&self) -> String {
        format!("bolt://neo4j:{}@127.0.0.1:{}", self.password, self.bolt)
    }

    /// Fails when the server has ended, after showing the end of its log.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            self.log.show();
            bail!("Neo4j ended unexpectedly ({status})");
        }
        Ok(())
    }
}

/// The folder with all jars of the server.
fn jars() -> Result<PathBuf> {
    let what = format!("Neo4j {VERSION}");
    cache::folder(&format!("neo4j-{VERSION}"), |folder| {
        say::step(format!(
            "fetching {what} with Maven (116 MB, only the first time; kept in {})",
            cache::directory()?.display()
        ));
        let dependencies =
            [("org.neo4j", "neo4j"), ("org.neo4j.app", "neo4j-server")].map(|(group, artifact)| {
                Dependency {
                    group,
                    artifact,
                    version: VERSION,
                }
            });
        maven::fetch(&what, &dependencies, Goal::Copy, folder)
    })
}

fn settings(bolt: u16, http: u16) -> String {
    format!(
        "server.bolt.listen_address=127.0.0.1:{bolt}\n\
         server.bolt.advertised_address=127.0.0.1:{bolt}\n\
         server.http.listen_address=127.0.0.1:{http}\n\
         server.memory.pagecache.size=64m\n\
         # Otherwise each database takes half a gigabyte on the disk from the start.\n\
         db.tx_log.preallocate=false\n\
         dbms.usage_report.enabled=false\n"
    )
}
