//! What happens to tables in the background: memtables are written to disk, files are put in order.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use super::disk::failed;
use super::tree::Tree;
use crate::error::Result;

/// Memtables of a table that may wait for the disk; whoever writes more waits with them.
const SEALED: usize = 3;
/// Runs of files that may wait to be ordered: a reader looks into each. Compaction begins at 4.
const UNORDERED: usize = 20;
/// How long to wait for the disk before looking again.
const PAUSE: Duration = Duration::from_millis(1);

/// Two threads, which end with it: writing is never behind ordering, which can take seconds.
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
    pub(super) fn start(path: &Arc<Path>) -> Result<Self> {
        let state = Arc::<State>::default();
        let (flushes, to_flush) = mpsc::channel::<Arc<Tree>>();
        let (orders, to_order) = mpsc::channel::<Arc<Tree>>();
        let after_flush = orders.clone();
        let flushing = Arc::clone(&state);
        let flush = move || {
            flushing.each(&to_flush, |tree| {
                tree.flush()?;
                // Without a receiver there is nobody to put anything in order, at the end.
                let _ = after_flush.send(Arc::clone(tree));
                Ok(())
            });
        };
        let ordering = Arc::clone(&state);
        let order = move || {
            ordering.each(&to_order, |tree| {
                let mut busy = true;
                while busy && !ordering.ending.load(Ordering::Relaxed) {
                    busy = tree.compact()?;
                }
                Ok(())
            });
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
            Some(failure) => Err(failed(
                &self.path,
                "writing it in the background",
                format!("{failure}; a restart goes on from what is on disk"),
            )),
            None => Ok(()),
        }
    }

    /// Lets the memtables of `tree` that wait be written.
    pub(super) fn flush(&self, tree: &Arc<Tree>) {
        tell(self.flushes.as_ref(), tree);
    }

    /// Lets the files of `tree` be put in order.
    pub(super) fn order(&self, tree: &Arc<Tree>) {
        tell(self.orders.as_ref(), tree);
    }

    /// Waits while the disk is behind with `tree`.
    pub(super) fn wait_for_room(&self, tree: &Tree) -> Result<()> {
        while tree.sealed() >= SEALED || tree.unordered() >= UNORDERED {
            self.check()?;
            std::thread::sleep(PAUSE);
        }
        self.check()
    }
}

impl State {
    /// Does `work` for everything that comes, until it fails or nothing can come any more.
    fn each(&self, trees: &Receiver<Arc<Tree>>, work: impl Fn(&Arc<Tree>) -> lsm_tree::Result<()>) {
        let _panic = Panic(self);
        for tree in trees {
            if self.failure.get().is_some() {
                return;
            }
            if let Err(error) = work(&tree) {
                let failure = format!("table {}: {error}", tree.name);
                tracing::error!(table = tree.name, %error, "the local store cannot be written");
                let _ = self.failure.set(failure);
            }
        }
    }
}

/// Makes a panic a failure, so that nobody waits for a thread that is gone.
struct Panic<'a>(&'a State);

impl Drop for Panic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.failure.set("its thread panicked".to_owned());
        }
    }
}

/// Without a receiver the thread has ended after a failure, which [`Upkeep::check`] tells.
fn tell(to: Option<&Sender<Arc<Tree>>>, tree: &Arc<Tree>) {
    if let Some(to) = to {
        let _ = to.send(Arc::clone(tree));
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.state.ending.store(true, Ordering::Relaxed);
        self.flushes = None;
        self.orders = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has written nothing since, and all that is on disk is whole.
            let _ = thread.join();
        }
    }
}
