//! Testing without a broker: drivers for processors and services, and what in-memory handles recorded.
//!
//! Time is virtual: it starts at 2000-01-01T00:00:00Z and moves only when a test says so.

#[doc(hidden)]
pub mod cost;
mod processor;
mod service;

pub use crate::memory::{Captured, Contents, Emitted};
pub use processor::{Outputs, ProcessorTest};
pub use service::ServiceTest;
