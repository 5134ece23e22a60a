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

/// What the definition declares.
///
/// ```
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/everything/inline.rs")); }
/// use definitions::heartbeats;
///
/// fn handler(ctx: &mut heartbeats::EnrichHeartbeatsContext<'_>) -> kafmesh::Result<()> {
///     ctx.join_device_id_customer()?;
///     ctx.lookup_customer_id_details("a customer")?;
///     Ok(())
/// }
/// ```
///
/// A join that is not declared; its topic is looked up.
///
/// ```compile_fail,E0599
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/everything/inline.rs")); }
/// use definitions::heartbeats;
///
/// fn handler(ctx: &mut heartbeats::EnrichHeartbeatsContext<'_>) -> kafmesh::Result<()> {
///     ctx.join_customer_id_details()?;
///     ctx.lookup_customer_id_details("a customer")?;
///     Ok(())
/// }
/// ```
///
/// A lookup that is not declared; its topic is joined.
///
/// ```compile_fail,E0599
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/everything/inline.rs")); }
/// use definitions::heartbeats;
///
/// fn handler(ctx: &mut heartbeats::EnrichHeartbeatsContext<'_>) -> kafmesh::Result<()> {
///     ctx.join_device_id_customer()?;
///     ctx.lookup_device_id_customer("a device")?;
///     Ok(())
/// }
/// ```
///
/// A join in a processor that has none.
///
/// ```compile_fail,E0599
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/everything/inline.rs")); }
/// use definitions::devices;
///
/// fn handler(ctx: &mut devices::KeepDetailsContext<'_>) -> kafmesh::Result<()> {
///     ctx.join_device_id_customer()?;
///     Ok(())
/// }
/// ```
///
/// One of several processors that share their state, registered without the others.
///
/// ```compile_fail,E0061
/// mod definitions { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/everything/inline.rs")); }
/// use definitions::devices;
///
/// fn register(
///     component: &mut devices::DevicesComponent<'_>,
///     keep: impl devices::KeepDetailsProcessor,
/// ) -> kafmesh::Result<()> {
///     component.register_processors(keep)
/// }
/// ```
#[expect(dead_code, reason = "only its documentation is looked at")]
struct Tables;
