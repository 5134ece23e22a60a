//! Drives one view sink, sync by sync.

use crate::error::Result;
use crate::memory::Contents;
use crate::sync::{ViewSink, hand_over};
use crate::view::View;

/// A view sink without a broker; generated code wraps it with typed methods.
pub struct ViewSinkTest<V: ViewSink> {
    sink: V,
    view: View<V::Message>,
    contents: Contents<V::Message>,
}

impl<V: ViewSink> ViewSinkTest<V> {
    /// A driver with an empty view.
    pub fn new(sink: V) -> Self {
        let (view, contents) = View::in_memory();
        Self {
            sink,
            view,
            contents,
        }
    }

    /// Lets the view hold `message` under `key`.
    pub fn set(&mut self, key: &str, message: &V::Message) {
        self.contents.set(key, message);
    }

    /// Lets the view hold nothing under `key`.
    pub fn remove(&mut self, key: &str) {
        self.contents.remove(key);
    }

    /// Synchronises once, for as long as it takes: timeouts do not apply here.
    ///
    /// # Errors
    ///
    /// What the sink returned.
    pub async fn sync(&mut self) -> Result<()> {
        hand_over(&mut self.sink, &self.view, None).await
    }

    /// The view sink.
    pub fn sink(&mut self) -> &mut V {
        &mut self.sink
    }
}

impl<V: ViewSink> std::fmt::Debug for ViewSinkTest<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewSinkTest")
            .field("view_sink", &self.sink.descriptor().name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codegen::ViewSinkDescriptor;
    use crate::codegen::v1::TopicUse;

    static DESCRIPTOR: ViewSinkDescriptor = ViewSinkDescriptor {
        name: "report",
        description: "",
        group: "s.c.report-view-sink",
        topic: TopicUse {
            topic: "s.a.b",
            message: "a.b",
            message_type: "a.B",
        },
    };

    #[derive(Default)]
    struct Report(Vec<Vec<(String, u64)>>);

    impl ViewSink for Report {
        type Message = u64;

        fn descriptor(&self) -> &'static ViewSinkDescriptor {
            &DESCRIPTOR
        }

        async fn sync(&mut self, view: &View<u64>) -> Result<()> {
            let entries = view.iter()?.collect::<Result<Vec<_>>>()?;
            assert!(!entries.is_empty(), "nothing to report");
            self.0.push(entries);
            Ok(())
        }
    }

    #[tokio::test]
    async fn each_sync_is_given_the_whole_view() {
        let mut test = ViewSinkTest::new(Report::default());
        let error = test.sync().await.unwrap_err().to_string();
        assert_eq!(error, "it panicked: nothing to report");
        test.set("a", &1);
        test.set("b", &2);
        test.sync().await.unwrap();
        test.remove("a");
        test.sync().await.unwrap();
        let entry = |key: &str, value| (key.to_owned(), value);
        assert_eq!(
            test.sink().0,
            [vec![entry("a", 1), entry("b", 2)], vec![entry("b", 2)]]
        );
    }
}
