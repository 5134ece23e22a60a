//! Drives one view source, sync by sync.

use crate::entries::Entries;
use crate::error::Result;
use crate::kafka::Batch;
use crate::memory::{Captured, Contents, Log};
use crate::restore::{LongKeys, apply};
use crate::store::Table;
use crate::sync::{Changes, Out, ViewSource, reconcile};

/// A view source without a broker; generated code wraps it with typed methods.
pub struct ViewSourceTest<V: ViewSource> {
    source: V,
    log: Log,
    table: Table,
    /// The first record that is not in the table.
    next: usize,
    /// The first record that is shown as emitted.
    shown: usize,
}

impl<V: ViewSource> ViewSourceTest<V> {
    /// A driver with an empty topic.
    pub fn new(source: V) -> Self {
        Self {
            source,
            log: Log::new(),
            table: Table::in_memory(),
            next: 0,
            shown: 0,
        }
    }

    fn topic(&self) -> &'static str {
        self.source.descriptor().topic.topic
    }

    /// Lets the topic hold `message` under `key`.
    pub fn set(&mut self, key: &str, message: &V::Message) {
        Contents::new(self.table.clone()).set(key, message);
    }

    /// Lets the topic hold nothing under `key`.
    pub fn remove(&mut self, key: &str) {
        Contents::<V::Message>::new(self.table.clone()).remove(key);
    }

    /// Synchronises once, for as long as it takes: timeouts do not apply here.
    ///
    /// # Errors
    ///
    /// What the source returned. What it updated before is emitted all the same, and nothing is
    /// deleted.
    pub async fn sync(&mut self) -> Result<()> {
        let topic = self.topic();
        let out = Out::Memory {
            log: self.log.clone(),
            topic,
        };
        let changes = Changes::new(self.table.clone(), out);
        let synchronised = reconcile(&mut self.source, changes, None).await;
        let records = self.log.read(topic, self.next);
        self.next += records.len();
        let batch = Batch::memory(topic.into(), 0, records);
        apply(&self.table, &batch, LongKeys::LeaveOut)?;
        synchronised.map(drop)
    }

    /// Updates and deletes so far, in order.
    #[expect(
        clippy::expect_used,
        reason = "the view source's typed method encoded the same type a moment ago"
    )]
    pub fn emitted(&self) -> Vec<Captured<V::Message>> {
        let topic = self.topic();
        let records = self.log.read(topic, self.shown);
        let decoded = records.iter().map(|record| Captured::decode(topic, record));
        decoded
            .collect::<Result<_>>()
            .expect("an update decodes as the type it was encoded from")
    }

    /// Forgets what was emitted so far; the topic still holds it.
    pub fn clear_emitted(&mut self) {
        self.shown = self.next;
    }

    /// What the topic holds, in the order of the keys' bytes.
    #[expect(
        clippy::expect_used,
        reason = "only typed methods put entries into the table"
    )]
    pub fn contents(&self) -> Vec<(String, V::Message)> {
        let entries = Entries::new(self.topic(), self.table.clone());
        let decoded = entries.iter().collect::<Result<_>>();
        decoded.expect("an entry decodes as the type it was encoded from")
    }

    /// The view source.
    pub fn source(&mut self) -> &mut V {
        &mut self.source
    }
}

