//! What happens to tables in the background: memtables are written to disk, files are put in order.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::disk::failed;
use super::tree::Tree;
use crate::error::Result;

/// Memtables of a table that may wait for the disk; whoever writes more waits with them.
const SEALED: usize = 3;
/// Runs of files that may wait to be ordered: a reader looks into each. Compaction begins at 4.
const UNORDERED: usize = 20;
/// How long to wait for the disk before looking again.
pub(super) const PAUSE: Duration = Duration::from_millis(1);
/// How long the end waits for its threads: the stop of a service has a limit of its own, and a step
/// of ordering cannot be interrupted.
const PATIENCE: Duration = Duration::from_secs(3);

/// Two threads, which end with it or soon after: writing is never behind ordering, which can take
/// seconds. What still waits to be written then is read from the topic again.
pub(super) struct Upkeep {
    path: Arc<Path>,
    state: Arc<State>,
    flushes: Option<Sender<Arc<Tree>>>,
    orders: Option<Sender<Arc<Tree>>>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    ending: AtomicBool,
    /// The first error. After it nothing is written any more: what is on disk stays as it is, and
    /// the next process goes on from there.
    failure: OnceLock<String>,
}

impl Upkeep {
    /// Starts the threads, which keep `lock` until they have ended, and hand on to `done` what is written
    /// and in order.
    pub(super) fn start(
        path: &Arc<Path>,
        lock: &Arc<File>,
        done: impl Fn(Arc<Tree>) + Send + 'static,
    ) -> Result<Self> {
        let state = Arc::<State>::default();
        let (flushes, to_flush) = mpsc::channel::<Arc<Tree>>();
        let (orders, to_order) = mpsc::channel::<Arc<Tree>>();
        let after_flush = orders.clone();
        let (flushing, locked) = (Arc::clone(&state), Arc::clone(lock));
        let flush = move || {
            let _locked = locked;
            let next = |tree| {
                // Without a receiver there is nobody to put anything in order, at the end.
                let _ = after_flush.send(tree);
            };
            flushing.each(&to_flush, Tree::flush, next);
        };
        let (ordering, locked) = (Arc::clone(&state), Arc::clone(lock));
        let order = move || {
            let _locked = locked;
            let compact = |tree: &Tree| {
                let mut busy = true;
                while busy && !ordering.ending.load(Ordering::Relaxed) {
                    busy = tree.compact()?;
                }
                Ok(())
            };
            ordering.each(&to_order, compact, done);
        };
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(work)
                .map_err(|error| failed(path, "starting its threads", error))
        };
        Ok(Self {
            path: Arc::clone(path),
            state,
            flushes: Some(flushes),
            orders: Some(orders),
            threads: vec![
                spawn("kafmesh-flush", Box::new(flush))?,
                spawn("kafmesh-compact", Box::new(order))?,
            ],
        })
    }

    /// Fails when the disk has.
    pub(super) fn check(&self) -> Result<()> {
        match self.state.failure.get() {
            Some(failure) => Err(failed(&self.path, "writing it in the background", failure)),
            None => Ok(()),
        }
    }

    /// Lets the memtables of `tree` that wait be written.
    pub(super) fn flush(&self, tree: Arc<Tree>) {
        tell(self.flushes.as_ref(), tree);
    }

    /// Lets the files of `tree` be put in order.
    pub(super) fn order(&self, tree: Arc<Tree>) {
        tell(self.orders.as_ref(), tree);
    }

    /// Whether the disk is not behind with `tree`.
    pub(super) fn keeps_up(&self, tree: &Tree) -> Result<bool> {
        self.check()?;
        Ok(tree.sealed() < SEALED && tree.unordered() < UNORDERED)
    }

    /// Blocks while the disk is behind with `tree`.
    pub(super) fn wait_for_room(&self, tree: &Tree) -> Result<()> {
        while !self.keeps_up(tree)? {
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl State {
    /// Does `work` for everything that comes and hands it on to `next`, until it fails, is to end, or
    /// nothing can come any more.
    fn each(
        &self,
        trees: &Receiver<Arc<Tree>>,
        work: impl Fn(&Tree) -> lsm_tree::Result<()>,
        next: impl Fn(Arc<Tree>),
    ) {
        let _panic = Panic(self);
        for tree in trees {
            if self.failure.get().is_some() || self.ending.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = work(&tree) {
                let reason = tree.explain(&error);
                tracing::error!(
                    table = tree.name,
                    reason,
                    "the local store cannot be written"
                );
                let _ = self.failure.set(format!("table {}: {reason}", tree.name));
                return;
            }
            next(tree);
        }
    }
}

/// Makes a panic a failure, so that nobody waits for a thread that is gone.
struct Panic<'a>(&'a State);

impl Drop for Panic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let failure = "its thread panicked; a restart goes on from what is on disk";
            let _ = self.0.failure.set(failure.to_owned());
        }
    }
}

/// Without a receiver the thread has ended after a failure, which [`Upkeep::check`] tells.
fn tell(to: Option<&Sender<Arc<Tree>>>, tree: Arc<Tree>) {
    if let Some(to) = to {
        let _ = to.send(tree);
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.state.ending.store(true, Ordering::Relaxed);
        self.flushes = None;
        self.orders = None;
        // What a thread does after that changes nothing but files nobody reads: a new version of a
        // table counts when it is complete. Nobody else opens the directory before it has ended.
        let patience = Instant::now() + PATIENCE;
        while !self.threads.iter().all(JoinHandle::is_finished) && Instant::now() < patience {
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_does_not_wait_for_ever_for_a_step_that_cannot_be_interrupted() {
        let (end, ended) = mpsc::channel::<()>();
        let upkeep = Upkeep {
            path: Path::new("state").into(),
            state: Arc::default(),
            flushes: None,
            orders: None,
            threads: vec![std::thread::spawn(move || {
                let _ = ended.recv();
            })],
        };
        drop(upkeep);
        assert!(end.send(()).is_ok(), "the step has not ended yet");
    }
}
