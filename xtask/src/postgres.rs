//! A throw-away PostgreSQL on this machine: fetched once, started in a second, gone without a trace.

mod binaries;

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::User;

use crate::process::{self, Group};
use crate::scratch::Scratch;
use crate::server_log::ServerLog;
use crate::{interrupt, ports, say};

/// What the server logs when it serves.
const READY: &str = "database system is ready to accept connections";

/// How long it may take until then. It needs a second; a busy machine more.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Who the server runs as when this runs as root, which it refuses to do.
const UNPRIVILEGED: &str = "nobody";

/// A running server; dropping it ends it and removes the data.
#[derive(Debug)]
pub(crate) struct Server {
    process: Group,
    port: u16,
    log: ServerLog,
    _folder: Scratch,
}

impl Server {
    /// Starts a server and returns when it serves.
    ///
    /// # Errors
    /// When there are no programs of it to be had, or when it ends or does not become ready in time; then the end of
    /// its log has been shown.
    pub(crate) fn start() -> Result<Self> {
        let folder = Scratch::new("postgres")?;
        let programs = binaries::provide(folder.path())?;
        let started = Instant::now();
        say::step("starting PostgreSQL");
        let port = ports::free(1)?[0];
        let place = Place::new(&folder, programs)?;
        let mut log = ServerLog::new("PostgreSQL".to_owned(), folder.path().join("server.log"));
        let mut initdb = place.command("initdb");
        // Whoever reaches the port is the superuser: it is open to this machine alone, and for a test.
        initdb.args(["--username=postgres", "--auth=trust", "--no-sync"]);
        initdb.args(["--encoding=UTF8", "--no-locale", "--pgdata"]);
        initdb.arg(&place.data);
        log.attach(&mut initdb)?;
        if !Group::spawn(&mut initdb)?.wait()?.success() {
            log.show();
            bail!("cannot make a PostgreSQL database");
        }
        let mut postgres = place.command("postgres");
        postgres.arg("-D").arg(&place.data);
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            // Its usual folder belongs to the system's own server.
            "unix_socket_directories=".to_owned(),
            // Data that is thrown away need not survive a power failure.
            "fsync=off".to_owned(),
        ];
        for setting in settings {
            postgres.args(["-c", &setting]);
        }
        log.attach(&mut postgres)?;
        log.begin();
        let mut server = Self {
            process: Group::spawn(&mut postgres)?,
            port,
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
            self.check()?;
            interrupt::tick()?;
            if Instant::now() > deadline {
                self.log.show();
                bail!("PostgreSQL was not ready after {}", say::took(START_LIMIT));
            }
        }
        Ok(())
    }

    /// The address as clients take it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Fails when the server has ended, after showing the end of its log.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            self.log.show();
            bail!("PostgreSQL ended unexpectedly ({status})");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killed, it would leave a segment of shared memory behind; SIGINT has it drop its clients and leave in order.
        self.process.end(Signal::SIGINT);
    }
}

/// Where the server's programs and data are, and who may use them.
struct Place {
    programs: PathBuf,
    data: PathBuf,
    folder: PathBuf,
    user: Option<User>,
}

impl Place {
    fn new(folder: &Scratch, programs: PathBuf) -> Result<Self> {
        let folder = folder.path().to_owned();
        let data = folder.join("data");
        fs::create_dir(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let user = if nix::unistd::geteuid().is_root() {
            let user = User::from_name(UNPRIVILEGED)
                .ok()
                .flatten()
                .with_context(|| {
                    format!("PostgreSQL does not run as root, and there is no user {UNPRIVILEGED}")
                })?;
            chown(&data, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .with_context(|| format!("cannot give {} away", data.display()))?;
            Some(user)
        } else {
            None
        };
        Ok(Self {
            programs,
            data,
            folder,
            user,
        })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = process::tethered(self.programs.join(program));
        // The folder this runs in may be closed to others.
        command.current_dir(&self.folder);
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }
}
