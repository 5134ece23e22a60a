//! The service: its descriptor, the type that runs it, the one that tests it without a broker, and the trait
//! of both.

use kafmesh_definition::Definition;
use kafmesh_definition::model::Component;
use proc_macro2::TokenStream;
use quote::quote;

use super::component::with_description;
use super::topic;
use crate::{doc, names};

/// The module that describes the service and holds `Service`, `ServiceTest` and `Components`.
pub(crate) fn emit(definition: &Definition) -> TokenStream {
    let (name, description) = (definition.name.written(), &definition.description);
    let topics = definition.topics.iter().map(topic::descriptor);
    let modules = definition
        .components
        .iter()
        .map(|c| names::component(&c.name).module);
    let service = service(definition);
    let test = test(definition);
    let both = both(definition);
    quote! {
        use ::kafmesh::codegen::v1 as codegen;

        /// What this service is: its topics, components and objects.
        pub(super) static DESCRIPTOR: codegen::ServiceDescriptor = codegen::ServiceDescriptor {
            name: #name,
            description: #description,
            topics: &[#(#topics),*],
            components: &[#(&super::#modules::DESCRIPTOR),*],
            files: files::FILES,
        };

        #service

        #test

        #both
    }
}

fn service(definition: &Definition) -> TokenStream {
    let summary = format!("The service {}.", doc::code(definition.name.written()));
    let mut lines = with_description(summary, &definition.description);
    lines.extend(
        [
            "",
            "```text",
            "let mut service = Service::connect(kafmesh::Config::from_env()?).await?;",
        ]
        .map(str::to_owned),
    );
    lines.extend(registration_example("service", definition));
    lines.extend(["service.run().await", "```"].map(str::to_owned));
    let doc = doc::attributes(lines);
    let components = accessors(definition, &quote!(pub));
    quote! {
        #doc
        pub struct Service {
            inner: codegen::Service,
        }

        impl Service {
            /// Opens the service's port, connects to Kafka, and creates the topics that this service
            /// owns; those that exist are altered to have the definition's settings.
            ///
            /// # Errors
            ///
            /// When the port is taken, the configuration is wrong, no broker answers, or topics have
            /// another partition count than the definition says.
            pub async fn connect(config: ::kafmesh::Config) -> ::kafmesh::Result<Self> {
                let inner = codegen::Service::connect(config, &DESCRIPTOR).await?;
                ::std::result::Result::Ok(Self { inner })
            }

            /// Runs everything registered until the process is asked to end (SIGTERM, SIGINT) or a
            /// [`stopper`](Self::stopper) is used; then flushes, commits and leaves.
            ///
            /// # Errors
            ///
            /// Topics of other services that do not exist, or whose partition counts differ where they must
            /// not; the error that ended the service first; or that it did not end within the shutdown timeout.
            pub async fn run(self) -> ::kafmesh::Result<()> {
                self.inner.run().await
            }

            /// A handle that ends [`run`](Self::run) from elsewhere.
            pub fn stopper(&self) -> ::kafmesh::Stopper {
                self.inner.stopper()
            }

            /// Serves `service`, as tonic generates servers, on the service's own port while it
            /// [`run`](Self::run)s; that it was added already is an error then.
            pub fn add_grpc_service(&mut self, service: impl ::kafmesh::GrpcService) -> &mut Self {
                self.inner.add_grpc_service(service);
                self
            }

            /// Lets gRPC reflection tell of the files in `encoded`, a `FileDescriptorSet` as
            /// tonic-prost-build writes it.
            pub fn add_file_descriptor_set(&mut self, encoded: &'static [u8]) -> &mut Self {
                self.inner.add_file_descriptor_set(encoded);
                self
            }

            #components
        }
    }
}

fn test(definition: &Definition) -> TokenStream {
    let mut lines = vec![
        format!(
            "The whole service {} without a broker, on virtual time.",
            doc::code(definition.name.written())
        ),
        String::new(),
        "```text".to_owned(),
        "let mut service = ServiceTest::new();".to_owned(),
    ];
    lines.extend(registration_example("service", definition));
    lines.extend(["service.settle().await?;", "```"].map(str::to_owned));
    let doc = doc::attributes(lines);
    let components = accessors(definition, &quote!(pub));
    quote! {
        #doc
        pub struct ServiceTest {
            inner: codegen::ServiceTest,
        }

        impl ServiceTest {
            /// A service in which nothing is registered and no topic holds a record.
            pub fn new() -> Self {
                Self { inner: codegen::ServiceTest::new(&DESCRIPTOR), }
            }

            /// Processes everything emitted so far, and what that leads to, until nothing is left to do; then
            /// sinks, view sources and view sinks have done what is due by now.
            ///
            /// # Errors
            ///
            /// The first error of a handler, a sink, a view source or a view sink. A service that runs only
            /// logs the last two and tries them again.
            pub async fn settle(&mut self) -> ::kafmesh::Result<()> {
                self.inner.settle().await
            }

            /// Moves virtual time forward.
            pub fn advance(&mut self, by: ::std::time::Duration) {
                self.inner.advance(by);
            }

            /// Virtual time: the timestamp of what sources emit from here on.
            pub fn now(&self) -> ::std::time::SystemTime {
                self.inner.now()
            }

            /// The records written to `topic` so far, in order; topics of other services too.
            ///
            /// # Errors
            ///
            /// When a value is no `M`.
            pub fn records<M: codegen::prost::Message + ::std::default::Default>(
                &self,
                topic: &str,
            ) -> ::kafmesh::Result<::std::vec::Vec<::kafmesh::testing::Captured<M>>> {
                self.inner.records(topic)
            }

            /// A source into `topic`: what another service writes there, or an object that is not registered.
            ///
            /// # Errors
            ///
            /// When the service has no such topic.
            pub fn source<M: codegen::prost::Message>(
                &self,
                topic: &str,
            ) -> ::kafmesh::Result<::kafmesh::Source<M>> {
                self.inner.source(topic)
            }

            #components
        }

        impl ::std::default::Default for ServiceTest {
            fn default() -> Self {
                Self::new()
            }
        }
    }
}

/// The trait of what `Service` and `ServiceTest` have in common: code that registers is written once.
fn both(definition: &Definition) -> TokenStream {
    let mut lines = [
        "The components, of a [`Service`] and of a [`ServiceTest`] alike: what registers through it is the",
        "same in production and in tests.",
        "",
        "```text",
        "fn register(components: &mut impl Components) -> kafmesh::Result<()> {",
    ]
    .map(str::to_owned)
    .to_vec();
    let example = registration_example("components", definition);
    lines.extend(example.map(|line| format!("    {line}")));
    lines.extend(["    Ok(())", "}", "```"].map(str::to_owned));
    let doc = doc::attributes(lines);
    let signatures = definition.components.iter().map(|component| {
        let (doc, signature) = accessor(component);
        quote!(#doc #signature;)
    });
    let accessors = accessors(definition, &TokenStream::new());
    quote! {
        #doc
        pub trait Components {
            #(#signatures)*
        }

        impl Components for Service {
            #accessors
        }

        impl Components for ServiceTest {
            #accessors
        }
    }
}

/// One accessor per component, the same on both types.
fn accessors(definition: &Definition, visibility: &TokenStream) -> TokenStream {
    let methods = definition.components.iter().map(|component| {
        let names::ComponentNames {
            module, type_name, ..
        } = names::component(&component.name);
        let (doc, signature) = accessor(component);
        // A trait documents its methods itself.
        let doc = (!visibility.is_empty()).then_some(doc);
        quote! {
            #doc
            #visibility #signature {
                super::#module::#type_name::new(self.inner.registry())
            }
        }
    });
    quote!(#(#methods)*)
}

/// The documentation and the signature of a component's accessor.
fn accessor(component: &Component) -> (TokenStream, TokenStream) {
    let names = names::component(&component.name);
    let (module, method, type_name) = (&names.module, &names.method, &names.type_name);
    let summary = format!("The component {}.", doc::code(component.name.written()));
    let doc = doc::attributes(with_description(summary, &component.description));
    let signature = quote!(fn #method(&mut self) -> super::#module::#type_name<'_>);
    (doc, signature)
}

/// The line of an example that registers the first processor, when there is one.
fn registration_example(on: &str, definition: &Definition) -> Option<String> {
    definition.components.iter().find_map(|component| {
        let processor = component.processors.first()?;
        let method = names::component(&component.name).method;
        Some(if processor.shares_state {
            let register = names::register_processors();
            let handlers = vec!["MyHandlers"; component.sharing().count()].join(", ");
            format!("{on}.{method}().{register}({handlers})?;")
        } else {
            let register = names::processor(&processor.name).register;
            format!("{on}.{method}().{register}(MyHandlers)?;")
        })
    })
}
