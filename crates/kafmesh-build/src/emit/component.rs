//! Components: the type that hands out a component's sources and views and registers its processors.

use kafmesh_definition::model::Component;
use proc_macro2::TokenStream;
use quote::quote;

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
            sinks: &[],
            view_sources: &[],
            view_sinks: &[],
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
    quote! {
        pub(super) use self::component::DESCRIPTOR;
        pub use self::component::#type_name;
        #(#processors)*
        #(#handles)*
    }
}

fn methods(component: &Component) -> TokenStream {
    let processors = component.processors.iter().map(|processor| {
        let names = names::processor(&processor.name);
        let (module, register, handlers, dispatch) = (
            &names.module,
            &names.register,
            &names.handlers,
            &names.dispatch,
        );
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
    });
    let sources = component.sources.iter().map(|source| {
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
    });
    let views = component.views.iter().map(|view| {
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
    });
    quote!(#(#processors)* #(#sources)* #(#views)*)
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
