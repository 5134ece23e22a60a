//! One service: its files, its build, its process.

use std::env;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anstyle::AnsiColor;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::package::Package;
use super::process::Group;
use super::{build, guard, step};
use crate::args::Dev;
use crate::exit::Failure;
use crate::report::{self, Format};
use crate::{directory, generate, terminal, watch};

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

pub(super) struct Service {
    /// What its lines begin with, when there are several.
    pub(super) label: String,
    /// The definition, relative to `root`.
    definition: PathBuf,
    /// Where generation runs.
    root: PathBuf,
    package: Package,
    variables: Vec<(&'static str, OsString)>,
    args: Vec<OsString>,
    release: bool,
    /// Whether its output gets the label.
    labelled: bool,
    colour: AnsiColor,
    /// Files it was made of the last time, and the generated ones' directory.
    files: Vec<PathBuf>,
    output: Option<PathBuf>,
    process: Option<Group>,
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
            release: args.release,
            labelled,
            colour: COLOURS[index % COLOURS.len()],
            files: vec![absolute],
            output: None,
            process: None,
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

    /// Generates, builds and (re)starts as far as `change` asks for it.
    ///
    /// What fails is said, and leaves the service running as it was.
    pub(super) async fn update(&mut self, change: Change) -> Result<(), Failure> {
        if change == Change::Definition && !self.generate()? && self.is_running() {
            return Ok(());
        }
        step(3, &format!("building {}…", self.package.name));
        let executable = build::build(&self.package, self.release).await?;
        if let Some(process) = self.process.take() {
            terminal::say(&format!("stopping {}…", self.label));
            process.stop().await;
        }
        self.start(&executable)
    }

    /// Whether that changed the code.
    fn generate(&mut self) -> Result<bool, Failure> {
        step(2, &format!("generating {}…", self.definition.display()));
        let root = self.root.clone();
        directory::inside(&root, || {
            let paths = [self.definition.clone()];
            let generated = generate::generate(&paths).map_err(|mistakes| {
                self.remember(mistakes.files());
                report::text(&mistakes);
                Failure::Findings
            })?;
            let mut changed = false;
            for (definition, code) in &generated {
                self.remember(&definition.files);
                self.output = Some(root.join(&definition.output.path));
                // A build script writes the same code where cargo wants it.
                changed |=
                    self.package.builds_definitions || generate::write_one(definition, code)?;
            }
            Ok(changed)
        })?
    }

    fn remember(&mut self, files: &[PathBuf]) {
        self.files = std::iter::once(&self.definition)
            .chain(files)
            .filter_map(|file| file.canonicalize().ok())
            .collect();
    }

    fn start(&mut self, executable: &Path) -> Result<(), Failure> {
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
        let variable = |wanted| {
            let found = self.variables.iter().find(|(name, _)| *name == wanted);
            found
                .map(|(_, value)| value.to_string_lossy())
                .unwrap_or_default()
        };
        step(
            4,
            &format!(
                "running {}: gRPC at {}, broker at {}; Ctrl-C ends",
                self.label,
                variable("KAFMESH_LISTEN"),
                variable("KAFMESH_BROKERS")
            ),
        );
        Ok(())
    }

    fn prefix(&self) -> String {
        let style = self.colour.on_default();
        format!("{style}{} |{style:#} ", self.label)
    }

    /// Whether there is a process.
    pub(super) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// How the process ended, if it did since the last time this was asked.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.process.as_mut()?.ended()?;
        self.process = None;
        Some(status)
    }
}

/// Where generation of `definition` runs, and the package the code is for.
///
/// That is the package the definition is in. Where it is in none, as beside the packages of a
/// workspace, generation runs here, and the package is the one its output is in.
fn place(definition: &Path, bin: Option<&str>) -> Result<(PathBuf, Package), Failure> {
    let directory = definition.parent().unwrap_or(Path::new("/"));
    if let Some(package) = Package::containing(directory, bin)? {
        return Ok((package.directory.clone(), package));
    }
    let here =
        env::current_dir().map_err(|error| Failure::new("cannot tell where this runs", error))?;
    let loaded = report::findings(kafmesh_definition::load(definition), Format::Text)?;
    match Package::containing(&here.join(&loaded.output.path), bin)? {
        Some(package) => Ok((here, package)),
        None => Err(Failure::Error(format!(
            "no cargo package contains {} or its output {}: there is no Cargo.toml with a [package] \
             in their directories or above; start one with `kafmesh new`",
            definition.display(),
            loaded.output.path.display()
        ))),
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

async fn label_lines(output: impl AsyncRead + Unpin, prefix: String, to_stderr: bool) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    // Ends with the service, or when its output cannot be read, which is the same to the reader.
    while output.read_until(b'\n', &mut line).await.unwrap_or(0) > 0 {
        let text = format!(
            "{prefix}{}",
            String::from_utf8_lossy(&line).trim_end_matches('\n')
        );
        if to_stderr {
            terminal::say(&text);
        } else {
            // Nobody reads it: then the service need not stop.
            terminal::print(&format!("{text}\n")).unwrap_or(());
        }
        line.clear();
    }
}
