//! Files that are read again while a process runs, such as certificates that are renewed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked whether files have changed. Kubernetes itself takes up to a minute to bring
/// a renewed certificate into a pod, long before the old one ends.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What was in files when they were read last, and how to read them again.
///
/// ```
/// use kafmesh_port::Followed;
///
/// let read = || std::fs::read("/run/secrets/ca.crt").map_err(|error| error.to_string());
/// let followed = Followed::new("the authorities", Vec::new(), read);
/// # drop(followed);
/// ```
pub struct Followed<C> {
    what: &'static str,
    read: Arc<dyn Fn() -> Result<C, String> + Send + Sync>,
    /// What was in the files when they were read last, whether or not it could be used.
    seen: Result<C, String>,
    look_every: Duration,
}

impl<C: PartialEq + Send + 'static> Followed<C> {
    /// `contents` are what `read` has read; `what` is what the log calls them, in the plural.
    pub fn new(
        what: &'static str,
        contents: C,
        read: impl Fn() -> Result<C, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            what,
            read: Arc::new(read),
            seen: Ok(contents),
            look_every: LOOK_EVERY,
        }
    }

    /// Looks at the files this often rather than every 10 seconds.
    #[must_use]
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.look_every = interval;
        self
    }

    /// Has what is in the files used by `renew`, whenever that changes; never ends.
    pub async fn follow(mut self, mut renew: impl FnMut(&C) -> Result<(), String>) {
        let mut turns = interval(self.look_every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            self.look(&mut renew).await;
        }
    }

    /// Has what is in the files used if it has changed. What cannot be used, such as a certificate
    /// whose key is yet to be written, is told once; `renew` leaves everything as it was then.
    pub(crate) async fn look(&mut self, renew: &mut impl FnMut(&C) -> Result<(), String>) {
        let read = Arc::clone(&self.read);
        // Reading does not panic, so the task ends unless the runtime does.
        let Ok(read) = tokio::task::spawn_blocking(move || read()).await else {
            return;
        };
        if read == self.seen {
            return;
        }
        let renewed = match &read {
            Ok(contents) => renew(contents),
            Err(error) => Err(error.clone()),
        };
        self.seen = read;
        let what = self.what;
        match renewed {
            Ok(()) => tracing::info!("{what} have been renewed"),
            Err(error) => tracing::warn!(
                error,
                "{what} have changed and cannot be used; the former stay in use"
            ),
        }
    }
}

impl<C> std::fmt::Debug for Followed<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Followed")
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}
