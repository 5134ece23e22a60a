//! A processor's trait, which the user implements, and the bridge the runtime calls it through.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Input, Parts};
use crate::doc;
use crate::emit::component::with_description;

/// The trait with one handler per input.
pub(super) fn emit(parts: &Parts<'_>) -> TokenStream {
    let handlers = &parts.names.handlers;
    let summary = format!(
        "The handlers of the processor {}, one per input.",
        doc::code(parts.processor.name.written())
    );
    let mut lines = with_description(summary, &parts.processor.description);
    if parts.processor.shares_state {
        lines.extend([
            String::new(),
            "It shares the state of its component, and is registered with the others that do."
                .to_owned(),
        ]);
    }
    lines.extend(example(parts));
    let doc = doc::attributes(lines);
    let methods = parts.inputs.iter().map(|input| methods(parts, input));
    quote! {
        #doc
        pub trait #handlers: ::std::marker::Send + ::std::marker::Sync + 'static {
            #(#methods)*
        }
    }
}

fn methods(parts: &Parts<'_>, input: &Input<'_>) -> TokenStream {
    let context = &parts.names.context;
    let (handle, handle_delete, message) = (
        &input.names.handle,
        &input.names.handle_delete,
        &input.message,
    );
    let topic = doc::code(&input.topic.topic);
    let handle_doc = doc::attributes([
        format!("Handles one record of {topic}."),
        String::new(),
        "What it does through `ctx` takes place together once it returned `Ok`; after an `Err` none".to_owned(),
        "of it does, and the processor stops.".to_owned(),
    ]);
    let delete_doc = doc::attributes([
        format!("Handles a delete (a record without a value) of {topic}."),
        String::new(),
        "Does nothing unless overridden.".to_owned(),
    ]);
    quote! {
        #handle_doc
        fn #handle(
            &self,
            ctx: &mut #context<'_>,
            message: #message,
        ) -> impl ::std::future::Future<Output = ::kafmesh::Result<()>> + ::std::marker::Send;

        #delete_doc
        fn #handle_delete(
            &self,
            ctx: &mut #context<'_>,
        ) -> impl ::std::future::Future<Output = ::kafmesh::Result<()>> + ::std::marker::Send {
            let _ = ctx;
            async { ::std::result::Result::Ok(()) }
        }
    }
}

/// The type that decodes a record and calls the handler of its input.
pub(super) fn dispatch(parts: &Parts<'_>) -> TokenStream {
    let (handlers, context, dispatch) = (
        &parts.names.handlers,
        &parts.names.context,
        &parts.names.dispatch,
    );
    let state = parts.state_or_none();
    let arms = parts.inputs.iter().map(|input| {
        let (index, handle, handle_delete) = (
            &input.index,
            &input.names.handle,
            &input.names.handle_delete,
        );
        quote! {
            (#index, ::std::option::Option::Some(value)) => {
                let message = codegen::decode(value)?;
                self.0.#handle(&mut context, message).await
            }
            (#index, ::std::option::Option::None) => self.0.#handle_delete(&mut context).await,
        }
    });
    // Without inputs nothing is ever handled, and `context` would be unused.
    let context = if parts.inputs.is_empty() {
        quote!(let _ = context;)
    } else {
        quote!(let mut context = #context { inner: context, };)
    };
    quote! {
        /// Calls the handlers for the runtime.
        #[doc(hidden)]
        pub struct #dispatch<H>(pub(super) H);

        impl<H: #handlers> codegen::Processor for #dispatch<H> {
            type State = #state;

            fn descriptor(&self) -> &'static codegen::ProcessorDescriptor {
                &DESCRIPTOR
            }

            async fn handle(
                &self,
                input: usize,
                context: codegen::Context<'_, Self::State>,
                value: ::std::option::Option<&[u8]>,
            ) -> ::kafmesh::Result<()> {
                #context
                match (input, value) {
                    #(#arms)*
                    (other, _) => ::std::result::Result::Err(codegen::unknown_input(&DESCRIPTOR, other)),
                }
            }
        }
    }
}

/// How a user implements the trait: the first input, the state and the first output if there are any.
fn example(parts: &Parts<'_>) -> Vec<String> {
    let Some(input) = parts.inputs.first() else {
        return Vec::new();
    };
    let (handlers, context) = (&parts.names.handlers, &parts.names.context);
    let message = input.message.to_string().replace(' ', "");
    let mut lines = vec![
        String::new(),
        "```text".to_owned(),
        format!("impl {handlers} for MyHandlers {{"),
        format!("    async fn {}(", input.names.handle),
        "        &self,".to_owned(),
        format!("        ctx: &mut {context}<'_>,"),
        format!("        message: {message},"),
        "    ) -> kafmesh::Result<()> {".to_owned(),
    ];
    if parts.state.is_some() {
        lines.push("        let mut state = ctx.state()?;".to_owned());
    }
    if let Some(join) = parts.joins.first() {
        lines.push(format!("        let joined = ctx.{}()?;", join.names.get));
    }
    if let Some(lookup) = parts.lookups.first() {
        lines.push(format!(
            "        let looked_up = ctx.{}(\"any key\")?;",
            lookup.names.get
        ));
    }
    if let Some(output) = parts.outputs.first() {
        lines.push(format!(
            "        ctx.{}(ctx.key(), &output);",
            output.names.output
        ));
    }
    if parts.state.is_some() {
        lines.push("        ctx.save_state(state);".to_owned());
    }
    lines.extend(["        Ok(())", "    }", "}", "```"].map(str::to_owned));
    lines
}
