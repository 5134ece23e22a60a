//! Processors: descriptor, handlers' trait, context, dispatch and test driver, in one module each.

mod context;
mod driver;
mod handlers;

use kafmesh_definition::model::{Processor, TopicUse};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::topic;
use crate::{models, names};

/// The module of one processor.
pub(crate) fn emit(processor: &Processor) -> TokenStream {
    let parts = Parts::new(processor);
    let use_models = topic::use_models(topics(processor));
    let descriptor = descriptor(processor);
    let handlers = handlers::emit(&parts);
    let context = context::emit(&parts);
    let dispatch = handlers::dispatch(&parts);
    let driver = driver::emit(&parts);
    let mut module = quote! {
        use ::kafmesh::codegen::v1 as codegen;
        #use_models
    };
    // Interpolation would copy every token.
    module.extend([descriptor, handlers, context, dispatch, driver]);
    module
}

/// A processor with everything the emitters need to know about it, worked out once.
struct Parts<'a> {
    processor: &'a Processor,
    names: names::ProcessorNames,
    inputs: Vec<Input<'a>>,
    outputs: Vec<Output<'a>>,
    /// The type of its state; `None` without persistence.
    state: Option<TokenStream>,
}

struct Input<'a> {
    topic: &'a TopicUse,
    names: names::InputNames,
    message: TokenStream,
    index: Literal,
}

struct Output<'a> {
    topic: &'a TopicUse,
    description: &'a str,
    names: names::OutputNames,
    message: TokenStream,
    index: Literal,
}

impl<'a> Parts<'a> {
    fn new(processor: &'a Processor) -> Self {
        let inputs = processor
            .inputs
            .iter()
            .enumerate()
            .map(|(index, topic)| Input {
                topic,
                names: names::input(topic),
                message: models::rust_type(&topic.proto),
                index: Literal::usize_unsuffixed(index),
            })
            .collect();
        let outputs = processor
            .outputs
            .iter()
            .enumerate()
            .map(|(index, output)| Output {
                topic: &output.topic,
                description: &output.description,
                names: names::output(output),
                message: models::rust_type(&output.topic.proto),
                index: Literal::usize_unsuffixed(index),
            })
            .collect();
        Self {
            processor,
            names: names::processor(&processor.name),
            inputs,
            outputs,
            state: processor
                .persistence
                .as_ref()
                .map(|topic| models::rust_type(&topic.proto)),
        }
    }

    /// The type of the state, or the runtime's placeholder for none.
    fn state_or_none(&self) -> TokenStream {
        self.state
            .clone()
            .unwrap_or_else(|| quote!(codegen::NoState))
    }
}

/// Every topic whose type the module names.
fn topics(processor: &Processor) -> impl Iterator<Item = &TopicUse> {
    processor
        .inputs
        .iter()
        .chain(processor.outputs.iter().map(|output| &output.topic))
        .chain(&processor.persistence)
}

fn descriptor(processor: &Processor) -> TokenStream {
    let (name, description, group) = (
        processor.name.written(),
        &processor.description,
        &processor.group,
    );
    let inputs = processor.inputs.iter().map(topic::topic_use);
    let outputs = processor.outputs.iter().map(|output| {
        let (topic, description) = (topic::topic_use(&output.topic), &output.description);
        quote!(codegen::OutputDescriptor { topic: #topic, description: #description, })
    });
    let persistence = match &processor.persistence {
        Some(topic) => {
            let topic = topic::topic_use(topic);
            quote!(::std::option::Option::Some(#topic))
        }
        None => quote!(::std::option::Option::None),
    };
    quote! {
        /// What the processor is, for discovery and the runtime.
        pub(super) static DESCRIPTOR: codegen::ProcessorDescriptor = codegen::ProcessorDescriptor {
            name: #name,
            description: #description,
            group: #group,
            inputs: &[#(#inputs),*],
            joins: &[],
            lookups: &[],
            outputs: &[#(#outputs),*],
            persistence: #persistence,
        };
    }
}
