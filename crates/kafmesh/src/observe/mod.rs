//! What is seen of a running process from outside: the states of its objects, and its metrics.

mod counts;
mod health;
mod metrics;
mod page;
mod partitions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

pub(crate) use counts::{Counter, Counts};
pub(crate) use health::State;
pub(crate) use page::CONTENT_TYPE;
pub(crate) use partitions::{Held, Partitions, Position, TableProgress};

use crate::store::Table;
use crate::watch::Hub;

/// The observed process; clones are the same one.
#[derive(Clone)]
pub(crate) struct Observer(Arc<Shared>);

struct Shared {
    service: &'static str,
    started_at: SystemTime,
    process: Mutex<Process>,
}

#[derive(Default)]
struct Process {
    step: Step,
    objects: Vec<Object>,
}

/// What the service as a whole was told.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Step {
    #[default]
    Connecting,
    Running,
    Stopping,
}

/// An object that this process runs.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) id: Id,
    pub(crate) observed: Observed,
    /// Tables it shares with others, and needs to be complete.
    pub(crate) lookups: Vec<Observed>,
}

/// What an object, or a table that objects share, tells of itself; clones are of the same one.
#[derive(Clone)]
pub(crate) struct Observed {
    pub(crate) partitions: Partitions,
    pub(crate) counts: Arc<Counts>,
    /// The topic and the table of all its partitions, if it is such a table.
    pub(crate) table: Option<(&'static str, Table)>,
    /// Who watches it, if it is something that can be watched.
    pub(crate) hub: Option<Arc<Hub>>,
}

/// What an object is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id {
    pub(crate) component: &'static str,
    pub(crate) kind: Kind,
    /// Its name as written; of a source or view its message.
    pub(crate) name: &'static str,
}

/// What kind of object it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Source,
    Processor,
    View,
    Sink,
    ViewSource,
    ViewSink,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Source,
        Self::Processor,
        Self::View,
        Self::Sink,
        Self::ViewSource,
        Self::ViewSink,
    ];

    /// As it is called in labels and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Processor => "processor",
            Self::View => "view",
            Self::Sink => "sink",
            Self::ViewSource => "view source",
            Self::ViewSink => "view sink",
        }
    }
}

impl Observed {
    pub(crate) fn new(counts: Counts) -> Self {
        Self {
            partitions: Partitions::default(),
            counts: Arc::new(counts),
            table: None,
            hub: None,
        }
    }
}

impl Object {
    /// It, and the tables it shares.
    fn all(&self) -> impl Iterator<Item = &Observed> {
        std::iter::once(&self.observed).chain(&self.lookups)
    }
}

impl Observer {
    pub(crate) fn new(service: &'static str) -> Self {
        Self(Arc::new(Shared {
            service,
            started_at: SystemTime::now(),
            process: Mutex::default(),
        }))
    }

    /// The service's name.
    pub(crate) fn service(&self) -> &'static str {
        self.0.service
    }

    /// When the process started.
    pub(crate) fn started_at(&self) -> SystemTime {
        self.0.started_at
    }

    fn objects(&self) -> Vec<Object> {
        self.process().objects.clone()
    }

    /// Takes an object in that this process is going to run.
    pub(crate) fn add(&self, object: Object) {
        let objects = &mut self.process().objects;
        let place = objects.partition_point(|known| known.id < object.id);
        objects.insert(place, object);
    }

    /// Everything is registered, and runs from now on.
    pub(crate) fn running(&self) {
        let mut process = self.process();
        // A stop that was asked for before the start stays one.
        if process.step == Step::Connecting {
            process.step = Step::Running;
        }
    }

    /// The service stops.
    pub(crate) fn stopping(&self) {
        self.process().step = Step::Stopping;
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.0
            .process
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
