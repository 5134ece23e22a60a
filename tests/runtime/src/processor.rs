//! Processors out of closures, in place of generated dispatch code.

use std::marker::PhantomData;

use kafmesh::Result;
use kafmesh::codegen::v1::{Context, Processor, ProcessorDescriptor, State, decode};

use crate::{Click, Count};

/// A processor that calls a function per record: the input's number, the context, the value.
pub struct Handle<S, F> {
    descriptor: &'static ProcessorDescriptor,
    handler: F,
    state: PhantomData<fn() -> S>,
}

impl<S, F> Handle<S, F>
where
    S: State,
    F: Handler<S>,
{
    /// `handler` as the handlers of `descriptor`.
    pub fn new(descriptor: &'static ProcessorDescriptor, handler: F) -> Self {
        Self {
            descriptor,
            handler,
            state: PhantomData,
        }
    }
}

/// A function from a record to its effects.
pub trait Handler<S>:
    Fn(usize, &mut Context<'_, S>, Option<&[u8]>) -> Result<()> + Send + Sync + 'static
{
}

impl<S, F: Fn(usize, &mut Context<'_, S>, Option<&[u8]>) -> Result<()> + Send + Sync + 'static>
    Handler<S> for F
{
}

impl<S, F> Processor for Handle<S, F>
where
    S: State,
    F: Handler<S>,
{
    type State = S;

    fn descriptor(&self) -> &'static ProcessorDescriptor {
        self.descriptor
    }

    async fn handle(
        &self,
        input: usize,
        mut context: Context<'_, S>,
        value: Option<&[u8]>,
    ) -> Result<()> {
        (self.handler)(input, &mut context, value)
    }
}

/// Counts per key, into the state and the first output; a delete ends the count.
///
/// # Errors
///
/// When the value is not a [`Click`].
pub fn counting(_: usize, context: &mut Context<'_, Count>, value: Option<&[u8]>) -> Result<()> {
    let Some(value) = value else {
        context.delete_state();
        context.output_delete(0, context.key());
        return Ok(());
    };
    let click: Click = decode(value)?;
    let mut state = context.state()?;
    state.count += click.amount;
    context.output(0, context.key(), &state);
    context.save_state(state);
    Ok(())
}
