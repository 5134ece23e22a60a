//! Noticing changes of files, and `kafmesh generate --watch`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::exit::Failure;
use crate::report::{self, Format};
use crate::{directory, generate, terminal};

/// How long nothing must change before the changes are looked at: editors and version control
/// write several files, and one file in several steps.
pub(crate) const QUIET: Duration = Duration::from_millis(150);

/// Watches directories and passes on the paths that change in them.
pub(crate) struct Watcher {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Watcher {
    /// A watcher of nothing yet, which calls `changed` from its own thread.
    pub(crate) fn new(mut changed: impl FnMut(PathBuf) + Send + 'static) -> Result<Self, Failure> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // An error is about one path that went away while it was looked at.
            let Ok(event) = event else { return };
            if matches!(
                event.kind,
                EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)
            ) {
                event.paths.into_iter().for_each(&mut changed);
            }
        })
        .map_err(|error| Failure::new("cannot watch files", error))?;
        Ok(Self {
            watcher,
            watched: BTreeSet::new(),
        })
    }

    /// Watches the directories of `files` too. Directories are watched, not files: an editor that
    /// replaces a file would end the watch, and a new component's file is to be noticed.
    pub(crate) fn add_directories_of<'a>(&mut self, files: impl IntoIterator<Item = &'a PathBuf>) {
        for file in files {
            self.add(
                file.parent().unwrap_or(Path::new("")),
                RecursiveMode::NonRecursive,
            );
        }
    }

    /// Watches `directory` with everything below.
    #[cfg(all(feature = "dev", unix))]
    pub(crate) fn add_tree(&mut self, directory: &Path) {
        self.add(directory, RecursiveMode::Recursive);
    }

    fn add(&mut self, directory: &Path, mode: RecursiveMode) {
        let here = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        // A directory that is not there yet is tried again the next time.
        if !self.watched.contains(here) && self.watcher.watch(here, mode).is_ok() {
            self.watched.insert(here.to_path_buf());
        }
    }
}

/// Whether a change of `path` can change what is generated.
pub(crate) fn is_definition(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "proto"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Generates `paths`, and again whenever a file they are made of changes; never ends by itself.
pub(crate) fn run(paths: &[PathBuf], format: Format) -> Result<(), Failure> {
    let (sender, changes) = mpsc::channel();
    let mut watcher = Watcher::new(move |path: PathBuf| {
        if is_definition(&path) {
            // Nobody listens any more only when the program ends.
            sender.send(path).unwrap_or(());
        }
    })?;
    loop {
        watcher.add_directories_of(paths);
        let generated = generate::generate(paths);
        match &generated {
            Ok(generated) => {
                for (definition, _) in generated {
                    watcher.add_directories_of(&definition.files);
                }
            }
            Err(mistakes) => watcher.add_directories_of(mistakes.files()),
        }
        match report::findings(generated, format).and_then(|code| generate::write_all(&code)) {
            Ok(()) | Err(Failure::Findings) => {}
            // Not a matter of the definition; it may be gone when the next change comes.
            Err(Failure::Error(text)) => terminal::error(&text),
        }
        terminal::say("watching for changes; Ctrl-C ends");
        let Ok(changed) = changes.recv() else {
            return Ok(());
        };
        while changes.recv_timeout(QUIET).is_ok() {}
        terminal::done("changed", &directory::shown(&changed));
    }
}
