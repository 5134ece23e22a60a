//! What is seen of a running process from outside: the states of its objects, and its metrics.

mod health;
mod partitions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use health::State;
pub(crate) use partitions::{Held, Partitions};

/// The observed process; clones are the same one.
#[derive(Clone)]
pub(crate) struct Observer(Arc<Shared>);

struct Shared {
    service: &'static str,
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
    /// What it works on.
    pub(crate) partitions: Partitions,
    /// Tables it shares with others and needs to be complete, by topic.
    pub(crate) lookups: Vec<(&'static str, Partitions)>,
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
    Processor,
    View,
}

impl Kind {
    /// As it is called in labels and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::View => "view",
        }
    }
}

impl Observer {
    pub(crate) fn new(service: &'static str) -> Self {
        Self(Arc::new(Shared {
            service,
            process: Mutex::default(),
        }))
    }

    /// The service's name.
    pub(crate) fn service(&self) -> &'static str {
        self.0.service
    }

    /// Takes an object in that this process is going to run.
    pub(crate) fn add(&self, object: Object) {
        self.process().objects.push(object);
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
