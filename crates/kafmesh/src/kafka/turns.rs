//! Reading several partitions by turns.

use futures_util::future::select_all;

use super::{Batch, PartitionStream, Polled};
use crate::error::{Error, Result};

/// The next batch of any of `streams`, and whose it is; never, when there are none. The one asked
/// first is the one after the last that had something, so that none starves.
///
/// Nothing is lost when the future is dropped: no stream gives up records before they are returned.
///
/// # Errors
/// The stream that failed, and why.
pub(crate) async fn next_of<S: AsMut<PartitionStream>>(
    streams: &mut [S],
    turn: &mut usize,
) -> Result<(usize, Batch), (usize, Error)> {
    loop {
        let (index, polled) = match &mut *streams {
            [] => std::future::pending().await,
            [only] => (0, only.as_mut().next().await),
            several => {
                let count = several.len();
                let first = *turn % count;
                let (later, sooner) = several.split_at_mut(first);
                let polls = sooner
                    .iter_mut()
                    .chain(later)
                    .map(|stream| Box::pin(stream.as_mut().next()));
                let (polled, place, _) = select_all(polls).await;
                let index = (first + place) % count;
                *turn = (index + 1) % count;
                (index, polled)
            }
        };
        match polled {
            Ok(Polled::Records(batch)) => return Ok((index, batch)),
            Ok(Polled::End(_)) => {}
            Err(error) => return Err((index, error)),
        }
    }
}
