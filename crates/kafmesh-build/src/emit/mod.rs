//! Emitters: one file per kind of generated file, each a pure function from the model to tokens.

pub(crate) mod component;
pub(crate) mod processor;
pub(crate) mod service;
pub(crate) mod source;
pub(crate) mod topic;
pub(crate) mod view;
