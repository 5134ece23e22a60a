//! View sources: the trait that synchronises, the bridge the runtime calls it through, and its test driver.

use kafmesh_definition::model::ViewSource;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::component::with_description;
use super::registered::Parts;
use crate::doc;

/// The module of one view source.
pub(crate) fn emit(source: &ViewSource) -> TokenStream {
    let parts = Parts::view_source(source);
    let mut module = parts.head(quote!(ViewSourceDescriptor));
    module.extend([handlers(&parts), dispatch(&parts), driver(&parts)]);
    module
}

/// The component's method that registers it.
pub(super) fn register(source: &ViewSource) -> TokenStream {
    let parts = Parts::view_source(source);
    let summary = format!("Runs `source` as {} in this process.", parts.title());
    let schedule =
        "`schedule` says how often it synchronises; one process of the service does so at a time.";
    parts.register(
        &[summary, String::new(), schedule.to_owned()],
        &format_ident!("source"),
        &format_ident!("schedule"),
        quote!(Schedule),
        &format_ident!("register_view_source"),
    )
}

fn handlers(parts: &Parts<'_>) -> TokenStream {
    let (handlers, message) = (&parts.names.handlers, &parts.message);
    let summary = format!(
        "Keeps the topic {} equal to an external data set: {}.",
        doc::code(&parts.topic.topic),
        parts.title()
    );
    let mut lines = with_description(summary, parts.description);
    lines.extend([
        String::new(),
        "```text".to_owned(),
        format!("impl {handlers} for MySource {{"),
        "    async fn sync(".to_owned(),
        "        &mut self,".to_owned(),
        format!(
            "        updates: &mut kafmesh::Updates<'_, {}>,",
            parts.message_text()
        ),
        "    ) -> kafmesh::Result<()> {".to_owned(),
        "        for (key, message) in self.read_all().await? {".to_owned(),
        "            updates.update(&key, &message).await?;".to_owned(),
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
            /// Names every entry of the data set, once each, by `updates.update(key, &message)`.
            ///
            /// What the topic holds already is not written again. After it returned `Ok`, keys it did not
            /// name are deleted from the topic; after an `Err`, or when it takes longer than the schedule
            /// allows, none is, and the next one is made at the next interval.
            fn sync(
                &mut self,
                updates: &mut ::kafmesh::Updates<'_, #message>,
            ) -> impl ::std::future::Future<Output = ::kafmesh::Result<()>> + ::std::marker::Send;
        }
    }
}

fn dispatch(parts: &Parts<'_>) -> TokenStream {
    let method = quote! {
        async fn sync(
            &mut self,
            updates: &mut ::kafmesh::Updates<'_, Self::Message>,
        ) -> ::kafmesh::Result<()> {
            self.0.sync(updates).await
        }
    };
    parts.dispatch(quote!(ViewSource), quote!(ViewSourceDescriptor), method)
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
        format!("let mut test = {test}::new(MySource::default());"),
        format!("test.set(\"gone\", {}::default());", parts.message_text()),
        "test.sync().await?;".to_owned(),
        "assert_eq!(test.contents(), expected);".to_owned(),
        "```".to_owned(),
    ]);
    quote! {
        #doc
        pub struct #test<H: #handlers> {
            inner: codegen::ViewSourceTest<#dispatch<H>>,
        }

        impl<H: #handlers> #test<H> {
            /// Starts `source` with a topic that holds nothing.
            pub fn new(source: H) -> Self {
                Self { inner: codegen::ViewSourceTest::new(#dispatch(source)), }
            }

            /// Lets the topic hold `message` under `key`.
            pub fn set(&mut self, key: &str, message: #message) {
                self.inner.set(key, &message);
            }

            /// Lets the topic hold nothing under `key`.
            pub fn remove(&mut self, key: &str) {
                self.inner.remove(key);
            }

            /// Synchronises once, for as long as it takes: timeouts do not apply here.
            ///
            /// # Errors
            ///
            /// What `source` returned; what it updated before that is in the topic, and nothing is deleted.
            pub async fn sync(&mut self) -> ::kafmesh::Result<()> {
                self.inner.sync().await
            }

            /// The updates and deletes since the start or the last `clear_emitted`, in order.
            pub fn emitted(&self) -> ::std::vec::Vec<::kafmesh::testing::Captured<#message>> {
                self.inner.emitted()
            }

            /// Forgets what was emitted so far; the topic still holds it.
            pub fn clear_emitted(&mut self) {
                self.inner.clear_emitted();
            }

            /// What the topic holds, by key.
            pub fn contents(&self) -> ::std::vec::Vec<(::std::string::String, #message)> {
                self.inner.contents()
            }

            /// The view source, to change what it reads.
            pub fn source(&mut self) -> &mut H {
                &mut self.inner.source().0
            }
        }
    }
}
