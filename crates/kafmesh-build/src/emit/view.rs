//! Views: the handle through which a service's own code reads its local copy of a topic.

use kafmesh_definition::model::View;
use proc_macro2::TokenStream;
use quote::quote;

use super::topic;
use crate::{doc, models, names};

/// The module of one view.
pub(crate) fn emit(view: &View) -> TokenStream {
    let names::HandleNames { type_name, .. } = names::view(&view.topic.message);
    let message = models::rust_type(&view.topic.proto);
    let topic_use = topic::topic_use(&view.topic);
    let use_models = topic::use_models([&view.topic]);
    let doc = doc::attributes([format!(
        "A local, complete copy of the {} messages in the topic {}.",
        doc::code(view.topic.message.written()),
        doc::code(&view.topic.topic),
    )]);
    quote! {
        use ::kafmesh::codegen::v1 as codegen;
        #use_models

        #doc
        pub type #type_name = ::kafmesh::View<#message>;

        /// What the view is, for discovery and the runtime.
        pub(super) static DESCRIPTOR: codegen::ViewDescriptor = codegen::ViewDescriptor {
            topic: #topic_use,
        };
    }
}

/// The component's method that hands it out.
pub(super) fn method(view: &View) -> TokenStream {
    let names::HandleNames { module, type_name } = names::view(&view.topic.message);
    let doc = doc::attributes([
        format!(
            "A local copy of the topic {}.",
            doc::code(&view.topic.topic)
        ),
        String::new(),
        "# Errors".to_owned(),
        String::new(),
        "When the topic does not exist, or the local copy cannot be opened.".to_owned(),
    ]);
    quote! {
        #doc
        pub fn #module(&mut self) -> ::kafmesh::Result<super::#module::#type_name> {
            self.registry.view(&DESCRIPTOR, &super::#module::DESCRIPTOR)
        }
    }
}
