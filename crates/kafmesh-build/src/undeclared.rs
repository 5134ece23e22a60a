//! Proof that what a definition does not declare does not compile: examples that rustdoc's tests compile.
//!
//! Each differs from one that compiles in one line.

/// What the definition declares.
///
/// ```
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/clicks/inline.rs")); }
/// use definitions::{math, models::*};
///
/// fn handler(ctx: &mut math::TotalClicksContext<'_>) {
///     ctx.output_user_id_total_clicks(ctx.key(), &TotalClicks::default());
/// }
/// ```
///
/// An output that is not declared, although its message is.
///
/// ```compile_fail,E0599
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/clicks/inline.rs")); }
/// use definitions::{math, models::*};
///
/// fn handler(ctx: &mut math::TotalClicksContext<'_>) {
///     ctx.output_user_id_click(ctx.key(), &Click::default());
/// }
/// ```
///
/// An output of another type than declared.
///
/// ```compile_fail,E0308
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/clicks/inline.rs")); }
/// use definitions::{math, models::*};
///
/// fn handler(ctx: &mut math::TotalClicksContext<'_>) {
///     ctx.output_user_id_total_clicks(ctx.key(), &Click::default());
/// }
/// ```
///
/// A lookup that is not declared.
///
/// ```compile_fail,E0599
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/clicks/inline.rs")); }
/// use definitions::{math, models::*};
///
/// fn handler(ctx: &mut math::TotalClicksContext<'_>) {
///     ctx.lookup_user_id_click(ctx.key());
/// }
/// ```
#[expect(dead_code, reason = "only its documentation is looked at")]
struct Declared;

/// State where there is persistence.
///
/// ```
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/processors/inline.rs")); }
/// use definitions::orders;
///
/// fn handler(ctx: &mut orders::OrderStatusContext<'_>) {
///     ctx.delete_state();
/// }
/// ```
///
/// State where there is none.
///
/// ```compile_fail,E0599
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/processors/inline.rs")); }
/// use definitions::orders;
///
/// fn handler(ctx: &mut orders::PassThroughContext<'_>) {
///     ctx.delete_state();
/// }
/// ```
///
/// A handler that an input needs and that is missing.
///
/// ```compile_fail,E0046
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/processors/inline.rs")); }
/// use definitions::orders;
///
/// struct Handlers;
/// impl orders::PassThroughProcessor for Handlers {}
/// ```
#[expect(dead_code, reason = "only its documentation is looked at")]
struct State;
