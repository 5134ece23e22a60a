//! Testing without a broker: drivers for processors and services, and what in-memory handles recorded.
//!
//! Time is virtual: it starts at 2000-01-01T00:00:00Z and moves only when a test says so.

#[doc(hidden)]
pub mod cost;
mod log;
mod processor;
mod service;

pub(crate) use log::Log;
pub use log::{Captured, Contents, Emitted};
pub use processor::{Outputs, ProcessorTest};
pub(crate) use service::Bench;
pub use service::ServiceTest;
