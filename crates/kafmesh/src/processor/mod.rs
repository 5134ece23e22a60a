//! Processors: one record through one handler, one partition's task, one group member's tasks.

mod cache;
mod core;
mod guard;
mod member;
mod task;
mod work;

pub(crate) use self::core::process;
pub use self::core::{Processor, decode, unknown_input};
pub(crate) use member::{Member, Storage};
pub use work::{Context, NoState, State};
pub(crate) use work::{LARGEST_RECORD, Work};
