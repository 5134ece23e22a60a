//! Which fields are masked: those that their definition marks as nobody's business.

use std::collections::{HashMap, HashSet};

use prost_reflect::{DescriptorPool, DynamicMessage, Kind, Value};

/// `debug_redact` in google/protobuf/descriptor.proto's `FieldOptions`.
const DEBUG_REDACT: u32 = 16;

/// The same in its `EnumValueOptions`: it masks the fields with an option of that value.
const VALUE_DEBUG_REDACT: u32 = 3;

/// The fields that are masked.
#[derive(Default)]
pub(super) struct Masks {
    /// Their numbers, by the full name of their message.
    fields: HashMap<String, HashSet<u32>>,
    /// Full names of extensions.
    extensions: HashSet<String>,
}

impl Masks {
    /// Those in `pool`.
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        let mut masks = Self::default();
        for message in pool.all_messages() {
            let fields = message.fields();
            let numbers: HashSet<u32> = fields
                .filter(|field| is_masked(&field.options()))
                .map(|field| field.number())
                .collect();
            if !numbers.is_empty() {
                masks.fields.insert(message.full_name().to_owned(), numbers);
            }
        }
        masks.extensions = pool
            .all_extensions()
            .filter(|extension| is_masked(&extension.options()))
            .map(|extension| extension.full_name().to_owned())
            .collect();
        masks
    }

    /// The numbers of those of a message; `None`: none.
    pub(super) fn of_message(&self, full_name: &str) -> Option<&HashSet<u32>> {
        self.fields.get(full_name)
    }

    /// Whether an extension is masked.
    pub(super) fn has_extension(&self, full_name: &str) -> bool {
        self.extensions.contains(full_name)
    }
}

/// Whether a field with `options` is masked: by `debug_redact`, or by a value that has it.
fn is_masked(options: &DynamicMessage) -> bool {
    is_set(options, DEBUG_REDACT)
        || options
            .extensions()
            .any(|(extension, value)| has_masking_value(value, &extension.kind()))
}

fn has_masking_value(value: &Value, kind: &Kind) -> bool {
    match (value, kind) {
        (Value::EnumNumber(number), Kind::Enum(kind)) => kind
            .get_value(*number)
            .is_some_and(|value| is_set(&value.options(), VALUE_DEBUG_REDACT)),
        (Value::Message(message), _) => message
            .fields()
            .any(|(field, value)| has_masking_value(value, &field.kind())),
        (Value::List(values), _) => values.iter().any(|value| has_masking_value(value, kind)),
        _ => false,
    }
}

fn is_set(options: &DynamicMessage, number: u32) -> bool {
    match options.get_field_by_number(number) {
        Some(value) => value.as_bool() == Some(true),
        // A definition's own descriptor.proto may be older than the option.
        None => options
            .unknown_fields()
            .any(|field| field.number() == number),
    }
}
