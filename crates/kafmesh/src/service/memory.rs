//! The in-memory back end of a [`Registry`](super::Registry): topics, and who reads them.

use std::pin::Pin;

use crate::error::Result;
use crate::kafka::Batch;
use crate::memory::Log;
use crate::processor::{Processor, Work, process};
use crate::restore::apply;
use crate::store::Table;

/// Topics in memory, and who reads them.
pub(crate) struct Bench {
    pub(crate) log: Log,
    processors: Vec<Box<dyn Reads>>,
    views: Vec<FedView>,
}

/// A reader of topics that can be asked to catch up.
trait Reads: Send {
    /// Handles what is new; whether there was anything.
    fn catch_up<'a>(
        &'a mut self,
        log: &'a Log,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;
}

struct FedView {
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
            views: Vec::new(),
        }
    }

    pub(crate) fn add_processor<P: Processor>(&mut self, processor: P) {
        let work = Work::in_memory(processor.descriptor());
        let next = vec![0; processor.descriptor().inputs.len()];
        self.processors.push(Box::new(Bound {
            processor,
            work,
            next,
        }));
    }

    /// A table that follows `topic`.
    pub(crate) fn add_view(&mut self, topic: &'static str) -> Table {
        let table = Table::in_memory();
        self.views.push(FedView {
            topic,
            table: table.clone(),
            next: 0,
        });
        table
    }

    pub(crate) async fn settle(&mut self) -> Result<()> {
        let mut busy = true;
        while busy {
            busy = false;
            for processor in &mut self.processors {
                busy |= processor.catch_up(&self.log).await?;
            }
        }
        for view in &mut self.views {
            let records = self.log.read(view.topic, view.next);
            view.next += records.len();
            apply(&view.table, &Batch::memory(view.topic.into(), 0, records))?;
        }
        Ok(())
    }
}

impl<P: Processor> Reads for Bound<P> {
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
