//! Bytes to JSON without a decoded message between, for messages of single fields: most are, and
//! decoding into a message of any type costs several times as much. Whatever is less simple is left to
//! [`shown`](super::shown), with which this agrees.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::bytes::Buf as _;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::REDACTED;
use super::masks::Masks;
use super::shown::has_own_json;

/// Messages within messages that are written; others are left alone.
const MAX_DEPTH: usize = 32;

/// How the messages of a service are written.
pub(super) struct Plans {
    /// Where the plan of a message is, by its full name.
    by_name: HashMap<String, usize>,
    plans: Vec<Plan>,
}

/// A message's fields by number; `None` where it has extensions, or JSON of its own.
type Plan = Option<Box<[Field]>>;

struct Field {
    number: u32,
    /// Its name as JSON, with the colon.
    name: Box<str>,
    form: Form,
    /// Whether it is there with its type's default.
    has_presence: bool,
    masked: bool,
}

enum Form {
    Bool,
    Int32,
    Sint32,
    Uint32,
    Int64,
    Sint64,
    Uint64,
    Fixed32,
    Sfixed32,
    Fixed64,
    Sfixed64,
    Float,
    Double,
    Text,
    Bytes,
    /// The names, as JSON.
    Enum(HashMap<i32, Box<str>>),
    /// The place of its plan.
    Message(usize),
    /// Lists, maps, groups, what excludes each other.
    Other,
}

/// It is not simple, or is broken.
struct Unsure;

impl<E: std::error::Error> From<E> for Unsure {
    fn from(_: E) -> Self {
        Self
    }
}

impl Plans {
    /// Those of the messages in `pool`.
    pub(super) fn of(pool: &DescriptorPool, masks: &Masks) -> Self {
        let names = pool.all_messages().enumerate();
        let by_name: HashMap<_, _> = names
            .map(|(place, message)| (message.full_name().to_owned(), place))
            .collect();
        let plans = pool
            .all_messages()
            .map(|message| plan(&message, masks, &by_name))
            .collect();
        Self { by_name, plans }
    }

    /// `bytes`, a message with the name `message_type`, as JSON; `None` where that takes more.
    pub(super) fn json(&self, message_type: &str, bytes: &[u8]) -> Option<String> {
        let place = *self.by_name.get(message_type)?;
        let mut text = Vec::with_capacity(bytes.len() * 2 + 16);
        self.message(place, bytes, &mut text, 0).ok()?;
        String::from_utf8(text).ok()
    }

