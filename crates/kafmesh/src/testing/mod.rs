//! Testing without a broker: drivers for processors, sinks, view sources,
//! view sinks and services, and what in-memory handles recorded.
//!
//! Time is virtual: it starts at 2000-01-01T00:00:00Z and moves only when a test says so.

#[doc(hidden)]
pub mod cost;
mod processor;
mod service;
mod sink;
mod view_sink;
mod view_source;

pub use crate::memory::{Captured, Contents, Emitted};
pub use processor::{Outputs, ProcessorTest};
pub use service::ServiceTest;
pub use sink::SinkTest;
pub use view_sink::ViewSinkTest;
pub use view_source::ViewSourceTest;
