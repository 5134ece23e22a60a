//! One sink in one process: a member of its consumer group, which reads and writes side by side.
//!
//! | what happens | what becomes of the batch being written | and of what waits |
//! |---|---|---|
//! | partitions are revoked | its attempt is finished and committed before they are given back | forgotten: the next owner reads it |
//! | partitions are lost | its attempt is ended, nothing is committed | forgotten |
//! | a record cannot be decoded | it is written and committed | what came before is, too; then the service stops |
//! | the service stops | it is written and committed, unless it was abandoned just then | it is, too, if the first attempt succeeds |
//!
//! Records of partitions that stay are never forgotten: what of them was not written is written again.

use tokio::time::{Instant, sleep_until, timeout};

use super::batching::Batching;
use super::reading::Reading;
use super::write::Sink;
use super::writing::{Unwritten, Writing};
use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::kafka::{
    Cluster, GroupConsumer, GroupEvent, LEAVING, REVOCATION, TopicPartition, listed,
};
use crate::observe::Observed;

/// A sink ready to run.
pub(crate) struct Member<S: Sink> {
    pub(crate) sink: S,
    /// As it is called in messages to people.
    pub(crate) title: String,
    pub(crate) batching: Batching,
    pub(crate) cluster: Cluster,
    pub(crate) observed: Observed,
}

impl<S: Sink> Member<S> {
    /// Runs until the service stops.
    pub(crate) async fn run(self, halt: Halt) -> Result<()> {
        let (title, observed) = (self.title.clone(), self.observed.clone());
        let lived = self.live(&halt).await;
        observed.partitions.ended();
        lived.map_err(|error| Error::Stopped {
            object: title,
            source: Box::new(error),
        })
    }

    async fn live(self, halt: &Halt) -> Result<()> {
        let descriptor = self.sink.descriptor();
        let mut consumer = self
            .cluster
            .group_consumer(descriptor.group, &[descriptor.topic.topic])?;
        let mut joined = Joined {
            reading: Reading::new(self.batching, self.observed.clone()),
            writing: Writing::new(self.sink, &self.title, self.batching, self.observed.clone()),
            title: self.title,
            observed: self.observed,
        };
        let mut ended = joined.follow(&mut consumer, halt).await;
        if ended.is_ok() {
            ended = joined.finish(&consumer).await;
        }
        drop(joined);
        // If the brokers do not answer, the group finds out by itself.
        let _ = timeout(LEAVING, consumer.close()).await;
        ended
    }
}

/// A sink that is in its group.
struct Joined<S: Sink> {
    title: String,
    observed: Observed,
    reading: Reading<S::Message>,
    writing: Writing<S>,
}

impl<S: Sink> Joined<S> {
    /// Reads, writes and follows the group until the service stops.
    async fn follow(&mut self, consumer: &mut GroupConsumer, halt: &Halt) -> Result<()> {
        loop {
            let idle = self.writing.is_idle();
            let due = self.reading.due().filter(|_| idle);
            tokio::select! {
                biased;
                () = halt.asked() => return Ok(()),
                event = consumer.next_event() => tokio::select! {
                    biased;
                    () = halt.asked() => return Ok(()),
                    answered = self.answer(event, consumer) => answered?,
                },
                unwritten = self.writing.written(), if !idle => failed(unwritten)?,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.writing.start(self.reading.take(), consumer.committer());
                }
                () = self.reading.more() => {}
            }
            if self.writing.is_idle() {
                self.reading.failed()?;
            }
            // Partitions that always have records would keep their thread from everything else.
            tokio::task::yield_now().await;
        }
    }

    async fn answer(&mut self, event: GroupEvent, consumer: &GroupConsumer) -> Result<()> {
        match event {
            GroupEvent::Assigned(partitions) => {
                tracing::info!(sink = %self.title, partitions = %listed(&partitions), "partitions assigned");
                let starts: Vec<_> = partitions.into_iter().map(|at| (at, None)).collect();
                self.reading.add(consumer.accept(&starts).await?);
                self.observed.partitions.started();
                Ok(())
            }
            GroupEvent::Revoked(partitions) => {
                tracing::info!(sink = %self.title, partitions = %listed(&partitions), "partitions revoked");
                self.reading.forget(&partitions);
                if self.writing.concerns(&partitions) {
                    self.writing.hurry();
                    let written = timeout(REVOCATION, self.written(&partitions)).await;
                    if written.is_err() {
                        tracing::warn!(sink = %self.title, "a write did not end within {REVOCATION:?} of a revocation; it is ended without a commit");
                        self.writing.abandon();
                        self.written(&partitions).await;
                    }
                }
                consumer.release(&partitions).await
            }
            GroupEvent::Lost(partitions) => {
                tracing::warn!(sink = %self.title, partitions = %listed(&partitions), "partitions lost: the group went on without this member");
                self.reading.forget(&partitions);
                if self.writing.concerns(&partitions) {
                    self.writing.abandon();
                    self.written(&partitions).await;
                }
                consumer.release(&partitions).await
            }
            GroupEvent::Failed(error) => Err(error),
        }
    }

    /// Waits for the end of the write under way. What of it is not written and does not move is
    /// written again.
    async fn written(&mut self, moved: &[TopicPartition]) {
        if let Some(Unwritten { batch, error }) = self.writing.written().await {
            if let Some(error) = error {
                tracing::warn!(sink = %self.title, %error, "a batch was not written before its partitions moved");
            }
            self.reading.put_back(batch, moved);
        }
    }

    /// Writes what waits, with one attempt for each batch.
    async fn finish(&mut self, consumer: &GroupConsumer) -> Result<()> {
        loop {
            if !self.writing.is_idle() {
                self.writing.hurry();
                match self.writing.written().await {
                    // It was abandoned in a revocation that the stop cut short. Later records of
                    // partitions that stay must not be committed past it; the next process has all.
                    Some(Unwritten { error: None, .. }) => return Ok(()),
                    unwritten => failed(unwritten)?,
                }
            }
            if self.reading.is_empty() {
                return self.reading.failed();
            }
            self.writing
                .start(self.reading.take(), consumer.committer());
        }
    }
}