    fn message(
        &self,
        place: usize,
        mut bytes: &[u8],
        text: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Unsure> {
        let fields = self.plans[place].as_ref().ok_or(Unsure)?;
        if depth > MAX_DEPTH {
            return Err(Unsure);
        }
        text.push(b'{');
        let (mut last, mut is_first) = (0, true);
        while !bytes.is_empty() {
            let (number, wire) = decode_key(&mut bytes)?;
            // Of fields that come again the last counts, and they are shown in the order of their numbers.
            if number <= last || matches!(wire, WireType::StartGroup | WireType::EndGroup) {
                return Err(Unsure);
            }
            last = number;
            let Ok(found) = fields.binary_search_by_key(&number, |field| field.number) else {
                skip_field(wire, number, &mut bytes, DecodeContext::default())?;
                continue;
            };
            let (field, start) = (&fields[found], text.len());
            if !is_first {
                text.push(b',');
            }
            text.extend_from_slice(field.name.as_bytes());
            let value = text.len();
            let is_default = self.value(field, wire, &mut bytes, text, depth)?;
            if is_default && !field.has_presence {
                text.truncate(start);
                continue;
            }
            if field.masked {
                text.truncate(value);
                serde_json::to_writer(&mut *text, REDACTED)?;
            }
            is_first = false;
        }
        text.push(b'}');
        Ok(())
    }

    /// Writes a value; whether it is the default of its type.
    fn value(
        &self,
        field: &Field,
        wire: WireType,
        bytes: &mut &[u8],
        text: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Unsure> {
        let expected = match field.form {
            Form::Fixed32 | Form::Sfixed32 | Form::Float => WireType::ThirtyTwoBit,
            Form::Fixed64 | Form::Sfixed64 | Form::Double => WireType::SixtyFourBit,
            Form::Text | Form::Bytes | Form::Message(_) => WireType::LengthDelimited,
            Form::Other => return Err(Unsure),
            _ => WireType::Varint,
        };
        if wire != expected {
            return Err(Unsure);
        }
        let number = match wire {
            WireType::ThirtyTwoBit => bytes.try_get_u32_le()?.into(),
            WireType::SixtyFourBit => bytes.try_get_u64_le()?,
            _ => decode_varint(bytes)?,
        };
        // The parts of a number are what protobuf's types are made of.
        let (low, signed) = (number as u32, number as i64);
        match &field.form {
            Form::Bool => write(text, &(number != 0))?,
            Form::Int32 | Form::Sfixed32 => write(text, &low.cast_signed())?,
            Form::Sint32 => write(text, &((low >> 1).cast_signed() ^ -(low & 1).cast_signed()))?,
            Form::Uint32 | Form::Fixed32 => write(text, &low)?,
            Form::Int64 | Form::Sfixed64 => quoted(text, &signed)?,
            Form::Sint64 => {
                let value = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
                quoted(text, &value)?;
            }
            Form::Uint64 | Form::Fixed64 => quoted(text, &number)?,
            Form::Float => real(text, f32::from_bits(low).into(), &f32::from_bits(low))?,
            Form::Double => real(text, f64::from_bits(number), &f64::from_bits(number))?,
            Form::Enum(names) => match names.get(&low.cast_signed()) {
                Some(name) => text.extend_from_slice(name.as_bytes()),
                None => write(text, &low.cast_signed())?,
            },
            Form::Text => write(text, std::str::from_utf8(take(bytes, number)?)?)?,
            Form::Bytes => write(text, &BASE64_STANDARD.encode(take(bytes, number)?))?,
            Form::Message(place) => {
                self.message(*place, take(bytes, number)?, text, depth + 1)?;
            }
            Form::Other => return Err(Unsure),
        }
        Ok(match field.form {
            Form::Message(_) => false,
            // Numbers of 32 bits are what is left of longer ones.
            Form::Int32 | Form::Sint32 | Form::Uint32 | Form::Enum(_) => low == 0,
            _ => number == 0,
        })
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], Unsure> {
    let length = usize::try_from(length)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Unsure)?;
    *bytes = rest;
    Ok(taken)
}

fn write(text: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) -> Result<(), Unsure> {
    Ok(serde_json::to_writer(text, value)?)
}

/// JSON's numbers are not exact beyond 53 bits.
fn quoted(text: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<(), Unsure> {
    text.push(b'"');
    write(text, value)?;
    text.push(b'"');
    Ok(())
}

fn real(text: &mut Vec<u8>, value: f64, exact: &impl serde::Serialize) -> Result<(), Unsure> {
    // No number, infinity, and what is zero with a sign have rules of their own.
    if !value.is_finite() || (value == 0.0 && value.is_sign_negative()) {
        return Err(Unsure);
    }
    write(text, exact)
}

fn plan(
    message: &MessageDescriptor,
    masks: &Masks,
    by_name: &HashMap<String, usize>,
) -> Option<Box<[Field]>> {
    if has_own_json(message) || message.extensions().len() > 0 {
        return None;
    }
    let masked = masks.of_message(message.full_name());
    let fields = message.fields().map(|field| {
        let name = serde_json::to_string(field.json_name()).ok()?;
        Some(Field {
            number: field.number(),
            name: format!("{name}:").into(),
            form: form(&field, by_name),
            has_presence: field.supports_presence(),
            masked: masked.is_some_and(|masked| masked.contains(&field.number())),
        })
    });
    let mut fields: Vec<_> = fields.collect::<Option<_>>()?;
    fields.sort_by_key(|field| field.number);
    Some(fields.into())
}

fn form(field: &FieldDescriptor, by_name: &HashMap<String, usize>) -> Form {
    let excludes_others = |field: &FieldDescriptor| {
        let oneof = field.containing_oneof();
        oneof.is_some_and(|oneof| oneof.fields().len() > 1)
    };
    if field.is_list() || field.is_map() || field.is_group() || excludes_others(field) {
        return Form::Other;
    }
    match field.kind() {
        Kind::Double => Form::Double,
        Kind::Float => Form::Float,
        Kind::Int32 => Form::Int32,
        Kind::Int64 => Form::Int64,
        Kind::Uint32 => Form::Uint32,
        Kind::Uint64 => Form::Uint64,
        Kind::Sint32 => Form::Sint32,
        Kind::Sint64 => Form::Sint64,
        Kind::Fixed32 => Form::Fixed32,
        Kind::Fixed64 => Form::Fixed64,
        Kind::Sfixed32 => Form::Sfixed32,
        Kind::Sfixed64 => Form::Sfixed64,
        Kind::Bool => Form::Bool,
        Kind::String => Form::Text,
        Kind::Bytes => Form::Bytes,
        Kind::Message(message) => by_name
            .get(message.full_name())
            .map_or(Form::Other, |place| Form::Message(*place)),
        // The default of others, and null, have rules of their own.
        Kind::Enum(kind)
            if kind.full_name() == "google.protobuf.NullValue"
                || kind.default_value().number() != 0 =>
        {
            Form::Other
        }
        Kind::Enum(kind) => {
            let numbers = kind.values().map(|value| value.number());
            let name = |number| {
                let name = serde_json::to_string(kind.get_value(number)?.name()).ok()?;
                Some((number, name.into()))
            };
            Form::Enum(numbers.filter_map(name).collect())
        }
    }
}
