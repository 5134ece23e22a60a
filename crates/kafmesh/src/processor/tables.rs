//! The tables that a handler reads besides its state.

use crate::codegen::{ProcessorDescriptor, TopicUse};
use crate::entries::Entries;
use crate::store::Table;

/// Joins and lookups, each in the order of the descriptor.
#[derive(Clone, Default)]
pub(crate) struct Tables {
    pub(crate) joins: Box<[Entries]>,
    pub(crate) lookups: Box<[Entries]>,
}

impl Tables {
    /// For tests: what `table` gives for each topic.
    pub(crate) fn in_memory(
        descriptor: &ProcessorDescriptor,
        mut table: impl FnMut(&'static str) -> Table,
    ) -> Self {
        let mut entries = |uses: &'static [TopicUse]| {
            uses.iter()
                .map(|used| Entries::new(used.topic, table(used.topic)))
                .collect()
        };
        Self {
            joins: entries(descriptor.joins),
            lookups: entries(descriptor.lookups),
        }
    }
}
