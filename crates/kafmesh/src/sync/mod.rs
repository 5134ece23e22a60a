//! Synchronising with other systems at an interval: view sources keep a topic equal to an external
//! data set, view sinks hand a whole view to an external system.

mod leadership;
mod member;
mod schedule;
mod updates;
mod view_sink;
mod view_source;

pub(crate) use member::{Job, Member};
pub use schedule::Schedule;
pub use updates::Updates;
pub(crate) use updates::{Changes, Out};
pub use view_sink::ViewSink;
pub(crate) use view_sink::{SinkJob, hand_over};
pub use view_source::ViewSource;
pub(crate) use view_source::{SourceJob, reconcile};
