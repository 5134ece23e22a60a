//! One service: its files, its build, its process.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use anstyle::AnsiColor;

use super::output::label_lines;
use super::package::Package;
use super::place::place;
use super::process::Group;
use super::{guard, step};
use crate::args::Dev;
use crate::exit::Failure;
use crate::{directory, generate, report, terminal, watch};

/// What the services of one run have in common.
pub(super) struct Environment {
    pub(super) brokers: String,
    /// Where their state is kept, as long as this runs.
    pub(super) states: PathBuf,
}

/// The colours that tell the lines of several services apart.
const COLOURS: [AnsiColor; 5] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Green,
];

/// How often, and how long after, a service that failed by itself is started again.
const RETRIES: u32 = 3;
const RETRY: Duration = Duration::from_secs(2);

pub(super) struct Service {
    /// What its lines begin with, when there are several.
    pub(super) label: String,
    /// The definition, relative to `root`.
    definition: PathBuf,
    /// Where generation runs.
    root: PathBuf,
    pub(super) package: Package,
    variables: Vec<(&'static str, OsString)>,
    args: Vec<OsString>,
    /// Whether its output gets the label.
    labelled: bool,
    colour: AnsiColor,
    /// Files it was made of the last time, and the generated ones' directory.
    files: Vec<PathBuf>,
    output: Option<PathBuf>,
    process: Option<Group>,
    /// What runs, or ran last, and when it was built.
    executable: Option<(PathBuf, SystemTime)>,
    /// How often it failed by itself since the last change.
    failures: u32,
    retry_at: Option<Instant>,
}

/// What changed files mean to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    None,
    /// Build again.
    Code,
    /// Generate again, then build.
    Definition,
}

impl Service {
    /// The service of `definition`, not running yet.
    ///
    /// # Errors
    /// When no cargo package contains it.
    pub(super) fn new(
        definition: &Path,
        args: &Dev,
        index: usize,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let absolute = definition.canonicalize().map_err(|error| {
            Failure::new(format!("cannot open {}", definition.display()), error)
        })?;
        let (root, package) = place(&absolute, args.bin.as_deref())?;
        let relative = absolute
            .strip_prefix(&root)
            .unwrap_or(&absolute)
            .to_path_buf();
        let label = package.name.clone();
        let labelled = args.definitions.len() > 1;
        let own = environment.states.join(format!("{index}-{label}"));
        let listen = match env::var_os("KAFMESH_LISTEN") {
            Some(listen) if !labelled => listen,
            _ => free_address()?,
        };
        let mut variables = vec![
            ("KAFMESH_BROKERS", environment.brokers.clone().into()),
            ("KAFMESH_DEV", "true".into()),
            ("KAFMESH_LISTEN", listen),
            ("KAFMESH_STATE_DIR", own.into()),
        ];
        if env::var_os("KAFMESH_SHUTDOWN_TIMEOUT").is_none() {
            // Less than the patience with it, so that it can still say what it could not do.
            variables.push(("KAFMESH_SHUTDOWN_TIMEOUT", "3s".into()));
        }
        Ok(Self {
            label,
            definition: relative,
            root,
            package,
            variables,
            args: args.args.clone(),
            labelled,
            colour: COLOURS[index % COLOURS.len()],
            files: vec![absolute],
            output: None,
            process: None,
            executable: None,
            failures: 0,
            retry_at: None,
        })
    }

    /// Watches what this service is made of.
    pub(super) fn watch(&self, watcher: &mut watch::Watcher) {
        watcher.add_directories_of(&self.files);
        watcher.add_directories_of([&self.package.directory.join("Cargo.toml")]);
        watcher.add_tree(&self.package.directory.join("src"));
    }

