//! What sinks, view sources and view sinks have in common: each is a type of the user's behind a trait, with a
//! name, a group and a topic.

use kafmesh_definition::Name;
use kafmesh_definition::model::{Sink, TopicUse, ViewSink, ViewSource};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::topic;
use crate::{doc, models, names};

/// One such object with everything the emitters need to know about it.
pub(super) struct Parts<'a> {
    /// What it is called in documentation (`view source`).
    pub(super) kind: &'static str,
    pub(super) name: &'a Name,
    pub(super) description: &'a str,
    group: &'a str,
    pub(super) topic: &'a TopicUse,
    pub(super) names: names::RegisteredNames,
    /// The Rust type of its messages.
    pub(super) message: TokenStream,
}

impl<'a> Parts<'a> {
    pub(super) fn sink(sink: &'a Sink) -> Self {
        Self {
            kind: "sink",
            name: &sink.name,
            description: &sink.description,
            group: &sink.group,
            topic: &sink.topic,
            names: names::sink(&sink.name),
            message: models::rust_type(&sink.topic.proto),
        }
    }

    pub(super) fn view_source(source: &'a ViewSource) -> Self {
        Self {
            kind: "view source",
            name: &source.name,
            description: &source.description,
            group: &source.group,
            topic: &source.topic,
            names: names::view_source(&source.name),
            message: models::rust_type(&source.topic.proto),
        }
    }

    pub(super) fn view_sink(sink: &'a ViewSink) -> Self {
        Self {
            kind: "view sink",
            name: &sink.name,
            description: &sink.description,
            group: &sink.group,
            topic: &sink.topic,
            names: names::view_sink(&sink.name),
            message: models::rust_type(&sink.topic.proto),
        }
    }

    /// `the view source `customers``.
    pub(super) fn title(&self) -> String {
        format!("the {} {}", self.kind, doc::code(self.name.written()))
    }

    /// The message's type as the user's code names it.
    pub(super) fn message_text(&self) -> String {
        self.message.to_string().replace(' ', "")
    }

    /// The module's first lines: imports and the descriptor, whose type is `descriptor`.
    pub(super) fn head(&self, descriptor: TokenStream) -> TokenStream {
        let use_models = topic::use_models([self.topic]);
        let doc = doc::attributes([format!(
            "What the {} is, for discovery and the runtime.",
            self.kind
        )]);
        let (name, description, group) = (self.name.written(), self.description, self.group);
        let topic = topic::topic_use(self.topic);
        quote! {
            use ::kafmesh::codegen::v1 as codegen;
            #use_models

            #doc
            pub(super) static DESCRIPTOR: codegen::#descriptor = codegen::#descriptor {
                name: #name,
                description: #description,
                group: #group,
                topic: #topic,
            };
        }
    }

    /// The type through which the runtime calls the user's: it implements `codegen::bridge` by `method`.
    pub(super) fn dispatch(
        &self,
        bridge: TokenStream,
        descriptor: TokenStream,
        method: TokenStream,
    ) -> TokenStream {
        let (handlers, dispatch, message) =
            (&self.names.handlers, &self.names.dispatch, &self.message);
        let doc = doc::attributes([format!("Calls the {} for the runtime.", self.kind)]);
        quote! {
            #doc
            #[doc(hidden)]
            pub struct #dispatch<H>(pub(super) H);

            impl<H: #handlers> codegen::#bridge for #dispatch<H> {
                type Message = #message;

                fn descriptor(&self) -> &'static codegen::#descriptor {
                    &DESCRIPTOR
                }

                #method
            }
        }
    }

    /// The component's method that registers it: `argument` is the user's type, `setting` of the type
    /// `setting_type` says when it runs.
    pub(super) fn register(
        &self,
        summary: &[String],
        argument: &Ident,
        setting: &Ident,
        setting_type: TokenStream,
        method: &Ident,
    ) -> TokenStream {
        let names::RegisteredNames {
            module,
            register,
            handlers,
            dispatch,
            ..
        } = &self.names;
        let mut lines = summary.to_vec();
        lines.extend([
            String::new(),
            "# Errors".to_owned(),
            String::new(),
            format!("When the {} is registered already.", self.kind),
        ]);
        let doc = doc::attributes(lines);
        quote! {
            #doc
            pub fn #register(
                &mut self,
                #argument: impl super::#module::#handlers,
                #setting: ::kafmesh::#setting_type,
            ) -> ::kafmesh::Result<()> {
                let #argument = super::#module::#dispatch(#argument);
                self.registry.#method(&DESCRIPTOR, #argument, #setting)
            }
        }
    }
}
