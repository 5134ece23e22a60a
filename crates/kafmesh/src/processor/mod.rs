//! Processors: one record through one handler, one partition's task, one group member's tasks.

mod cache;
mod context;
mod core;
mod counting;
mod joins;
mod member;
mod owned;
mod session;
mod tables;
mod task;
mod tasks;
mod work;

#[cfg(test)]
mod tests;

pub use self::context::Context;
pub(crate) use self::core::process;
pub use self::core::{Processor, decode, unknown_input};
pub(crate) use joins::JoinReader;
pub(crate) use member::{JoinStorage, Member, Storage};
pub(crate) use tables::Tables;
pub(crate) use work::{LARGEST_RECORD, Work};
pub use work::{NoState, State};
