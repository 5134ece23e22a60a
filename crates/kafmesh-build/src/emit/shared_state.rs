//! Processors that share their component's state: they run as one, in one group, with one descriptor.

use kafmesh_definition::model::{Component, Processor};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use super::{processor, topic};
use crate::{doc, models, names};

/// The module that the component's sharing processors have in common.
pub(crate) fn module() -> Ident {
    format_ident!("processors")
}

/// Whether the component has that module.
pub(crate) fn is_needed(component: &Component) -> bool {
    component.sharing().next().is_some()
}

/// One of the processors, and where what it uses is in the descriptor of all.
struct Part<'a> {
    processor: &'a Processor,
    /// Its place among them.
    index: Literal,
    generic: Ident,
    /// How many joins, lookups and outputs come before its own.
    before: [usize; 3],
}

fn parts(component: &Component) -> Vec<Part<'_>> {
    let mut before = [0; 3];
    let parts = component.sharing().enumerate().map(|(index, processor)| {
        let part = Part {
            processor,
            index: Literal::usize_unsuffixed(index),
            generic: format_ident!("P{index}"),
            before,
        };
        before[0] += processor.joins.len();
        before[1] += processor.lookups.len();
        before[2] += processor.outputs.len();
        part
    });
    parts.collect()
}

/// The names of the processors, as they stand in messages to people (`count + reset`).
fn title(component: &Component) -> String {
    let names: Vec<_> = component
        .sharing()
        .map(|processor| processor.name.written())
        .collect();
    names.join(" + ")
}

/// The descriptor of all, and the type that hands a record to each of those it is an input of.
pub(crate) fn emit(component: &Component) -> TokenStream {
    let parts = parts(component);
    let use_models = topic::use_models(&component.persistence);
    let state = component.persistence.as_ref().map_or_else(
        || quote!(codegen::NoState),
        |topic| models::rust_type(&topic.proto),
    );
    let inputs = inputs(&parts);
    let descriptor = descriptor(component, &inputs);
    let generics: Vec<_> = parts.iter().map(|part| &part.generic).collect();
    let arms = inputs.iter().enumerate().map(|(index, input)| {
        let index = Literal::usize_unsuffixed(index);
        let calls = input.handled_by.iter().map(|(part, input)| {
            let (place, input) = (&part.index, Literal::usize_unsuffixed(*input));
            let [joins, lookups, outputs] = part.before.map(Literal::usize_unsuffixed);
            let shifted =
                (part.before != [0; 3]).then(|| quote!(.shifted(#joins, #lookups, #outputs)));
            quote!(self.#place.handle(#input, context.part(#place)#shifted, value).await)
        });
        quote!(#index => { #(#calls?;)* ::std::result::Result::Ok(()) })
    });
    quote! {
        use ::kafmesh::codegen::v1 as codegen;
        #use_models

        #descriptor

        /// Calls the processors for the runtime, each with the records that are its inputs, in order.
        #[doc(hidden)]
        pub struct ProcessorsDispatch<#(#generics),*>(#(pub(super) #generics),*);

        impl<#(#generics: codegen::Processor<State = #state>),*> codegen::Processor for ProcessorsDispatch<#(#generics),*> {
            type State = #state;

            fn descriptor(&self) -> &'static codegen::ProcessorDescriptor {
                &DESCRIPTOR
            }

            async fn handle(
                &self,
                input: usize,
                mut context: codegen::Context<'_, Self::State>,
                value: ::std::option::Option<&[u8]>,
            ) -> ::kafmesh::Result<()> {
                match input {
                    #(#arms)*
                    other => ::std::result::Result::Err(codegen::unknown_input(&DESCRIPTOR, other)),
                }
            }
        }
    }
}

/// An input of one or more of the processors.
struct Input<'a> {
    topic: &'a kafmesh_definition::model::TopicUse,
    /// The processors, and the place that it has among their inputs.
    handled_by: Vec<(&'a Part<'a>, usize)>,
}

/// The inputs of all, each topic once.
fn inputs<'a>(parts: &'a [Part<'a>]) -> Vec<Input<'a>> {
    let mut inputs: Vec<Input<'a>> = Vec::new();
    for part in parts {
        for (index, topic) in part.processor.inputs.iter().enumerate() {
            let handled_by = (part, index);
            match inputs.iter_mut().find(|it| it.topic.topic == topic.topic) {
                Some(input) => input.handled_by.push(handled_by),
                None => inputs.push(Input {
                    topic,
                    handled_by: vec![handled_by],
                }),
            }
        }
    }
    inputs
}

fn descriptor(component: &Component, inputs: &[Input<'_>]) -> TokenStream {
    let inputs = inputs.iter().map(|input| topic::topic_use(input.topic));
    let joins = component.sharing().flat_map(|it| &it.joins);
    let lookups = component.sharing().flat_map(|it| &it.lookups);
    let outputs = component.sharing().flat_map(|it| &it.outputs);
    let group = component.sharing().next().map_or("", |it| &it.group);
    processor::descriptor(
        quote! {
            /// What the processors that share the component's state are together, for the runtime.
            static DESCRIPTOR
        },
        &title(component),
        "",
        group,
        processor::Uses {
            inputs: inputs.collect(),
            joins: joins.map(topic::topic_use).collect(),
            lookups: lookups.map(topic::topic_use).collect(),
            outputs: outputs.map(processor::output).collect(),
            persistence: component.persistence.as_ref().map(topic::topic_use),
        },
    )
}

/// The component's method that registers all of them.
pub(super) fn register(component: &Component) -> TokenStream {
    if !is_needed(component) {
        return TokenStream::new();
    }
    let names: Vec<_> = component
        .sharing()
        .map(|it| (doc::code(it.name.written()), names::processor(&it.name)))
        .collect();
    let listed: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
    let doc = doc::attributes([
        format!(
            "Runs the processors that share the component's state in this process: {}.",
            listed.join(", ")
        ),
        String::new(),
        "They are one consumer group and see one state per key. A record that is an input of several".to_owned(),
        "is handled by each, in this order; what they do takes place together, once all returned `Ok`.".to_owned(),
        String::new(),
        "# Errors".to_owned(),
        String::new(),
        "When they are registered already.".to_owned(),
    ]);
    let arguments = component
        .sharing()
        .zip(&names)
        .map(|(processor, (_, names))| {
            let (argument, module, handlers) = (
                names::argument(&processor.name),
                &names.module,
                &names.handlers,
            );
            quote!(#argument: impl super::#module::#handlers)
        });
    let dispatches = component
        .sharing()
        .zip(&names)
        .map(|(processor, (_, names))| {
            let (argument, module, dispatch) = (
                names::argument(&processor.name),
                &names.module,
                &names.dispatch,
            );
            quote!(super::#module::#dispatch(#argument))
        });
    let (module, register) = (module(), names::register_processors());
    quote! {
        #doc
        pub fn #register(&mut self, #(#arguments),*) -> ::kafmesh::Result<()> {
            let processors = super::#module::ProcessorsDispatch(#(#dispatches),*);
            self.registry.register_processor(&DESCRIPTOR, processors)
        }
    }
}
