//! Generates typed Rust from a resolved kafmesh definition.
//!
//! [`generate`] is a pure function from the definition to source text; [`write()`] puts the text into a
//! directory that is checked in, and [`compile`] into a build script's `OUT_DIR`. Both styles give the same
//! code: it names types and calls `kafmesh::codegen::v1`, and holds no logic of its own.
//!
//! ```text
//! definitions/
//!   mod.rs                              re-exports, as every mod.rs here
//!   service.km.rs                       Service, ServiceTest, and Components, which both are
//!   math/mod.rs
//!   math/component.km.rs                MathComponent
//!   math/total_clicks_processor.km.rs   TotalClicks{Processor, Context, Test, Outputs}
//!   math/user_id_click_source.km.rs     UserIdClickSource
//!   math/user_id_total_clicks_view.km.rs
//!   math/archive_sink.km.rs             ArchiveSink, ArchiveSinkTest; view sources and view sinks alike
//!   math/processors.km.rs               what makes one of the processors that share their state
//!   files.km.rs                         the messages' protobuf files, encoded
//!   models/mod.rs                       the messages, by package
//!   models/user_id.km.rs
//! ```

mod build_script;
mod check;
mod descriptors;
mod doc;
mod emit;
mod generate;
mod generated;
mod models;
mod module;
mod names;
mod print;
#[cfg(doctest)]
mod undeclared;
mod write;

pub use build_script::{Error, compile};
pub use generate::generate;
pub use generated::Generated;
pub use write::{Difference, DifferenceKind, Report, WriteError, compare, write};
