//! Sources: the handle through which a service's own code emits to a topic.

use kafmesh_definition::model::Source;
use proc_macro2::TokenStream;
use quote::quote;

use super::topic;
use crate::{doc, models, names};

/// The module of one source.
pub(crate) fn emit(source: &Source) -> TokenStream {
    let names::HandleNames { type_name, .. } = names::source(&source.topic.message);
    let message = models::rust_type(&source.topic.proto);
    let topic_use = topic::topic_use(&source.topic);
    let use_models = topic::use_models([&source.topic]);
    let doc = doc::attributes([format!(
        "Emits {} messages to the topic {}.",
        doc::code(source.topic.message.written()),
        doc::code(&source.topic.topic),
    )]);
    quote! {
        use ::kafmesh::codegen::v1 as codegen;
        #use_models

        #doc
        pub type #type_name = ::kafmesh::Source<#message>;

        /// What the source is, for discovery and the runtime.
        pub(super) static DESCRIPTOR: codegen::SourceDescriptor = codegen::SourceDescriptor {
            topic: #topic_use,
        };
    }
}

/// The component's method that hands it out.
pub(super) fn method(source: &Source) -> TokenStream {
    let names::HandleNames { module, type_name } = names::source(&source.topic.message);
    let doc = doc::attributes([format!(
        "A handle that emits to the topic {}.",
        doc::code(&source.topic.topic)
    )]);
    quote! {
        #doc
        pub fn #module(&mut self) -> super::#module::#type_name {
            self.registry.source(&DESCRIPTOR, &super::#module::DESCRIPTOR)
        }
    }
}