fn failed<M>(unwritten: Option<Unwritten<M>>) -> Result<()> {
    match unwritten.and_then(|unwritten| unwritten.error) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::codegen::SinkDescriptor;
    use crate::codegen::v1::TopicUse;
    use crate::kafka::{Batch, OwnedRecord};
    use crate::observe::Counts;
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

    /// The partition and offset of each record of a write.
    type Places = Vec<(i32, i64)>;

    /// Keeps the places of its writes, the first of which hangs; others fail.
    #[derive(Clone, Default)]
    struct Hanging(Arc<Mutex<Vec<Places>>>);

    impl Sink for Hanging {
        type Message = u64;

        fn descriptor(&self) -> &'static SinkDescriptor {
            &DESCRIPTOR
        }

        async fn write(&mut self, batch: &[SinkRecord<u64>]) -> Result<()> {
            let places = batch.iter().map(|record| (record.partition, record.offset));
            let first = {
                let mut writes = self.0.lock().unwrap();
                writes.push(places.collect());
                writes.len() == 1
            };
            if first {
                std::future::pending().await
            }
            Err(Error::handler("the warehouse is closed"))
        }
    }

    fn record(partition: i32, offset: i64) -> SinkRecord<u64> {
        let mut record = SinkRecord::new("k", Some(1));
        (record.partition, record.offset) = (partition, offset);
        record
    }

    #[tokio::test]
    async fn a_stop_writes_nothing_past_a_batch_that_was_abandoned() {
        // Nobody is there, and nobody is asked: nothing is committed.
        let cluster = Cluster::new("127.0.0.1:1", &std::collections::BTreeMap::new()).unwrap();
        let consumer = cluster.group_consumer("g", &["s.a.b"]).unwrap();
        let sink = Hanging::default();
        let (batching, observed) = (Batching::default(), Observed::new(Counts::new([], [])));
        let mut joined = Joined {
            title: "the sink".to_owned(),
            reading: Reading::new(batching, observed.clone()),
            writing: Writing::new(sink.clone(), "the sink", batching, observed.clone()),
            observed,
        };
        let batch = vec![record(0, 7), record(1, 3)];
        joined.writing.start(batch, consumer.committer());
        let later = OwnedRecord {
            offset: 4,
            timestamp: 0,
            key: Some(b"k".to_vec()),
            value: None,
            headers: Vec::new(),
        };
        joined
            .reading
            .open(Batch::memory("s.a.b".into(), 1, vec![later]));
        joined.reading.more().await;
        tokio::task::yield_now().await;
        // Partition 0 is revoked, the write does not end in time, and the service stops.
        joined.writing.abandon();
        joined.finish(&consumer).await.unwrap();
        assert_eq!(*sink.0.lock().unwrap(), [[(0, 7), (1, 3)]]);
    }
}
