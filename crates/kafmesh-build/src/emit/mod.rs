//! Emitters: one file per kind of generated file, each a pure function from the model to tokens.

pub(crate) mod component;
pub(crate) mod processor;
mod registered;
pub(crate) mod service;
pub(crate) mod shared_state;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod topic;
pub(crate) mod view;
pub(crate) mod view_sink;
pub(crate) mod view_source;
