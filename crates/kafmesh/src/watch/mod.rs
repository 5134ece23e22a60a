//! Watch: shows what processors do with their records, while they do it, to who asks over gRPC.
//!
//! ```text
//! task ── tap ──▶ operation (bytes) ──▶ bounded queue ──▶ stream ── JSON ──▶ whoever watches
//!          ▲            a queue per watcher, which loses what does not fit
//!          └── hub: who watches this processor; a number that a tap compares per record
//! ```
//!
//! A task does as little as can be: while nobody watches, one comparison per record; while somebody
//! does, it copies the bytes of the records that are shown, and never waits. Everything that takes
//! time, such as turning bytes into JSON, is done where the stream is sent.

mod access;
mod api;
mod hub;
mod json;
mod limit;
mod operation;
mod process;
mod shown;
mod stream;
mod tap;

#[cfg(test)]
mod tests;

pub(crate) use access::Access;
pub(crate) use hub::Hub;
pub(crate) use operation::Kind;
pub(crate) use process::Watching;
pub(crate) use tap::Tap;
