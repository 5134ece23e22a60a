//! The loop of `kafmesh dev`: start everything, then react to changed files and ended processes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::package::Package;
use super::service::{Change, Service};
use super::{build, step};
use crate::exit::Failure;
use crate::watch::{QUIET, Watcher};
use crate::{directory, terminal};

/// How often it is looked whether a service has ended.
const LOOK: Duration = Duration::from_millis(250);

/// How long changes are collected at most.
const LONGEST: Duration = Duration::from_secs(2);

/// Runs `services` until something fails that no change of a file can repair. `mesh` is where
/// kafmesh-discover shows them.
pub(super) async fn run(
    services: &mut [Service],
    release: bool,
    mesh: Option<&str>,
) -> Result<(), Failure> {
    let (sender, mut changes) = mpsc::unbounded_channel();
    let mut watcher = Watcher::new(move |path| {
        // Nobody listens any more only when the program ends.
        sender.send(path).unwrap_or(());
    })?;
    for service in services.iter() {
        service.watch(&mut watcher);
    }
    let all = vec![Change::Definition; services.len()];
    update(services, &all, release).await;
    for service in services.iter() {
        service.watch(&mut watcher);
    }
    if let Some(url) = mesh {
        terminal::done("mesh", &format!("what runs, as a graph and an API: {url}"));
    }
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            path = changes.recv() => {
                let Some(path) = path else { return Ok(()) };
                let paths = settled(path, &mut changes).await;
                let changes: Vec<_> =
                    services.iter().map(|service| change(service, &paths)).collect();
                update(services, &changes, release).await;
                for service in services.iter() {
                    service.watch(&mut watcher);
                }
            }
            _ = look.tick() => {
                for service in services.iter_mut() {
                    if let Err(Failure::Error(text)) = service.look_after() {
                        terminal::error(&text);
                    }
                }
            }
        }
    }
}

/// `first` and what changes after it, until nothing does for a moment, or something all the time.
async fn settled(first: PathBuf, changes: &mut mpsc::UnboundedReceiver<PathBuf>) -> Vec<PathBuf> {
    let mut paths = vec![first];
    let began = Instant::now();
    while began.elapsed() < LONGEST
        && let Ok(Some(path)) = tokio::time::timeout(QUIET, changes.recv()).await
    {
        paths.push(path);
    }
    paths
}

/// The most that a change of `paths` means to `service`, which is said.
fn change(service: &Service, paths: &[PathBuf]) -> Change {
    let most = paths
        .iter()
        .map(|path| (service.concerns(path), path))
        .max_by_key(|(change, _)| *change);
    match most {
        Some((change, path)) if change != Change::None => {
            terminal::done("changed", &directory::shown(path));
            change
        }
        _ => Change::None,
    }
}

/// Generates, builds and restarts what `changes` ask for, one per service; a failure is said and
/// waits for the next change.
async fn update(services: &mut [Service], changes: &[Change], release: bool) {
    let mut concerned = Vec::new();
    for (service, change) in services.iter_mut().zip(changes) {
        match change {
            Change::None => continue,
            Change::Code => {}
            Change::Definition => {
                if let Err(failure) = service.generate() {
                    tell(service, &failure);
                    continue;
                }
            }
        }
        concerned.push(service);
    }
    // One build for each workspace.
    concerned.sort_by(|a, b| a.package.workspace.cmp(&b.package.workspace));
    for together in concerned.chunk_by_mut(|a, b| a.package.workspace == b.package.workspace) {
        match build_all(together, release).await {
            Ok(executables) => {
                for (service, executable) in together.iter_mut().zip(executables) {
                    start(service, executable).await;
                }
            }
            // Who is to blame is not known; the others run.
            Err(_) if together.len() > 1 => {
                for service in together {
                    let alone = std::slice::from_mut(service);
                    match build_all(alone, release).await {
                        Ok(executables) => {
                            for executable in executables {
                                start(alone[0], executable).await;
                            }
                        }
                        Err(failure) => tell(alone[0], &failure),
                    }
                }
            }
            Err(failure) => together.iter().for_each(|service| tell(service, &failure)),
        }
    }
}

async fn build_all(services: &[&mut Service], release: bool) -> Result<Vec<PathBuf>, Failure> {
    let packages: Vec<&Package> = services.iter().map(|service| &service.package).collect();
    let names: Vec<_> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    step(3, &format!("building {}…", names.join(" and ")));
    build::build(&packages, release).await
}

async fn start(service: &mut Service, executable: PathBuf) {
    if let Err(failure) = service.run(executable).await {
        tell(service, &failure);
    }
}

/// Says why a service is not as its files are.
fn tell(service: &Service, failure: &Failure) {
    if let Failure::Error(text) = failure {
        terminal::error(text);
    }
    let now = if service.is_running() {
        "it keeps running as it was"
    } else {
        "it is not running"
    };
    terminal::say(&format!("{}: {now}; waiting for a change", service.label));
}
