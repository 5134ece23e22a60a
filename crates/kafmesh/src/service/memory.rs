//! The in-memory back end of a [`Registry`](super::Registry): topics, and who reads them.

mod parts;
#[cfg(test)]
mod tests;

use std::pin::Pin;

use crate::codegen::{ProcessorDescriptor, TopicUse};
use crate::error::Result;
use crate::kafka::Batch;
use crate::memory::Log;
use crate::processor::{Processor, Tables, Work, process};
use crate::restore::{LongKeys, apply};
use crate::store::Table;
use parts::Part;
pub(crate) use parts::{SinkPart, ViewSinkPart, ViewSourcePart};

/// Topics in memory, and who reads them.
pub(crate) struct Bench {
    pub(crate) log: Log,
    processors: Vec<Box<dyn Reads>>,
    pub(crate) view_sources: Vec<Box<dyn Part>>,
    pub(crate) sinks: Vec<Box<dyn Part>>,
    pub(crate) view_sinks: Vec<Box<dyn Part>>,
    /// Of views, joins and lookups: one per topic.
    tables: Vec<FedTable>,
}

/// A reader of topics that can be asked to catch up.
trait Reads: Send {
    fn descriptor(&self) -> &'static ProcessorDescriptor;

    /// Handles what is new; whether there was anything.
    fn catch_up<'a>(
        &'a mut self,
        log: &'a Log,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;
}

/// A table that follows its topic.
struct FedTable {
    topic: &'static str,
    table: Table,
    next: usize,
}

struct Bound<P: Processor> {
    processor: P,
    work: Work<P::State>,
    /// Per input, the offset to read next.
    next: Vec<usize>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            log: Log::new(),
            processors: Vec::new(),
            view_sources: Vec::new(),
            sinks: Vec::new(),
            view_sinks: Vec::new(),
            tables: Vec::new(),
        }
    }

    pub(crate) fn add_processor<P: Processor>(&mut self, processor: P) {
        let tables = Tables::in_memory(processor.descriptor(), |topic| self.table(topic));
        let work = Work::in_memory(processor.descriptor(), tables);
        let next = vec![0; processor.descriptor().inputs.len()];
        self.processors.push(Box::new(Bound {
            processor,
            work,
            next,
        }));
        self.processors = in_order(std::mem::take(&mut self.processors));
    }

    /// The table that follows `topic`.
    pub(crate) fn table(&mut self, topic: &'static str) -> Table {
        if let Some(fed) = self.tables.iter().find(|fed| fed.topic == topic) {
            return fed.table.clone();
        }
        let table = Table::in_memory();
        self.tables.push(FedTable {
            topic,
            table: table.clone(),
            next: 0,
        });
        table
    }

    /// Lets everything do what is due until nothing is. View sources come first, since what they
    /// bring is what others look up; view sinks last, since they hand over what all of it amounts to.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        loop {
            let busy = self.act(|bench| &mut bench.view_sources).await?
                || self.process().await?
                || self.act(|bench| &mut bench.sinks).await?
                || self.act(|bench| &mut bench.view_sinks).await?;
            if !busy {
                return Ok(());
            }
        }
    }

    /// Lets every processor handle what is new; whether there was anything.
    async fn process(&mut self) -> Result<bool> {
        let mut busy = false;
        for processor in &mut self.processors {
            feed(&mut self.tables, &self.log)?;
            busy |= processor.catch_up(&self.log).await?;
        }
        feed(&mut self.tables, &self.log)?;
        Ok(busy)
    }

    /// Lets `parts` do what is due; whether anything was.
    async fn act(&mut self, parts: fn(&mut Self) -> &mut Vec<Box<dyn Part>>) -> Result<bool> {
        feed(&mut self.tables, &self.log)?;
        let log = self.log.clone();
        let mut busy = false;
        for part in parts(self) {
            busy |= part.act(&log).await?;
        }
        Ok(busy)
    }
}

/// Those whose records others read come before them, so that what a processor joins and looks up is
/// complete when its turn comes; in a circle, as they were registered.
fn in_order(mut processors: Vec<Box<dyn Reads>>) -> Vec<Box<dyn Reads>> {
    let mut ordered = Vec::with_capacity(processors.len());
    while !processors.is_empty() {
        let free = processors.iter().position(|reader| {
            let mut others = processors.iter().map(|other| other.descriptor());
            !others.any(|other| {
                other.group != reader.descriptor().group && feeds(other, reader.descriptor())
            })
        });
        ordered.push(processors.remove(free.unwrap_or(0)));
    }
    ordered
}

/// Whether `reader` reads what `writer` puts out.
fn feeds(writer: &ProcessorDescriptor, reader: &ProcessorDescriptor) -> bool {
    let written = |used: &TopicUse| {
        let mut outputs = writer.outputs.iter().map(|output| &output.topic);
        outputs.any(|output| output.topic == used.topic)
    };
    let tables = reader.joins.iter().chain(reader.lookups);
    reader.inputs.iter().chain(tables).any(written)
}

/// Brings every table up to date, as it is under Kafka before a processor's records are handled.
fn feed(tables: &mut [FedTable], log: &Log) -> Result<()> {
    for fed in tables {
        let records = log.read(fed.topic, fed.next);
        fed.next += records.len();
        let batch = Batch::memory(fed.topic.into(), 0, records);
        apply(&fed.table, &batch, LongKeys::LeaveOut)?;
    }
    Ok(())
}

impl<P: Processor> Reads for Bound<P> {
    fn descriptor(&self) -> &'static ProcessorDescriptor {
        self.processor.descriptor()
    }

    fn catch_up<'a>(
        &'a mut self,
        log: &'a Log,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>> {
        Box::pin(async move {
            let descriptor = self.processor.descriptor();
            let mut busy = false;
            for (index, input) in descriptor.inputs.iter().enumerate() {
                let batch = Batch::memory(
                    input.topic.into(),
                    0,
                    log.read(input.topic, self.next[index]),
                );
                for record in batch.records() {
                    busy = true;
                    self.next[index] += 1;
                    process(
                        &self.processor,
                        &mut self.work,
                        index,
                        input.topic,
                        0,
                        record,
                    )
                    .await?;
                    for record in self.work.outbox.records() {
                        log.append(
                            descriptor.outputs[record.topic as usize].topic.topic,
                            [record.to_owned()],
                        )?;
                    }
                    self.work.outbox.clear();
                }
            }
            Ok(busy)
        })
    }
}
