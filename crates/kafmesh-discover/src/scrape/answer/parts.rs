//! Counts the parts of an answer before it is decoded.
//!
//! Two bytes can become a component of 200 once decoded; so the length alone does not bound what an
//! answer costs.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::Invalid;

/// Most fields an answer may have, at all levels that can repeat.
pub(super) const MAX: usize = 200_000;

/// The fields that lead from a response to its service, components, and processors: their numbers
/// are the same in both contracts.
const DOWN: [u32; 3] = [1, 3, 4];

/// Whether the answer has at most [`MAX`] fields up to where it ends or cannot be decoded.
pub(super) fn check(bytes: &[u8]) -> Result<(), Invalid> {
    match count(bytes, &DOWN, MAX) {
        Some(_) => Ok(()),
        None => Err(Invalid::TooManyParts),
    }
}

/// How many more fields there may be after `bytes`; `None` when there are too many already.
fn count(mut bytes: &[u8], down: &[u32], mut left: usize) -> Option<usize> {
    while !bytes.is_empty() {
        left = left.checked_sub(1)?;
        // Decoding will come as far as this, and say what is wrong there.
        let Ok((number, wire)) = decode_key(&mut bytes) else {
            break;
        };
        match down.split_first() {
            Some((next, down)) if *next == number && wire == WireType::LengthDelimited => {
                let Ok(length) = decode_varint(&mut bytes) else {
                    break;
                };
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let (inner, rest) = bytes.split_at(length.min(bytes.len()));
                left = count(inner, down, left)?;
                bytes = rest;
            }
            _ if skip_field(wire, number, &mut bytes, DecodeContext::default()).is_err() => break,
            _ => {}
        }
    }
    Some(left)
}
