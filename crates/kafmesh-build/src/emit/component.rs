//! Components: the type that hands out a component's sources and views and registers its other objects.

use kafmesh_definition::model::Component;
use proc_macro2::TokenStream;
use quote::quote;

use super::{processor, shared_state, sink, source, view, view_sink, view_source};
use crate::{doc, names};

/// The module that describes the component and holds its type.
pub(crate) fn emit(component: &Component) -> TokenStream {
    let names::ComponentNames { type_name, .. } = names::component(&component.name);
    let (name, description) = (component.name.written(), &component.description);
    let summary = format!("The component {}.", doc::code(name));
    let doc = doc::attributes(with_description(summary, description));

    let sources = component
        .sources
        .iter()
        .map(|s| names::source(&s.topic.message).module);
    let processors = component
        .processors
        .iter()
        .map(|p| names::processor(&p.name).module);
    let views = component
        .views
        .iter()
        .map(|v| names::view(&v.topic.message).module);
    let sinks = component.sinks.iter().map(|s| names::sink(&s.name).module);
    let view_sources = component
        .view_sources
        .iter()
        .map(|s| names::view_source(&s.name).module);
    let view_sinks = component
        .view_sinks
        .iter()
        .map(|s| names::view_sink(&s.name).module);
    let methods = methods(component);

    quote! {
        use ::kafmesh::codegen::v1 as codegen;

        /// What the component is, for discovery and the runtime.
        pub(in super::super) static DESCRIPTOR: codegen::ComponentDescriptor = codegen::ComponentDescriptor {
            name: #name,
            description: #description,
            sources: &[#(&super::#sources::DESCRIPTOR),*],
            processors: &[#(&super::#processors::DESCRIPTOR),*],
            views: &[#(&super::#views::DESCRIPTOR),*],
            sinks: &[#(&super::#sinks::DESCRIPTOR),*],
            view_sources: &[#(&super::#view_sources::DESCRIPTOR),*],
            view_sinks: &[#(&super::#view_sinks::DESCRIPTOR),*],
        };

        #doc
        pub struct #type_name<'a> {
            registry: &'a mut codegen::Registry,
        }

        impl<'a> #type_name<'a> {
            pub(in super::super) fn new(registry: &'a mut codegen::Registry) -> Self {
                Self { registry }
            }

            #methods
        }
    }
}

/// What the component's own module re-exports from the modules of its objects.
pub(crate) fn reexports(component: &Component) -> TokenStream {
    let names::ComponentNames { type_name, .. } = names::component(&component.name);
    let processors = component.processors.iter().map(|processor| {
        let names = names::processor(&processor.name);
        let (module, types) = (&names.module, names.types());
        quote!(pub use self::#module::{#(#types),*};)
    });
    let handles = component
        .sources
        .iter()
        .map(|source| names::source(&source.topic.message))
        .chain(
            component
                .views
                .iter()
                .map(|view| names::view(&view.topic.message)),
        )
        .map(|names::HandleNames { module, type_name }| quote!(pub use self::#module::#type_name;));
    let sinks = component.sinks.iter().map(|s| names::sink(&s.name));
    let view_sources = component
        .view_sources
        .iter()
        .map(|s| names::view_source(&s.name));
    let view_sinks = component
        .view_sinks
        .iter()
        .map(|s| names::view_sink(&s.name));
    let registered = sinks.chain(view_sources).chain(view_sinks).map(
        |names::RegisteredNames {
             module,
             handlers,
             test,
             ..
         }| quote!(pub use self::#module::{#handlers, #test};),
    );
    quote! {
        pub(super) use self::component::DESCRIPTOR;
        pub use self::component::#type_name;
        #(#processors)*
        #(#handles)*
        #(#registered)*
    }
}

fn methods(component: &Component) -> TokenStream {
    let apart = component.processors.iter().filter(|it| !it.shares_state);
    let mut methods: TokenStream = apart.map(processor::register).collect();
    methods.extend(shared_state::register(component));
    methods.extend(component.sources.iter().map(source::method));
    methods.extend(component.views.iter().map(view::method));
    methods.extend(component.sinks.iter().map(sink::register));
    methods.extend(component.view_sources.iter().map(view_source::register));
    methods.extend(component.view_sinks.iter().map(view_sink::register));
    methods
}

/// Doc lines: the summary, and the description as its own paragraph when there is one.
pub(crate) fn with_description(summary: String, description: &str) -> Vec<String> {
    let mut lines = vec![summary];
    if !description.trim().is_empty() {
        lines.push(String::new());
        lines.extend(doc::markdown(description));
    }
    lines
}
