//! Protobuf messages as JSON, with what is marked `debug_redact` masked, from the descriptors that a
//! service carries.

use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::json;

use self::direct::Plans;
use self::masks::Masks;
use self::shown::Shown;

mod direct;
mod masks;
mod shown;

#[cfg(test)]
mod tests;

/// In place of what is marked `debug_redact`, whatever its type.
pub(super) const REDACTED: &str = "[redacted]";

const TOO_LONG: &str = "it is too long to be shown";

/// What a service tells of its messages' types.
pub(super) struct Types {
    pool: DescriptorPool,
    masks: Masks,
    plans: Plans,
    /// Why a type is not known.
    unknown: String,
    /// Whether the service describes no types at all, so that none has anything to mask.
    is_empty: bool,
}

impl Types {
    /// Those in `files`, an encoded `FileDescriptorSet`.
    pub(super) fn new(files: &[u8]) -> Self {
        let (pool, unknown) = match DescriptorPool::decode(files) {
            Ok(pool) => (pool, "the service does not describe this type".to_owned()),
            Err(error) => (
                DescriptorPool::new(),
                format!("the service's description of its types cannot be used: {error}"),
            ),
        };
        let masks = Masks::of(&pool);
        Self {
            plans: Plans::of(&pool, &masks),
            masks,
            pool,
            unknown,
            is_empty: files.is_empty(),
        }
    }

    /// `bytes` as JSON of at most about `limit` bytes, if they are a `message_type`; else JSON that says
    /// why not. Bytes that may hold what is to be masked are never shown as they are.
    pub(super) fn json(&self, message_type: &str, bytes: &[u8], limit: usize) -> String {
        let note = |note: &str| note_of(message_type, bytes.len(), note);
        if limit == 0 {
            return note(TOO_LONG);
        }
        if let Some(json) = self.plans.json(message_type, bytes) {
            return if json.len() > limit {
                note(TOO_LONG)
            } else {
                json
            };
        }
        self.decoded(message_type, bytes, limit)
    }

    /// The same for any message, by way of a decoded one.
    fn decoded(&self, message_type: &str, bytes: &[u8], limit: usize) -> String {
        let note = |note: &str| note_of(message_type, bytes.len(), note);
        let Some(descriptor) = self.pool.get_message_by_name(message_type) else {
            return if !self.is_empty || bytes.len() / 3 * 4 > limit {
                note(&self.unknown)
            } else {
                let base64 = BASE64_STANDARD.encode(bytes);
                json!({"@type": message_type, "@base64": base64, "@note": self.unknown}).to_string()
            };
        };
        let message = match DynamicMessage::decode(descriptor, bytes) {
            Ok(message) => message,
            Err(error) => return note(&format!("it is not a {message_type}: {error}")),
        };
        let mut text = Limited {
            bytes: Vec::with_capacity(bytes.len() * 2),
            limit,
        };
        match serde_json::to_writer(&mut text, &self.shown(&message, 0)) {
            Ok(()) => String::from_utf8(text.bytes)
                .unwrap_or_else(|error| note(&format!("it has no JSON form: {error}"))),
            Err(error) if error.is_io() => note(TOO_LONG),
            Err(error) => note(&format!("it has no JSON form: {error}")),
        }
    }

    fn shown<'a>(&'a self, message: &'a DynamicMessage, depth: usize) -> Shown<'a> {
        Shown {
            types: self,
            message,
            depth,
        }
    }
}

/// JSON in place of a value that cannot be shown.
pub(super) fn note_of(message_type: &str, bytes: usize, note: &str) -> String {
    json!({"@type": message_type, "@bytes": bytes, "@note": note}).to_string()
}

/// A buffer that takes no more than so many bytes.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::Error::other("too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
