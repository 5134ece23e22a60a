//! The loop that a user of librdkafka writes: a record in, a record out, nothing decoded. At least once, with the
//! same guarantees and client settings as kafmesh.

use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::{Options, Progress};
use crate::cluster::{self, BARE, BARE_GROUP, INPUT};

const TIMEOUT: Duration = Duration::from_secs(30);
/// How long processed records stay uncommitted, as in kafmesh.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// How often the producer's events are served, in records.
const SERVE_EVERY: u32 = 1000;

/// Hears of records that were not delivered.
struct Failures;

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            // A loop like this has nothing better to do about a lost record.
            eprintln!("a record was not delivered: {error}");
            std::process::exit(1);
        }
    }
}

/// Copies the input; returns when the first record was handled.
pub(super) fn run(options: &Options) -> Result<SystemTime> {
    let progress = Progress::new(&options.ends)?;
    let mut config = cluster::config(&options.brokers);
    config
        .set("group.id", BARE_GROUP)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", "4096")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.wait.max.ms", "100");
    let consumer: BaseConsumer = config.create()?;
    let mut config = cluster::producer_config(&options.brokers);
    config.set("delivery.report.only.error", "true");
    let producer: BaseProducer<Failures> = config.create_with_context(Failures)?;
    consumer.subscribe(&[INPUT])?;

    let commit = || -> Result<()> {
        producer.flush(TIMEOUT)?;
        Ok(consumer.commit_consumer_state(CommitMode::Sync)?)
    };
    let mut due = Instant::now() + COMMIT_INTERVAL;
    let mut since_served = 0;
    loop {
        // Nothing also comes when an event was handled; a hang is for whoever started this process to notice.
        let Some(message) = consumer.poll(TIMEOUT) else {
            continue;
        };
        let message = message?;
        let mut record = BaseRecord::to(BARE);
        record.key = message.key();
        record.payload = message.payload();
        record.timestamp = message.timestamp().to_millis();
        while let Err((error, refused)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            producer.poll(Duration::from_millis(1));
            record = refused;
        }
        since_served += 1;
        if since_served == SERVE_EVERY {
            since_served = 0;
            producer.poll(Duration::ZERO);
            if Instant::now() >= due {
                commit()?;
                due = Instant::now() + COMMIT_INTERVAL;
            }
        }
        if progress.handled(message.partition(), message.offset()) {
            break;
        }
    }
    commit()?;
    progress.first()
}