impl<V: ViewSource> std::fmt::Debug for ViewSourceTest<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewSourceTest")
            .field("view_source", &self.source.descriptor().name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::codegen::ViewSourceDescriptor;
    use crate::codegen::v1::TopicUse;
    use crate::error::Error;
    use crate::sync::Updates;

    static DESCRIPTOR: ViewSourceDescriptor = ViewSourceDescriptor {
        name: "customers",
        description: "",
        group: "s.c.customers-view-source",
        topic: TopicUse {
            topic: "s.customers",
            message: "customers",
            message_type: "Customers",
        },
    };

    #[derive(Clone, PartialEq, prost::Message)]
    struct Customer {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(map = "string, uint64", tag = "2")]
        orders: HashMap<String, u64>,
    }

    fn customer(name: &str) -> Customer {
        Customer {
            name: name.to_owned(),
            orders: HashMap::new(),
        }
    }

    #[derive(Default)]
    struct Customers {
        entries: Vec<(String, Customer)>,
        fail: Option<fn() -> Result<()>>,
    }

    impl ViewSource for Customers {
        type Message = Customer;

        fn descriptor(&self) -> &'static ViewSourceDescriptor {
            &DESCRIPTOR
        }

        async fn sync(&mut self, updates: &mut Updates<'_, Customer>) -> Result<()> {
            for (key, message) in &self.entries {
                updates.update(key, message).await?;
            }
            self.fail.map_or(Ok(()), |fail| fail())
        }
    }

    fn test(entries: &[(&str, Customer)]) -> ViewSourceTest<Customers> {
        let mut test = ViewSourceTest::new(Customers::default());
        give(&mut test, entries);
        test
    }

    fn give(test: &mut ViewSourceTest<Customers>, entries: &[(&str, Customer)]) {
        let owned = entries.iter();
        test.source().entries = owned
            .map(|(key, customer)| ((*key).to_owned(), customer.clone()))
            .collect();
    }

    fn emitted(test: &ViewSourceTest<Customers>) -> Vec<(String, Option<String>)> {
        let records = test.emitted().into_iter();
        records
            .map(|record| (record.key, record.value.map(|customer| customer.name)))
            .collect()
    }

    fn changes<const N: usize>(
        expected: [(&str, Option<&str>); N],
    ) -> Vec<(String, Option<String>)> {
        let owned = expected.into_iter();
        owned
            .map(|(key, name)| (key.to_owned(), name.map(str::to_owned)))
            .collect()
    }

    #[tokio::test]
    async fn what_differs_is_updated_and_what_is_not_named_is_deleted() {
        let mut test = test(&[
            ("a", customer("Ann")),
            ("b", customer("Bob")),
            ("c", customer("Cy")),
        ]);
        for (key, name) in [("a", "Ann"), ("b", "Bill"), ("x", "Xavier")] {
            test.set(key, &customer(name));
        }
        test.sync().await.unwrap();
        assert_eq!(
            emitted(&test),
            changes([("b", Some("Bob")), ("c", Some("Cy")), ("x", None)])
        );
        let entries = test.source().entries.clone();
        assert_eq!(test.contents(), entries);

        test.clear_emitted();
        test.sync().await.unwrap();
        assert_eq!(emitted(&test), [], "nothing has changed");
        test.remove("b");
        test.sync().await.unwrap();
        assert_eq!(emitted(&test), changes([("b", Some("Bob"))]));
    }

    #[tokio::test]
    async fn equal_messages_in_other_bytes_are_unchanged() {
        // Field 2, the map's entries, in both orders, in front of field 1.
        let entry = |key: u8| [0x12, 5, 0x0a, 1, key, 0x10, 7];
        let bytes = |first, second| [&entry(first)[..], &entry(second), &[0x0a, 1, b'A']].concat();
        let orders = ["x", "y"].map(|order| (order.to_owned(), 7));
        let message = Customer {
            name: "A".to_owned(),
            orders: orders.into(),
        };
        for held in [bytes(b'x', b'y'), bytes(b'y', b'x')] {
            let mut test = test(&[("a", message.clone())]);
            let mut batch = test.table.batch();
            batch.put(b"a", Some(&held)).unwrap();
            batch.commit().unwrap();
            test.sync().await.unwrap();
            assert_eq!(emitted(&test), []);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_decoded_is_replaced() {
        let mut test = test(&[("a", customer("Ann"))]);
        let mut batch = test.table.batch();
        batch.put(b"a", Some(b"\xff")).unwrap();
        batch.commit().unwrap();
        test.sync().await.unwrap();
        assert_eq!(emitted(&test), changes([("a", Some("Ann"))]));
    }

    #[tokio::test]
    async fn a_sync_that_fails_deletes_nothing() {
        let failures: [fn() -> Result<()>; 2] = [
            || Err(Error::handler("the directory is closed")),
            || panic!("the directory burns"),
        ];
        let said = [
            "the directory is closed",
            "it panicked: the directory burns",
        ];
        for (fail, said) in failures.into_iter().zip(said) {
            let mut test = test(&[("a", customer("Ann"))]);
            test.set("x", &customer("Xavier"));
            test.source().fail = Some(fail);
            assert_eq!(test.sync().await.unwrap_err().to_string(), said);
            assert_eq!(emitted(&test), changes([("a", Some("Ann"))]));
            test.source().fail = None;
            test.sync().await.unwrap();
            assert_eq!(
                emitted(&test),
                changes([("a", Some("Ann")), ("x", None)]),
                "the next one does"
            );
        }
    }

    #[tokio::test]
    async fn the_last_message_of_a_key_named_twice_wins() {
        let mut test = test(&[("a", customer("Bea")), ("a", customer("Ann"))]);
        test.set("a", &customer("Ann"));
        test.sync().await.unwrap();
        assert_eq!(
            test.contents(),
            [("a".to_owned(), customer("Ann"))],
            "although the topic held that message before"
        );
    }

    #[tokio::test]
    async fn a_key_no_table_can_hold_is_an_error() {
        let key = "x".repeat(70_000);
        let mut test = test(&[(&key, customer("Xavier"))]);
        let error = test.sync().await.unwrap_err().to_string();
        assert!(error.contains("has 70000 bytes"), "{error}");
        assert_eq!(emitted(&test), []);
    }
}
