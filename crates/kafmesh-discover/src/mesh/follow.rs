//! Keeps the mesh up to date with what is scraped and what Kafka says.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinError;

use super::Mesh;
use super::actual::{Actual, Told, Unread};
use super::pod::Pods;
use crate::scrape::Scraped;
use crate::status::{Part, Statuses};

/// The mesh, as it follows from the newest of `scraped` and, if Kafka is asked, `kafka`. The first is
/// there at once. Ends when nothing is scraped any more, or nobody looks.
///
/// What says nothing new gives no new revision: a scrape that found nothing new gives a snapshot that differs
/// in its runs only, and one look at Kafka after the other snapshots that differ in its time, or in that a
/// first one has failed.
///
/// [`Part::Scrape`] works in `statuses` once a mesh of all pods is there: who is told so finds them
/// in it.
pub fn follow(
    mut scraped: watch::Receiver<Arc<Scraped>>,
    kafka: Option<watch::Receiver<Told>>,
    statuses: Statuses,
) -> watch::Receiver<Arc<Mesh>> {
    // Without Kafka nothing is ever sent, and nothing is waited for.
    let asked = kafka.is_some();
    let mut open = asked;
    let mut kafka = kafka.unwrap_or_else(|| watch::channel(Told::default()).1);
    let told = move |kafka: &mut watch::Receiver<Told>| match kafka.borrow_and_update().clone() {
        Told::Read(actual) => (Some(actual), None),
        Told::Nothing(unread) => (None, asked.then_some(unread)),
    };
    let first = scraped.borrow_and_update().clone();
    let (actual, unread) = told(&mut kafka);
    let mesh = Mesh {
        unread,
        scope: first.scope.clone(),
        ..Mesh::new(1, first.pods.clone(), actual, first.runs.clone())
    };
    let (sender, receiver) = watch::channel(Arc::new(mesh));
    if first.complete {
        statuses.working(Part::Scrape);
    } else {
        statuses.waiting(Part::Scrape, "for the first answers of the processes");
    }
    tokio::spawn(async move {
        loop {
            tokio::select! {
                changed = scraped.changed() => if changed.is_err() { return },
                changed = kafka.changed(), if open => open = changed.is_ok(),
                () = sender.closed() => return,
            }
            let now = scraped.borrow_and_update().clone();
            let (actual, unread) = told(&mut kafka);
            let mesh = sender.borrow().clone();
            let complete = now.complete;
            match next(mesh, now, actual, unread).await {
                Ok(Some(next)) => {
                    sender.send_replace(Arc::new(next));
                }
                Ok(None) => {}
                Err(error) => {
                    let why = format!(
                        "the mesh cannot be derived from what its processes say ({error}); please \
                         report that with the log"
                    );
                    statuses.failing(Part::Scrape, why);
                    continue;
                }
            }
            if complete {
                statuses.working(Part::Scrape);
            }
        }
    });
    receiver
}

/// What comes after `mesh`; `None` when nothing is new.
async fn next(
    mesh: Arc<Mesh>,
    scraped: Arc<Scraped>,
    actual: Option<Arc<Actual>>,
    unread: Option<Unread>,
) -> Result<Option<Mesh>, JoinError> {
    let same_pods = same(&mesh.pods, &scraped.pods);
    let same_actual = match (&mesh.actual, &actual) {
        (Some(old), Some(new)) => old.is_like(new),
        (old, new) => old.is_none() && new.is_none(),
    };
    let (runs, scope) = (scraped.runs.clone(), scraped.scope.clone());
    if same_pods && same_actual {
        if mesh.runs == runs
            && mesh.scope == scope
            && mesh.actual == actual
            && mesh.unread == unread
        {
            return Ok(None);
        }
        return Ok(Some(Mesh {
            actual,
            unread,
            runs,
            scope,
            ..Mesh::clone(&mesh)
        }));
    }
    let revision = mesh.revision + 1;
    let pods = scraped.pods.clone();
    // A large mesh takes a while to derive.
    let derived = tokio::task::spawn_blocking(move || {
        if same_pods {
            Mesh::of(revision, pods, mesh.catalog.clone(), actual, runs)
        } else {
            Mesh::new(revision, pods, actual, runs)
        }
    });
    Ok(Some(Mesh {
        unread,
        scope,
        ..derived.await?
    }))
}

/// Whether both are the same; mostly, unchanged pods share their allocation.
fn same(a: &Pods, b: &Pods) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|((key, a), (other, b))| key == other && (Arc::ptr_eq(a, b) || a == b))
}

#[cfg(test)]
mod tests;
