//! Everything in `tests/golden` compiles against the runtime, without warnings, in a crate that wants its
//! public items documented; and the seed's service works as its users write it.

#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]

#[path = "golden/clicks/expected/mod.rs"]
pub mod clicks;
#[path = "golden/descriptions/expected/mod.rs"]
pub mod descriptions;
#[path = "golden/digits/expected/mod.rs"]
pub mod digits;
#[path = "golden/empty/expected/mod.rs"]
pub mod empty;
#[path = "golden/keywords/expected/mod.rs"]
pub mod keywords;
#[path = "golden/meeting/expected/mod.rs"]
pub mod meeting;
#[path = "golden/non_ascii/expected/mod.rs"]
pub mod non_ascii;
#[path = "golden/prelude/expected/mod.rs"]
pub mod prelude;
#[path = "golden/processors/expected/mod.rs"]
pub mod processors;
#[path = "golden/protobuf/expected/mod.rs"]
pub mod protobuf;
#[path = "golden/wellknown/expected/mod.rs"]
pub mod wellknown;

/// The style of build scripts.
pub mod inline {
    include!("golden/clicks/inline.rs");
}