    /// What a change of the file at `path` means.
    pub(super) fn concerns(&self, path: &Path) -> Change {
        let directory = path.parent();
        if watch::is_definition(path) && self.files.iter().any(|file| file.parent() == directory) {
            return Change::Definition;
        }
        let hidden = path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with('.') || name.starts_with('#') || name.ends_with('~')
        });
        let generated = self
            .output
            .as_ref()
            .is_some_and(|output| path.starts_with(output));
        let code = path.starts_with(self.package.directory.join("src"))
            || ["Cargo.toml", "build.rs"]
                .iter()
                .any(|name| path == self.package.directory.join(name));
        if code && !hidden && !generated {
            Change::Code
        } else {
            Change::None
        }
    }

    /// Replaces what runs by what was built at `executable`, if that is new.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) async fn run(&mut self, executable: PathBuf) -> Result<(), Failure> {
        let built = fs::metadata(&executable).and_then(|metadata| metadata.modified());
        let built = built.map_err(|error| Failure::new(executable.display(), error))?;
        let executable = Some((executable, built));
        if self.process.is_some() && self.executable == executable {
            return Ok(());
        }
        self.executable = executable;
        self.failures = 0;
        if let Some(process) = self.process.take() {
            terminal::say(&format!("stopping {}…", self.label));
            process.stop().await;
        }
        self.start()
    }

    /// Writes the code of the definition.
    ///
    /// # Errors
    /// What is wrong with it, which is told then; nothing is written.
    pub(super) fn generate(&mut self) -> Result<(), Failure> {
        step(2, &format!("generating {}…", self.definition.display()));
        let root = self.root.clone();
        directory::inside(&root, || {
            let paths = [self.definition.clone()];
            let generated = generate::generate(&paths).map_err(|mistakes| {
                self.remember(mistakes.files());
                report::text(&mistakes);
                Failure::Findings
            })?;
            for (definition, _) in &generated {
                self.remember(&definition.files);
                self.output = Some(root.join(&definition.output.path));
            }
            // A build script writes the same code where cargo wants it.
            if self.package.builds_definitions {
                return Ok(());
            }
            generate::write_all(&generated)
        })?
    }

    fn remember(&mut self, files: &[PathBuf]) {
        self.files = std::iter::once(&self.definition)
            .chain(files)
            .filter_map(|file| file.canonicalize().ok())
            .collect();
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.retry_at = None;
        let Some((executable, _)) = &self.executable else {
            return Ok(());
        };
        let what = || format!("cannot start {}", executable.display());
        let mut command = guard::command(executable);
        command
            .args(&self.args)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.root)
            .stdin(Stdio::null());
        if self.labelled {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let mut group = Group::spawn(&mut command).map_err(|error| Failure::new(what(), error))?;
        if let Some(output) = group.child().stdout.take() {
            tokio::spawn(label_lines(output, self.prefix(), false));
        }
        if let Some(output) = group.child().stderr.take() {
            tokio::spawn(label_lines(output, self.prefix(), true));
        }
        self.process = Some(group);
        step(
            4,
            &format!(
                "running {}: gRPC at {}, broker at {}; Ctrl-C ends",
                self.label,
                self.address(),
                self.variable("KAFMESH_BROKERS")
            ),
        );
        Ok(())
    }

    /// Where its port is.
    pub(super) fn address(&self) -> String {
        self.variable("KAFMESH_LISTEN")
    }

    fn variable(&self, wanted: &str) -> String {
        let found = self.variables.iter().find(|(name, _)| *name == wanted);
        found
            .map(|(_, value)| value.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    fn prefix(&self) -> String {
        let style = self.colour.on_default();
        format!("{style}{} |{style:#} ", self.label)
    }

    /// Whether there is a process.
    pub(super) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Says when the process has ended, and starts it again where that may help.
    ///
    /// One service may need another's topics, and does not find them while the other starts.
    pub(super) fn look_after(&mut self) -> Result<(), Failure> {
        if self.retry_at.is_some_and(|at| at <= Instant::now()) {
            return self.start();
        }
        let Some(status) = self.process.as_mut().and_then(Group::ended) else {
            return Ok(());
        };
        self.process = None;
        let retry = self.labelled && !status.success() && self.failures < RETRIES;
        let next = if retry {
            self.failures += 1;
            self.retry_at = Some(Instant::now() + RETRY);
            "it is started again in a moment, for it may have needed another service"
        } else {
            "it is started again when a file changes"
        };
        terminal::error(&format!("{} ended with {status}; {next}", self.label));
        Ok(())
    }
}

/// Stops all of `services` at the same time.
pub(super) async fn stop_all(services: Vec<Service>) {
    let stopping: Vec<_> = services
        .into_iter()
        .filter_map(|service| Some((service.label, service.process?)))
        .map(|(label, process)| (label, tokio::spawn(process.stop())))
        .collect();
    for (label, stopped) in stopping {
        if !stopped.await.unwrap_or(false) {
            terminal::say(&format!(
                "{label} did not end when asked to, and was killed"
            ));
        }
    }
}

/// An address that nobody listens on. Somebody may take it before the service does; it then says so.
fn free_address() -> Result<OsString, Failure> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.to_string().into())
        .map_err(|error| Failure::new("cannot find a free port", error))
}
