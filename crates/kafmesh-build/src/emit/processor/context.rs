//! A processor's context: a method for what the definition declares, and for nothing else.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Output, Parts, Table};
use crate::doc;
use crate::emit::component::with_description;

/// The context's type.
pub(super) fn emit(parts: &Parts<'_>) -> TokenStream {
    let context = &parts.names.context;
    let state = parts.state_or_none();
    let doc = doc::attributes([format!(
        "What a handler of the processor {} may read and do.",
        doc::code(parts.processor.name.written())
    )]);
    let state_methods = state_methods(parts);
    let joins = parts.joins.iter().map(join_method);
    let lookups = parts.lookups.iter().map(lookup_method);
    let outputs = parts.outputs.iter().map(output_methods);
    quote! {
        #doc
        pub struct #context<'a> {
            inner: codegen::Context<'a, #state>,
        }

        impl<'a> #context<'a> {
            /// The record's key.
            pub fn key(&self) -> &'a str {
                self.inner.key()
            }

            /// The record's timestamp.
            pub fn timestamp(&self) -> ::std::time::SystemTime {
                self.inner.timestamp()
            }

            /// The record's headers.
            pub fn headers(&self) -> ::kafmesh::Headers<'a> {
                self.inner.headers()
            }

            /// The topic the record was read from.
            pub fn topic(&self) -> &'a str {
                self.inner.topic()
            }

            /// The partition the record was read from.
            pub fn partition(&self) -> i32 {
                self.inner.partition()
            }

            /// The record's offset in its partition.
            pub fn offset(&self) -> i64 {
                self.inner.offset()
            }

            #state_methods
            #(#joins)*
            #(#lookups)*
            #(#outputs)*
        }
    }
}

fn state_methods(parts: &Parts<'_>) -> TokenStream {
    let Some(state) = &parts.state else {
        return TokenStream::new();
    };
    let summary = if parts.processor.shares_state {
        "The state of the record's key, as the last processor that shares it saved it; the default when there is none yet."
    } else {
        "The state of the record's key; the default when there is none yet."
    };
    let summary = doc::attributes([summary]);
    quote! {
        #summary
        ///
        /// # Errors
        ///
        /// When the stored state cannot be read or decoded.
        pub fn state(&mut self) -> ::kafmesh::Result<#state> {
            self.inner.state()
        }

        /// Replaces the state of the record's key.
        pub fn save_state(&mut self, state: #state) {
            self.inner.save_state(state);
        }

        /// Deletes the state of the record's key.
        pub fn delete_state(&mut self) {
            self.inner.delete_state();
        }
    }
}

fn join_method(join: &Table<'_>) -> TokenStream {
    let (get, message, index) = (&join.names.get, &join.message, &join.index);
    let topic = doc::code(&join.topic.topic);
    let doc = doc::attributes([
        format!(
            "What the topic {topic} holds under the record's key; `None` when it holds nothing."
        ),
        String::new(),
        "# Errors".to_owned(),
        String::new(),
        "When what it holds cannot be read or decoded.".to_owned(),
    ]);
    quote! {
        #doc
        pub fn #get(&self) -> ::kafmesh::Result<::std::option::Option<#message>> {
            self.inner.join(#index)
        }
    }
}

fn lookup_method(lookup: &Table<'_>) -> TokenStream {
    let (get, message, index) = (&lookup.names.get, &lookup.message, &lookup.index);
    let topic = doc::code(&lookup.topic.topic);
    let doc = doc::attributes([
        format!("What the topic {topic} holds under `key`, any key; `None` when it holds nothing."),
        String::new(),
        "# Errors".to_owned(),
        String::new(),
        "When what it holds cannot be read or decoded.".to_owned(),
    ]);
    quote! {
        #doc
        pub fn #get(
            &self,
            key: impl ::std::convert::AsRef<str>,
        ) -> ::kafmesh::Result<::std::option::Option<#message>> {
            self.inner.lookup(#index, key.as_ref())
        }
    }
}

fn output_methods(output: &Output<'_>) -> TokenStream {
    let (write, delete, message, index) = (
        &output.names.output,
        &output.names.delete,
        &output.message,
        &output.index,
    );
    let topic = doc::code(&output.topic.topic);
    let summary = format!("Writes `message` under `key` to the topic {topic}.");
    let write_doc = doc::attributes(with_description(summary, output.description));
    let delete_doc = doc::attributes([format!(
        "Writes a delete (a record without a value) of `key` to the topic {topic}."
    )]);
    quote! {
        #write_doc
        pub fn #write(&mut self, key: &str, message: &#message) {
            self.inner.output(#index, key, message);
        }

        #delete_doc
        pub fn #delete(&mut self, key: &str) {
            self.inner.output_delete(#index, key);
        }
    }
}
