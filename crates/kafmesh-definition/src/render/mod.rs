//! Diagnostics for their readers: people, programs, and workflow logs.

mod excerpt;
mod github;
mod json;
mod text;

pub use text::TextStyle;
