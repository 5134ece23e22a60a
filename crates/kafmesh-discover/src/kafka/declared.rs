//! The names that Kafka is asked about.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::mesh::catalog::Catalog;

/// The topics and groups that services declare. A list of all shows neither what is not there nor what
/// kafmesh-discover may not know of; only asked for by name, Kafka tells these apart.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) topics: BTreeSet<Arc<str>>,
    pub(super) groups: BTreeSet<String>,
}

impl Declared {
    pub(super) fn by(catalog: &Catalog) -> Self {
        Self {
            topics: catalog.topics.keys().cloned().collect(),
            groups: catalog.groups().into_keys().map(str::to_owned).collect(),
        }
    }

    /// Whether these are all the names that services declare.
    pub(super) fn covers(&self, catalog: &Catalog) -> bool {
        let mut groups = catalog.objects.values().flat_map(|object| &object.groups);
        catalog.topics.keys().all(|name| self.topics.contains(name))
            && groups.all(|name| self.groups.contains(name))
    }
}
