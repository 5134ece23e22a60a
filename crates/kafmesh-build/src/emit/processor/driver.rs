//! A processor's test driver: handlers without a broker, on virtual time, with captured outputs.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Input, Output, Parts, Table};
use crate::doc;

/// The driver and the outputs it captured.
pub(super) fn emit(parts: &Parts<'_>) -> TokenStream {
    TokenStream::from_iter([driver(parts), outputs(parts)])
}

fn driver(parts: &Parts<'_>) -> TokenStream {
    let (test, handlers, dispatch, outputs) = (
        &parts.names.test,
        &parts.names.handlers,
        &parts.names.dispatch,
        &parts.names.outputs,
    );
    let doc = doc::attributes(driver_doc(parts));
    let inputs = parts.inputs.iter().map(input_methods);
    let joins = parts
        .joins
        .iter()
        .map(|join| table_methods(join, quote!(set_join), quote!(remove_join)));
    let lookups = parts
        .lookups
        .iter()
        .map(|lookup| table_methods(lookup, quote!(set_lookup), quote!(remove_lookup)));
    let state = state_methods(parts);
    quote! {
        #doc
        pub struct #test<H: #handlers> {
            inner: codegen::ProcessorTest<#dispatch<H>>,
        }

        impl<H: #handlers> #test<H> {
            /// Starts `handlers` with no state.
            pub fn new(handlers: H) -> Self {
                Self { inner: codegen::ProcessorTest::new(#dispatch(handlers)), }
            }

            #(#inputs)*

            /// Sets the headers of the records sent from here on.
            pub fn set_headers(&mut self, headers: &[(&str, &[u8])]) {
                self.inner.set_headers(headers);
            }

            /// What the handlers have written since the start or the last `clear_outputs`.
            pub fn outputs(&self) -> #outputs<'_> {
                #outputs { inner: self.inner.outputs(), }
            }

            /// Forgets what the handlers have written so far.
            pub fn clear_outputs(&mut self) {
                self.inner.clear_outputs();
            }

            #state

            #(#joins)*

            #(#lookups)*

            /// Moves virtual time forward.
            pub fn advance(&mut self, by: ::std::time::Duration) {
                self.inner.advance(by);
            }

            /// Virtual time: the timestamp of the records sent from here on.
            pub fn now(&self) -> ::std::time::SystemTime {
                self.inner.now()
            }
        }
    }
}

fn driver_doc(parts: &Parts<'_>) -> Vec<String> {
    let mut lines = vec![format!(
        "Drives the handlers of the processor {} without a broker, on virtual time.",
        doc::code(parts.processor.name.written())
    )];
    if let Some(input) = parts.inputs.first() {
        let message = input.message.to_string().replace(' ', "");
        lines.extend([
            String::new(),
            "```text".to_owned(),
            format!("let mut test = {}::new(MyHandlers);", parts.names.test),
        ]);
        if let Some(table) = parts.joins.iter().chain(&parts.lookups).next() {
            let message = table.message.to_string().replace(' ', "");
            let set = &table.names.set;
            lines.push(format!("test.{set}(\"key\", {message}::default());"));
        }
        lines.extend([format!(
            "test.{}(\"key\", {message}::default()).await?;",
            input.names.send
        )]);
        if let Some(output) = parts.outputs.first() {
            lines.push(format!(
                "assert_eq!(test.outputs().{}(), [(\"key\", expected)]);",
                output.names.values
            ));
        }
        lines.push("```".to_owned());
    }
    lines
}

fn input_methods(input: &Input<'_>) -> TokenStream {
    let (send, send_delete, message, index) = (
        &input.names.send,
        &input.names.send_delete,
        &input.message,
        &input.index,
    );
    let topic = doc::code(&input.topic.topic);
    let send_doc = doc::attributes([
        format!("Handles one record of {topic}."),
        String::new(),
        "# Errors".to_owned(),
        String::new(),
        "The handler's error; the record then had no effect.".to_owned(),
    ]);
    let delete_doc = doc::attributes([
        format!("Handles a delete (a record without a value) of {topic}."),
        String::new(),
        "# Errors".to_owned(),
        String::new(),
        "The handler's error; the record then had no effect.".to_owned(),
    ]);
    quote! {
        #send_doc
        pub async fn #send(&mut self, key: &str, message: #message) -> ::kafmesh::Result<()> {
            self.inner.send(#index, key, &message).await
        }

        #delete_doc
        pub async fn #send_delete(&mut self, key: &str) -> ::kafmesh::Result<()> {
            self.inner.send_delete(#index, key).await
        }
    }
}

/// What puts entries into a join or a lookup, by the methods `set` and `remove` of the runtime's driver.
fn table_methods(table: &Table<'_>, set: TokenStream, remove: TokenStream) -> TokenStream {
    let (set_name, remove_name) = (&table.names.set, &table.names.remove);
    let (message, index) = (&table.message, &table.index);
    let topic = doc::code(&table.topic.topic);
    let set_doc = doc::attributes([format!(
        "Lets the topic {topic} hold `message` under `key`."
    )]);
    let remove_doc = doc::attributes([format!("Lets the topic {topic} hold nothing under `key`.")]);
    quote! {
        #set_doc
        pub fn #set_name(&mut self, key: &str, message: #message) {
            self.inner.#set(#index, key, &message);
        }

        #remove_doc
        pub fn #remove_name(&mut self, key: &str) {
            self.inner.#remove(#index, key);
        }
    }
}

fn state_methods(parts: &Parts<'_>) -> TokenStream {
    let Some(state) = &parts.state else {
        return TokenStream::new();
    };
    quote! {
        /// The state of `key`; `None` when there is none.
        ///
        /// # Errors
        ///
        /// When the stored state cannot be decoded.
        pub fn state(&self, key: &str) -> ::kafmesh::Result<::std::option::Option<#state>> {
            self.inner.state(key)
        }

        /// Replaces the state of `key`.
        pub fn set_state(&mut self, key: &str, state: #state) {
            self.inner.set_state(key, state);
        }
    }
}

fn outputs(parts: &Parts<'_>) -> TokenStream {
    let (outputs, test) = (&parts.names.outputs, &parts.names.test);
    let doc = doc::attributes([format!(
        "What the handlers wrote, as [`{test}`] captured it."
    )]);
    let methods = parts.outputs.iter().map(captured_methods);
    quote! {
        #doc
        pub struct #outputs<'a> {
            inner: codegen::Outputs<'a>,
        }

        impl<'a> #outputs<'a> {
            #(#methods)*
        }
    }
}

fn captured_methods(output: &Output<'_>) -> TokenStream {
    let (values, records, message, index) = (
        &output.names.values,
        &output.names.records,
        &output.message,
        &output.index,
    );
    let topic = doc::code(&output.topic.topic);
    let values_doc = doc::attributes([format!(
        "Keys and values written to {topic}, in order; deletes are left out."
    )]);
    let records_doc = doc::attributes([format!(
        "Everything written to {topic}, in order, with deletes, timestamps and headers."
    )]);
    quote! {
        #values_doc
        pub fn #values(&self) -> ::std::vec::Vec<(&'a str, #message)> {
            self.inner.values(#index)
        }

        #records_doc
        pub fn #records(&self) -> ::std::vec::Vec<::kafmesh::testing::Captured<#message>> {
            self.inner.records(#index)
        }
    }
}
