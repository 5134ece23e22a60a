//! Processors: descriptor, handlers' trait, context, dispatch and test driver, in one module each.

mod context;
mod driver;
mod handlers;

use kafmesh_definition::model::{Processor, ProcessorOutput, TopicUse};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::topic;
use crate::{doc, models, names};

/// The module of one processor.
pub(crate) fn emit(processor: &Processor) -> TokenStream {
    let parts = Parts::new(processor);
    let use_models = topic::use_models(topics(processor));
    let descriptor = descriptor(
        quote! {
            /// What the processor is, for discovery and the runtime.
            pub(super) static DESCRIPTOR
        },
        processor.name.written(),
        &processor.description,
        &processor.group,
        Uses::of(processor),
    );
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
    joins: Vec<Table<'a>>,
    lookups: Vec<Table<'a>>,
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

/// A join or a lookup.
struct Table<'a> {
    topic: &'a TopicUse,
    names: names::TableNames,
    message: TokenStream,
    index: Literal,
}

impl<'a> Table<'a> {
    fn all(topics: &'a [TopicUse], names: fn(&TopicUse) -> names::TableNames) -> Vec<Self> {
        let tables = topics.iter().enumerate().map(|(index, topic)| Self {
            topic,
            names: names(topic),
            message: models::rust_type(&topic.proto),
            index: Literal::usize_unsuffixed(index),
        });
        tables.collect()
    }
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
            joins: Table::all(&processor.joins, names::join),
            lookups: Table::all(&processor.lookups, names::lookup),
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
        .chain(&processor.joins)
        .chain(&processor.lookups)
        .chain(processor.outputs.iter().map(|output| &output.topic))
        .chain(&processor.persistence)
}

/// The topics of a descriptor, as literals.
pub(super) struct Uses {
    pub(super) inputs: Vec<TokenStream>,
    pub(super) joins: Vec<TokenStream>,
    pub(super) lookups: Vec<TokenStream>,
    pub(super) outputs: Vec<TokenStream>,
    pub(super) persistence: Option<TokenStream>,
}

impl Uses {
    fn of(processor: &Processor) -> Self {
        let all = |topics: &[TopicUse]| topics.iter().map(topic::topic_use).collect();
        Self {
            inputs: all(&processor.inputs),
            joins: all(&processor.joins),
            lookups: all(&processor.lookups),
            outputs: processor.outputs.iter().map(output).collect(),
            persistence: processor.persistence.as_ref().map(topic::topic_use),
        }
    }
}

/// `codegen::OutputDescriptor { … }`.
pub(super) fn output(output: &ProcessorOutput) -> TokenStream {
    let (topic, description) = (topic::topic_use(&output.topic), &output.description);
    quote!(codegen::OutputDescriptor { topic: #topic, description: #description, })
}

/// A descriptor, behind the documentation, visibility and name in `head`.
pub(super) fn descriptor(
    head: TokenStream,
    name: &str,
    description: &str,
    group: &str,
    uses: Uses,
) -> TokenStream {
    let Uses {
        inputs,
        joins,
        lookups,
        outputs,
        persistence,
    } = uses;
    let persistence = match persistence {
        Some(topic) => quote!(::std::option::Option::Some(#topic)),
        None => quote!(::std::option::Option::None),
    };
    quote! {
        #head: codegen::ProcessorDescriptor = codegen::ProcessorDescriptor {
            name: #name,
            description: #description,
            group: #group,
            inputs: &[#(#inputs),*],
            joins: &[#(#joins),*],
            lookups: &[#(#lookups),*],
            outputs: &[#(#outputs),*],
            persistence: #persistence,
        };
    }
}

/// The component's method that registers it.
pub(super) fn register(processor: &Processor) -> TokenStream {
    let names::ProcessorNames {
        module,
        register,
        handlers,
        dispatch,
        ..
    } = names::processor(&processor.name);
    let doc = doc::attributes([
        format!(
            "Runs `handlers` as the processor {} in this process.",
            doc::code(processor.name.written())
        ),
        String::new(),
        "# Errors".to_owned(),
        String::new(),
        "When the processor is registered already.".to_owned(),
    ]);
    quote! {
        #doc
        pub fn #register(
            &mut self,
            handlers: impl super::#module::#handlers,
        ) -> ::kafmesh::Result<()> {
            self.registry.register_processor(&DESCRIPTOR, super::#module::#dispatch(handlers))
        }
    }
}
