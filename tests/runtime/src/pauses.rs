//! How long a topic stands still while records flow.
#![expect(
    clippy::expect_used,
    reason = "a test's tool: whatever goes wrong ends the test"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka;

/// Follows a topic beside whoever writes it.
pub struct Pauses {
    done: Arc<AtomicBool>,
    watch: JoinHandle<Duration>,
}

impl Pauses {
    /// Begins to follow all partitions.
    pub fn watch(topic: &str, partitions: i32) -> Self {
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            assignment
                .add_partition_offset(topic, partition, Offset::Beginning)
                .expect("an offset");
        }
        let consumer: BaseConsumer = kafka::client()
            .set("group.id", "reads without a group")
            .set("fetch.wait.max.ms", "20")
            .create()
            .expect("a consumer");
        consumer.assign(&assignment).expect("an assignment");
        let done = Arc::<AtomicBool>::default();
        let until = Arc::clone(&done);
        let watch = std::thread::spawn(move || {
            let mut last = vec![None::<Instant>; assignment.count()];
            let mut longest = Duration::ZERO;
            while !until.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(20)) else {
                    continue;
                };
                let place = usize::try_from(message.partition()).expect("a partition");
                if let Some(before) = last[place].replace(Instant::now()) {
                    longest = longest.max(before.elapsed());
                }
            }
            longest
        });
        Self { done, watch }
    }

    /// The longest time from one record of a partition to its next.
    ///
    /// # Panics
    ///
    /// When the watching did.
    pub fn longest(self) -> Duration {
        self.done.store(true, Ordering::Relaxed);
        self.watch.join().expect("the watch goes on")
    }
}
