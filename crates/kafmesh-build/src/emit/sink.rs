//! Sinks: the trait that writes batches, the bridge the runtime calls it through, and its test driver.

use kafmesh_definition::model::Sink;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::component::with_description;
use super::registered::Parts;
use crate::doc;

/// The module of one sink.
pub(crate) fn emit(sink: &Sink) -> TokenStream {
    let parts = Parts::sink(sink);
    let mut module = parts.head(quote!(SinkDescriptor));
    module.extend([handlers(&parts), dispatch(&parts), driver(&parts)]);
    module
}

/// The component's method that registers it.
pub(super) fn register(sink: &Sink) -> TokenStream {
    let parts = Parts::sink(sink);
    let summary = format!("Runs `sink` as {} in this process.", parts.title());
    let batching = "`batching` says how large and how old a batch gets, and how long a write that fails is tried again.";
    parts.register(
        &[summary, String::new(), batching.to_owned()],
        &format_ident!("sink"),
        &format_ident!("batching"),
        quote!(Batching),
        &format_ident!("register_sink"),
    )
}

fn handlers(parts: &Parts<'_>) -> TokenStream {
    let (handlers, message) = (&parts.names.handlers, &parts.message);
    let summary = format!(
        "Ships the records of the topic {} elsewhere: {}.",
        doc::code(&parts.topic.topic),
        parts.title()
    );
    let mut lines = with_description(summary, parts.description);
    lines.extend([
        String::new(),
        "```text".to_owned(),
        format!("impl {handlers} for MySink {{"),
        "    async fn write(".to_owned(),
        "        &mut self,".to_owned(),
        format!(
            "        batch: &[kafmesh::SinkRecord<{}>],",
            parts.message_text()
        ),
        "    ) -> kafmesh::Result<()> {".to_owned(),
        "        for record in batch {".to_owned(),
        "            match &record.value {".to_owned(),
        "                Some(message) => self.upsert(&record.key, message).await?,".to_owned(),
        "                None => self.delete(&record.key).await?,".to_owned(),
        "            }".to_owned(),
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
            /// Writes a batch: one or more records of the partitions this process has, in order within each.
            ///
            /// Their offsets are committed after it returned `Ok`. After an `Err` the same batch is written
            /// again for as long as the sink's batching says; then the service stops. After a crash, what was
            /// written and not committed is written again too, so a write should be an upsert: topic,
            /// partition and offset name a record for good.
            fn write(
                &mut self,
                batch: &[::kafmesh::SinkRecord<#message>],
            ) -> impl ::std::future::Future<Output = ::kafmesh::Result<()>> + ::std::marker::Send;
        }
    }
}

fn dispatch(parts: &Parts<'_>) -> TokenStream {
    let method = quote! {
        async fn write(
            &mut self,
            batch: &[::kafmesh::SinkRecord<Self::Message>],
        ) -> ::kafmesh::Result<()> {
            self.0.write(batch).await
        }
    };
    parts.dispatch(quote!(Sink), quote!(SinkDescriptor), method)
}

fn driver(parts: &Parts<'_>) -> TokenStream {
    let (handlers, dispatch, test, message) = (
        &parts.names.handlers,
        &parts.names.dispatch,
        &parts.names.test,
        &parts.message,
    );
    let doc = doc::attributes([
        format!(
            "Drives {} without a broker, on virtual time.",
            parts.title()
        ),
        String::new(),
        "```text".to_owned(),
        format!("let mut test = {test}::new(MySink::default(), kafmesh::Batching::default());"),
        format!("test.send(\"key\", {}::default());", parts.message_text()),
        "test.flush().await?;".to_owned(),
        "assert_eq!(test.sink().written, expected);".to_owned(),
        "```".to_owned(),
    ]);
    quote! {
        #doc
        pub struct #test<H: #handlers> {
            inner: codegen::SinkTest<#dispatch<H>>,
        }

        impl<H: #handlers> #test<H> {
            /// Starts `sink` with nothing to write.
            pub fn new(sink: H, batching: ::kafmesh::Batching) -> Self {
                Self { inner: codegen::SinkTest::new(#dispatch(sink), batching), }
            }

            /// Adds a record to what waits to be written.
            pub fn send(&mut self, key: &str, message: #message) {
                self.inner.send(key, &message);
            }

            /// Adds a delete (a record without a value) to what waits to be written.
            pub fn send_delete(&mut self, key: &str) {
                self.inner.send_delete(key);
            }

            /// Sets the headers of the records sent from here on.
            pub fn set_headers(&mut self, headers: &[(&str, &[u8])]) {
                self.inner.set_headers(headers);
            }

            /// Writes what is due: batches that are full, and those whose oldest record has waited for the
            /// interval. A write that fails is tried again at once; virtual time moves on as if it had waited.
            ///
            /// # Errors
            ///
            /// The last one, when a batch failed for as long as it is tried.
            pub async fn settle(&mut self) -> ::kafmesh::Result<()> {
                self.inner.settle().await
            }

            /// Writes everything that waits, as the end of the service does.
            ///
            /// # Errors
            ///
            /// As [`settle`](Self::settle).
            pub async fn flush(&mut self) -> ::kafmesh::Result<()> {
                self.inner.flush().await
            }

            /// The sink, to see what it wrote.
            pub fn sink(&mut self) -> &mut H {
                &mut self.inner.sink().0
            }

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
