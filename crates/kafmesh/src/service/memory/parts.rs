//! Sinks, view sources and view sinks over topics in memory, on virtual time.

use std::pin::Pin;
use std::time::SystemTime;

use crate::error::Result;
use crate::kafka::Batch;
use crate::memory::Log;
use crate::sink::{Batching, Driven, Sink};
use crate::store::Table;
use crate::sync::{Changes, Out, Schedule, ViewSink, ViewSource, hand_over, reconcile};
use crate::view::View;

/// Whether a part did something.
pub(crate) type Acted<'a> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

/// What runs beside the processors and can be asked to do what is due.
pub(crate) trait Part: Send {
    /// Does what is due; whether anything was.
    fn act<'a>(&'a mut self, log: &'a Log) -> Acted<'a>;
}

/// A sink.
pub(crate) struct SinkPart<S: Sink> {
    driven: Driven<S>,
    next: usize,
}

impl<S: Sink> SinkPart<S> {
    pub(crate) fn new(sink: S, batching: Batching, clock: Log) -> Self {
        Self {
            driven: Driven::new(sink, batching, clock),
            next: 0,
        }
    }
}

impl<S: Sink> Part for SinkPart<S> {
    fn act<'a>(&'a mut self, log: &'a Log) -> Acted<'a> {
        Box::pin(async move {
            let topic = self.driven.sink.descriptor().topic.topic;
            let batch = Batch::memory(topic.into(), 0, log.read(topic, self.next));
            for record in batch.records() {
                self.next += 1;
                self.driven.collect(&record)?;
            }
            self.driven.write_due().await
        })
    }
}

/// When the next sync is due; the first is at once.
struct Due {
    schedule: Schedule,
    at: SystemTime,
}

impl Due {
    fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            at: SystemTime::UNIX_EPOCH,
        }
    }

    /// Whether it is, and if so, when the one after that will be.
    fn has_come(&mut self, log: &Log) -> bool {
        let now = log.now();
        let due = now >= self.at;
        if due {
            self.at = now + self.schedule.every;
        }
        due
    }
}

/// A view source.
pub(crate) struct ViewSourcePart<V: ViewSource> {
    source: V,
    due: Due,
    table: Table,
}

impl<V: ViewSource> ViewSourcePart<V> {
    pub(crate) fn new(source: V, schedule: Schedule, table: Table) -> Self {
        Self {
            source,
            due: Due::new(schedule),
            table,
        }
    }
}

impl<V: ViewSource> Part for ViewSourcePart<V> {
    fn act<'a>(&'a mut self, log: &'a Log) -> Acted<'a> {
        Box::pin(async move {
            if !self.due.has_come(log) {
                return Ok(false);
            }
            let out = Out::Memory {
                log: log.clone(),
                topic: self.source.descriptor().topic.topic,
            };
            let changes = Changes::new(self.table.clone(), out);
            reconcile(&mut self.source, changes, None).await?;
            Ok(true)
        })
    }
}

/// A view sink.
pub(crate) struct ViewSinkPart<V: ViewSink> {
    sink: V,
    due: Due,
    view: View<V::Message>,
}

impl<V: ViewSink> ViewSinkPart<V> {
    pub(crate) fn new(sink: V, schedule: Schedule, view: View<V::Message>) -> Self {
        Self {
            sink,
            due: Due::new(schedule),
            view,
        }
    }
}

impl<V: ViewSink> Part for ViewSinkPart<V> {
    fn act<'a>(&'a mut self, log: &'a Log) -> Acted<'a> {
        Box::pin(async move {
            if !self.due.has_come(log) {
                return Ok(false);
            }
            hand_over(&mut self.sink, &self.view, None).await?;
            Ok(true)
        })
    }
}
