//! What of a service is registered in this process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::observe::Kind;

/// The registered objects, more of them as time passes; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Registered(Arc<Mutex<Objects>>);

/// The objects that were registered at some time.
#[derive(Clone, Default)]
pub(super) struct Objects(BTreeSet<(Kind, &'static str, &'static str)>);

impl Registered {
    /// Adds an object of `component`: a source or view by its topic, any other by its consumer group,
    /// which processors that share state have in common.
    pub(crate) fn add(&self, kind: Kind, component: &'static str, key: &'static str) {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        objects.0.insert((kind, component, key));
    }

    pub(super) fn now(&self) -> Objects {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Objects {
    pub(super) fn has(&self, kind: Kind, component: &'static str, key: &'static str) -> bool {
        self.0.contains(&(kind, component, key))
    }
}
