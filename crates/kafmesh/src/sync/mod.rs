//! Synchronising with other systems at an interval: view sources keep a topic equal to an external
//! data set, view sinks hand a whole view to an external system.

mod schedule;
mod updates;
mod view_sink;
mod view_source;

pub use schedule::Schedule;
pub use updates::Updates;
pub(crate) use updates::{Changes, Out};
pub use view_sink::ViewSink;
pub(crate) use view_sink::hand_over;
pub use view_source::ViewSource;
pub(crate) use view_source::reconcile;
