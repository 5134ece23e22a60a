//! View sinks: the trait that takes a whole view, the bridge the runtime calls it through, and its test driver.

use kafmesh_definition::model::ViewSink;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::component::with_description;
use super::registered::Parts;
use crate::doc;

/// The module of one view sink.
pub(crate) fn emit(sink: &ViewSink) -> TokenStream {
    let parts = Parts::view_sink(sink);
    let mut module = parts.head(quote!(ViewSinkDescriptor));
    module.extend([handlers(&parts), dispatch(&parts), driver(&parts)]);
    module
}

/// The component's method that registers it.
pub(super) fn register(sink: &ViewSink) -> TokenStream {
    let parts = Parts::view_sink(sink);
    let summary = format!("Runs `sink` as {} in this process.", parts.title());
    let schedule =
        "`schedule` says how often it synchronises; one process of the service does so at a time.";
    parts.register(
        &[summary, String::new(), schedule.to_owned()],
        &format_ident!("sink"),
        &format_ident!("schedule"),
        quote!(Schedule),
        &format_ident!("register_view_sink"),
    )
}

fn handlers(parts: &Parts<'_>) -> TokenStream {
    let (handlers, message) = (&parts.names.handlers, &parts.message);
    let summary = format!(
        "Hands the whole view of the topic {} to an external system: {}.",
        doc::code(&parts.topic.topic),
        parts.title()
    );
    let mut lines = with_description(summary, parts.description);
    lines.extend([
        String::new(),
        "```text".to_owned(),
        format!("impl {handlers} for MySink {{"),
        "    async fn sync(".to_owned(),
        "        &mut self,".to_owned(),
        format!("        view: &kafmesh::View<{}>,", parts.message_text()),
        "    ) -> kafmesh::Result<()> {".to_owned(),
        "        for entry in view.iter()? {".to_owned(),
        "            let (key, message) = entry?;".to_owned(),
        "            self.write(key, message).await?;".to_owned(),
        "        }".to_owned(),
        "        Ok(())".to_owned(),
        "    }".to_owned(),
        "}".to_owned(),
        "```".to_owned(),
    ]);
    let doc = doc::attributes(lines);
    quote! {
        #doc
        pub trait #handlers: ::std::marker::Send + 'static {
            /// Writes what `view` holds, which is everything the topic held when it began.
            ///
            /// An `Err`, or taking longer than the schedule allows, is logged; the next one is made at the
            /// next interval.
            fn sync(
                &mut self,
                view: &::kafmesh::View<#message>,
            ) -> impl ::std::future::Future<Output = ::kafmesh::Result<()>> + ::std::marker::Send;
        }
    }
}

fn dispatch(parts: &Parts<'_>) -> TokenStream {
    let method = quote! {
        async fn sync(&mut self, view: &::kafmesh::View<Self::Message>) -> ::kafmesh::Result<()> {
            self.0.sync(view).await
        }
    };
    parts.dispatch(quote!(ViewSink), quote!(ViewSinkDescriptor), method)
}

fn driver(parts: &Parts<'_>) -> TokenStream {
    let (handlers, dispatch, test, message) = (
        &parts.names.handlers,
        &parts.names.dispatch,
        &parts.names.test,
        &parts.message,
    );
    let doc = doc::attributes([
        format!("Drives {} without a broker.", parts.title()),
        String::new(),
        "```text".to_owned(),
        format!("let mut test = {test}::new(MySink::default());"),
        format!("test.set(\"key\", {}::default());", parts.message_text()),
        "test.sync().await?;".to_owned(),
        "assert_eq!(test.sink().written, expected);".to_owned(),
        "```".to_owned(),
    ]);
    quote! {
        #doc
        pub struct #test<H: #handlers> {
            inner: codegen::ViewSinkTest<#dispatch<H>>,
        }

        impl<H: #handlers> #test<H> {
            /// Starts `sink` with a topic that holds nothing.
            pub fn new(sink: H) -> Self {
                Self { inner: codegen::ViewSinkTest::new(#dispatch(sink)), }
            }

            /// Lets the topic hold `message` under `key`.
            pub fn set(&mut self, key: &str, message: #message) {
                self.inner.set(key, &message);
            }

            /// Lets the topic hold nothing under `key`.
            pub fn remove(&mut self, key: &str) {
                self.inner.remove(key);
            }

            /// Hands the view over once, for as long as it takes: timeouts do not apply here.
            ///
            /// # Errors
            ///
            /// What `sink` returned.
            pub async fn sync(&mut self) -> ::kafmesh::Result<()> {
                self.inner.sync().await
            }

            /// The view sink, to see what it wrote.
            pub fn sink(&mut self) -> &mut H {
                &mut self.inner.sink().0
            }
        }
    }
}
