//! Topics: the descriptor literals that all objects share, and the Rust types of their messages.

use kafmesh_definition::model::{Topic, TopicUse};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::models;

/// `codegen::TopicUse { … }`.
pub(crate) fn topic_use(topic: &TopicUse) -> TokenStream {
    let (name, message) = (&topic.topic, topic.message.written());
    let message_type = topic.proto.full_name();
    quote! {
        codegen::TopicUse {
            topic: #name,
            message: #message,
            message_type: #message_type,
        }
    }
}

/// `codegen::TopicDescriptor { … }`.
pub(crate) fn descriptor(topic: &Topic) -> TokenStream {
    let name = &topic.name;
    let settings = match &topic.settings {
        None => quote!(::std::option::Option::None),
        Some(settings) => {
            let partitions = Literal::i32_unsuffixed(settings.partitions);
            let replication = Literal::i16_unsuffixed(settings.replication);
            let compact = settings.compact;
            let retention = milliseconds(settings.retention);
            let segment = milliseconds(settings.segment);
            quote! {
                ::std::option::Option::Some(codegen::TopicSettings {
                    partitions: #partitions,
                    replication: #replication,
                    compact: #compact,
                    retention_ms: #retention,
                    segment_ms: #segment,
                })
            }
        }
    };
    let stated = topic
        .expected
        .iter()
        .find(|expected| expected.setting == "partitions");
    let partitions = stated.and_then(|stated| stated.value.parse().ok());
    let expected = match partitions.map(Literal::i32_unsuffixed) {
        None => quote!(::std::option::Option::None),
        Some(partitions) => quote!(::std::option::Option::Some(#partitions)),
    };
    quote! {
        codegen::TopicDescriptor {
            name: #name,
            settings: #settings,
            expected_partitions: #expected,
        }
    }
}

/// `use super::super::models;`, when one of `topics` has its type there and not in the runtime.
pub(crate) fn use_models<'a>(topics: impl IntoIterator<Item = &'a TopicUse>) -> TokenStream {
    let needed = topics
        .into_iter()
        .any(|topic| !models::is_well_known(&topic.proto.package));
    if needed {
        quote!(
            use super::super::models;
        )
    } else {
        TokenStream::new()
    }
}

/// Milliseconds with digits grouped as people read them (`86_400_000`), within Kafka's `long`.
fn milliseconds(duration: std::time::Duration) -> Literal {
    let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let digits = milliseconds.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
        .parse()
        .unwrap_or_else(|_| Literal::i64_unsuffixed(milliseconds))
}
