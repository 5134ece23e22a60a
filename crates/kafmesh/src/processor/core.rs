//! One record through one processor: decode, handle, effects. The same code runs under Kafka and in tests.

use super::context::Context;
use super::work::{State, Work};
use crate::codegen::ProcessorDescriptor;
use crate::error::{Error, Position, Result, message_name};
use crate::kafka::Record;

/// A processor as generated code implements it: names inputs, decodes and calls the user's handler.
pub trait Processor: Send + Sync + 'static {
    /// Its state; [`NoState`](super::NoState) when it has none.
    type State: State;

    /// What it is.
    fn descriptor(&self) -> &'static ProcessorDescriptor;

    /// Handles a record of input `input` (its place in the descriptor); no value is a delete.
    fn handle(
        &self,
        input: usize,
        context: Context<'_, Self::State>,
        value: Option<&[u8]>,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Lets `processor` handle `record`; afterwards its effects are in `work`, or, on an error, nothing is.
///
/// # Errors
///
/// [`Error::Decode`] and [`Error::HandlerAt`], with the record's position.
pub(crate) async fn process<P: Processor>(
    processor: &P,
    work: &mut Work<P::State>,
    input: usize,
    topic: &str,
    partition: i32,
    record: Record<'_>,
) -> Result<()> {
    work.tap.begin(input, partition, &record);
    let handled = handle(processor, work, input, topic, partition, record).await;
    work.tap.end(handled.as_ref().err());
    handled
}

async fn handle<P: Processor>(
    processor: &P,
    work: &mut Work<P::State>,
    input: usize,
    topic: &str,
    partition: i32,
    record: Record<'_>,
) -> Result<()> {
    let at = || record.position(topic, partition);
    let key = record
        .text_key()
        .map_err(|reason| undecodable(at(), reason))?;
    work.begin();
    let handled = processor
        .handle(
            input,
            Context::new(work, record, key, topic, partition),
            record.value,
        )
        .await;
    match handled.and_then(|()| work.check(key)) {
        Ok(()) => {
            work.apply(key);
            Ok(())
        }
        Err(error) => {
            work.discard();
            Err(placed(error, at()))
        }
    }
}

/// Decodes the value of a record.
///
/// # Errors
///
/// When the bytes are not an `M`; the runtime adds the record's position.
pub fn decode<M: prost::Message + Default>(value: &[u8]) -> Result<M> {
    M::decode(value).map_err(|error| {
        undecodable(
            Position::default(),
            format!("its value is not a {}: {error}", message_name::<M>()),
        )
    })
}

/// Generated code was asked for an input it does not know; it and the runtime disagree.
pub fn unknown_input(descriptor: &ProcessorDescriptor, input: usize) -> Error {
    Error::handler(format!(
        "processor {} has no input number {input}; generate its code anew",
        descriptor.name
    ))
}

fn undecodable(at: Position, reason: String) -> Error {
    Error::Decode { at, reason }
}

fn placed(error: Error, at: Position) -> Error {
    match error {
        Error::Decode {
            at: unknown,
            reason,
        } if unknown == Position::default() => Error::Decode { at, reason },
        other => Error::HandlerAt {
            at,
            source: Box::new(other),
        },
    }
}
