//! Drives one sink, record by record and on virtual time.

use std::time::{Duration, SystemTime};

use prost::Message;

use crate::error::Result;
use crate::kafka::{Headers, Record, millis_of};
use crate::memory::Log;
use crate::sink::{Batching, Driven, Sink};

/// A sink without a broker; generated code wraps it with typed methods.
///
/// Records wait until a batch is large or old enough; [`settle`](Self::settle) writes what is.
pub struct SinkTest<S: Sink> {
    driven: Driven<S>,
    clock: Log,
    next_offset: i64,
    headers: Vec<(String, Vec<u8>)>,
}

impl<S: Sink> SinkTest<S> {
    /// A driver at the start of virtual time.
    pub fn new(sink: S, batching: Batching) -> Self {
        let clock = Log::new();
        Self {
            driven: Driven::new(sink, batching, clock.clone()),
            clock,
            next_offset: 0,
            headers: Vec::new(),
        }
    }

    /// Adds a message to what the topic holds, in partition 0.
    pub fn send(&mut self, key: &str, message: &S::Message) {
        self.add(key, Some(&message.encode_to_vec()));
    }

    /// Adds a delete.
    pub fn send_delete(&mut self, key: &str) {
        self.add(key, None);
    }

    #[expect(
        clippy::expect_used,
        reason = "the same type was encoded a moment ago, and the key is text"
    )]
    fn add(&mut self, key: &str, value: Option<&[u8]>) {
        let record = Record {
            offset: self.next_offset,
            timestamp: millis_of(self.clock.now()),
            key: Some(key.as_bytes()),
            value,
            headers: Headers::memory(&self.headers),
        };
        self.next_offset += 1;
        self.driven
            .collect(&record)
            .expect("a message decodes as the type it was encoded from");
    }

    /// Headers of the records sent from now on.
    pub fn set_headers(&mut self, headers: &[(&str, &[u8])]) {
        self.headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
            .collect();
    }

    /// Writes what is due by count or by interval. A write that fails is tried again at once, and
    /// virtual time moves on by the pauses there would be.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write) when a batch has failed for as long as it is tried; it
    /// comes first again at the next call.
    pub async fn settle(&mut self) -> Result<()> {
        self.driven.write_due().await.map(drop)
    }

    /// Writes everything, as at a stop.
    ///
    /// # Errors
    ///
    /// As [`settle`](Self::settle).
    pub async fn flush(&mut self) -> Result<()> {
        self.driven.flush().await
    }

    /// The sink.
    pub fn sink(&mut self) -> &mut S {
        &mut self.driven.sink
    }

    /// Moves virtual time forward.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// Virtual time now.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

impl<S: Sink> std::fmt::Debug for SinkTest<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SinkTest")
            .field("sink", &self.driven.sink.descriptor().name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codegen::SinkDescriptor;
    use crate::codegen::v1::TopicUse;
    use crate::error::Error;
    use crate::sink::SinkRecord;

    static DESCRIPTOR: SinkDescriptor = SinkDescriptor {
        name: "warehouse",
        description: "",
        group: "s.c.warehouse-sink",
        topic: TopicUse {
            topic: "s.a.b",
            message: "a.b",
            message_type: "a.B",
        },
    };

    /// Keeps what it is given; the first `failures` writes fail, every second by a panic.
    #[derive(Default)]
    struct Warehouse {
        batches: Vec<Vec<SinkRecord<u64>>>,
        calls: u32,
        failures: u32,
    }

    impl Warehouse {
        fn values(&self) -> Vec<Vec<Option<u64>>> {
            let batches = self.batches.iter();
            batches
                .map(|batch| batch.iter().map(|record| record.value).collect())
                .collect()
        }
    }

    impl Sink for Warehouse {
        type Message = u64;

        fn descriptor(&self) -> &'static SinkDescriptor {
            &DESCRIPTOR
        }

        async fn write(&mut self, batch: &[SinkRecord<u64>]) -> Result<()> {
            self.calls += 1;
            if self.calls <= self.failures {
                assert_eq!(self.calls % 2, 1, "the warehouse burns");
                return Err(Error::handler("the warehouse is closed"));
            }
            self.batches.push(batch.to_vec());
            Ok(())
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn test(failures: u32) -> SinkTest<Warehouse> {
        let batching = Batching::default()
            .with_records(2)
            .with_interval(seconds(10))
            .with_retry_for(seconds(30));
        let sink = Warehouse {
            failures,
            ..Warehouse::default()
        };
        SinkTest::new(sink, batching)
    }

    #[tokio::test]
    async fn batches_are_written_by_count_and_by_interval() {
        let mut test = test(0);
        for number in 1..=5 {
            test.send("a", &number);
        }
        test.settle().await.unwrap();
        assert_eq!(
            test.sink().values(),
            [[Some(1), Some(2)], [Some(3), Some(4)]]
        );
        test.advance(seconds(9));
        test.settle().await.unwrap();
        assert_eq!(test.sink().batches.len(), 2, "the fifth has waited for 9 s");
        test.advance(seconds(1));
        test.settle().await.unwrap();
        assert_eq!(test.sink().values()[2], [Some(5)]);
        test.send_delete("a");
        test.flush().await.unwrap();
        assert_eq!(test.sink().values()[3], [None]);
    }

    #[tokio::test]
    async fn records_say_where_and_when_they_are_from() {
        let mut test = test(0);
        let start = test.now();
        test.send("a", &1);
        test.advance(seconds(3));
        test.set_headers(&[("trace", b"1")]);
        test.send_delete("b");
        test.settle().await.unwrap();
        let batch = &test.sink().batches[0];
        let expected = |offset, key: &str, value, timestamp, headers| {
            let mut record = SinkRecord::new(key, value);
            record.topic = "s.a.b".into();
            (record.offset, record.timestamp, record.headers) = (offset, timestamp, headers);
            record
        };
        assert_eq!(
            *batch,
            [
                expected(0, "a", Some(1), start, vec![]),
                expected(
                    1,
                    "b",
                    None,
                    start + seconds(3),
                    vec![("trace".to_owned(), b"1".to_vec())]
                ),
            ]
        );
    }

    #[tokio::test]
    async fn a_write_that_fails_is_tried_again_with_the_same_batch() {
        let mut test = test(2);
        let start = test.now();
        test.send("a", &1);
        test.send("a", &2);
        test.settle().await.unwrap();
        assert_eq!(test.sink().calls, 3);
        assert_eq!(test.sink().values(), [[Some(1), Some(2)]]);
        assert!(test.now() > start, "the pauses have passed");
    }

    #[tokio::test]
    async fn a_write_that_goes_on_failing_says_what_was_not_written() {
        let mut test = test(24);
        let start = test.now();
        test.send("a", &1);
        test.send("b", &2);
        let error = test.settle().await.unwrap_err().to_string();
        assert_eq!(test.now(), start + seconds(30));
        let calls = test.sink().calls;
        assert_eq!(
            error,
            format!(
                "cannot write 2 records, from topic s.a.b, partition 0, offset 0, key \"a\" to topic s.a.b, partition 0, offset 1, key \"b\", \
                 after {calls} attempts: the warehouse is closed; they stay in the topic, and are written when the service runs again"
            )
        );
        // They are not lost.
        test.settle().await.unwrap();
        assert_eq!(test.sink().values(), [[Some(1), Some(2)]]);
    }
}
