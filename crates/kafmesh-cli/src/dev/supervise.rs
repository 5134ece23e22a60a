//! The loop of `kafmesh dev`: start everything, then react to changed files and ended processes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::service::{Change, Service};
use crate::exit::Failure;
use crate::watch::{QUIET, Watcher};
use crate::{directory, terminal};

/// How often it is looked whether a service has ended.
const LOOK: Duration = Duration::from_millis(250);

/// How long changes are collected at most.
const LONGEST: Duration = Duration::from_secs(2);

/// Runs `services` until something fails that no change of a file can repair.
pub(super) async fn run(services: &mut [Service]) -> Result<(), Failure> {
    let (sender, mut changes) = mpsc::unbounded_channel();
    let mut watcher = Watcher::new(move |path| {
        // Nobody listens any more only when the program ends.
        sender.send(path).unwrap_or(());
    })?;
    for service in services.iter_mut() {
        service.watch(&mut watcher);
        update(service, Change::Definition).await;
        service.watch(&mut watcher);
    }
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            path = changes.recv() => {
                let Some(path) = path else { return Ok(()) };
                let paths = settled(path, &mut changes).await;
                for service in services.iter_mut() {
                    react(service, &paths).await;
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

async fn react(service: &mut Service, paths: &[PathBuf]) {
    let most = paths
        .iter()
        .map(|path| (service.concerns(path), path))
        .max_by_key(|(c, _)| *c);
    if let Some((change, path)) = most
        && change != Change::None
    {
        terminal::done("changed", &directory::shown(path));
        update(service, change).await;
    }
}

/// Updates `service`; a failure is said and waits for the next change.
async fn update(service: &mut Service, change: Change) {
    let failure = match service.update(change).await {
        Ok(()) => return,
        Err(failure) => failure,
    };
    if let Failure::Error(text) = failure {
        terminal::error(&text);
    }
    let now = if service.is_running() {
        "it keeps running as it was"
    } else {
        "it is not running"
    };
    terminal::say(&format!("{}: {now}; waiting for a change", service.label));
}
