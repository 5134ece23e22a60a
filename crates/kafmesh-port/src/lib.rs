//! The port of a process: the connections that come in, and their TLS, with certificates that may be
//! renewed while it is open.
//!
//! Services of a mesh and kafmesh-discover open their ports with it; the latter follows its other
//! certificates in the same way.

mod accept;
mod follow;
mod tls;

pub use accept::connections;
pub use follow::Followed;
pub use tls::{Error, File, Files, Tls};
