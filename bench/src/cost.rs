//! What a counted record costs outside the Kafka client: kafmesh's processing core over records in memory, with
//! state on disk and commits.
//!
//! Steps inside of a record are too short for a clock. So each is measured by a processor that does only that step,
//! against one that does nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use kafmesh::codegen::v1 as codegen;
use kafmesh::testing::cost::{Core, Records};
use serde::{Deserialize, Serialize};

use crate::cluster::{self, PARTITIONS};
use crate::definitions::models::{Click, TotalClicks, TotalClicksState};
use crate::usage;
use crate::workload::{self, Workload};

/// Records per batch, as the client hands them out.
const BATCH: usize = 1000;
/// The default of kafmesh.
const CACHE_BYTES: usize = 8 << 20;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    records: u64,
    #[arg(long)]
    keys: u64,
    /// Records between two commits, of all partitions together.
    #[arg(long)]
    per_commit: u64,
    /// Let it be watched, by nobody.
    #[arg(long)]
    watchable: bool,
    /// An empty directory for state.
    #[arg(long)]
    state_dir: PathBuf,
}

/// CPU time of the whole workload, step by step; with the background threads of the store.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) decode: Duration,
    /// The way to the handler and back: key, context, call, effects.
    pub(crate) handler: Duration,
    pub(crate) state: Duration,
    pub(crate) encode: Duration,
    /// Changed states to records of the changelog.
    pub(crate) changelog: Duration,
    /// Changed states and offsets to the local store.
    pub(crate) store: Duration,
    /// All of it, as measured in one piece.
    pub(crate) total: Duration,
}

/// What a processor here does per record: what the generated dispatch and the handler of `total clicks` do, or a part.
struct Steps {
    decode: bool,
    state: bool,
    encode: bool,
}

static DESCRIPTOR: codegen::ProcessorDescriptor = codegen::ProcessorDescriptor {
    name: "total clicks",
    description: "",
    group: "kafmeshBench.clicks.totalClicks",
    inputs: &[codegen::TopicUse {
        topic: cluster::INPUT,
        message: "userId.click",
        message_type: "userId.Click",
    }],
    joins: &[],
    lookups: &[],
    outputs: &[codegen::OutputDescriptor {
        topic: codegen::TopicUse {
            topic: cluster::TOTALS,
            message: "userId.totalClicks",
            message_type: "userId.TotalClicks",
        },
        description: "",
    }],
    persistence: Some(codegen::TopicUse {
        topic: cluster::CHANGELOG,
        message: "userId.totalClicksState",
        message_type: "userId.TotalClicksState",
    }),
};

impl codegen::Processor for Steps {
    type State = TotalClicksState;

    fn descriptor(&self) -> &'static codegen::ProcessorDescriptor {
        &DESCRIPTOR
    }

    async fn handle(
        &self,
        _: usize,
        mut context: codegen::Context<'_, TotalClicksState>,
        value: Option<&[u8]>,
    ) -> kafmesh::Result<()> {
        if self.decode {
            let click: Click = codegen::decode(value.unwrap_or_default())?;
            std::hint::black_box(&click);
        }
        let mut count = 1;
        if self.state {
            let mut state = context.state()?;
            state.count += 1;
            count = state.count;
            context.save_state(state);
        }
        if self.encode {
            context.output(0, context.key(), &TotalClicks { count });
        }
        Ok(())
    }
}

impl Options {
    /// Measures a processor that does these steps.
    fn measure(&self, name: &str, decode: bool, state: bool, encode: bool) -> Result<Pass> {
        let steps = Steps {
            decode,
            state,
            encode,
        };
        let workload = Workload {
            records: self.records,
            keys: self.keys,
        };
        let per_partition = self.per_commit / PARTITIONS.unsigned_abs() as u64;
        let state_dir = self.state_dir.join(name);
        pass(steps, workload, per_partition, &state_dir, self.watchable)
    }
}

/// Measures and prints what it costs to handle the whole workload, commits not included.
pub(crate) fn run_handling(options: &Options) -> Result<()> {
    let all = options.measure("all", true, true, true)?;
    println!("{}", serde_json::to_string(&all.handling)?);
    Ok(())
}

/// Measures and prints the [`Cost`].
pub(crate) fn run(options: &Options) -> Result<()> {
    let measure = |name, decode, state, encode| options.measure(name, decode, state, encode);
    let nothing = measure("nothing", false, false, false)?.handling;
    let decode = measure("decode", true, false, false)?.handling;
    let state = measure("state", false, true, false)?.handling;
    let encode = measure("encode", false, false, true)?.handling;
    let all = measure("all", true, true, true)?;
    let cost = Cost {
        decode: decode.saturating_sub(nothing),
        handler: nothing,
        state: state.saturating_sub(nothing),
        encode: encode.saturating_sub(nothing),
        changelog: all.changelog,
        store: all.store,
        total: all.handling + all.changelog + all.store,
    };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

#[derive(Default)]
struct Pass {
    handling: Duration,
    changelog: Duration,
    store: Duration,
}

/// One pass over the records with a commit of each partition after `per_commit` of its own.
fn pass(
    steps: Steps,
    workload: Workload,
    per_commit: u64,
    state_dir: &Path,
    watchable: bool,
) -> Result<Pass> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let partitions = PARTITIONS.unsigned_abs() as usize;
    let began = usage::cpu()?;
    let mut clock = Clock::start()?;
    let mut core = Core::new(steps, partitions, state_dir, CACHE_BYTES)?;
    if watchable {
        core = core.watchable();
    }
    let mut uncommitted = vec![0; partitions];
    let mut pass = Pass::default();
    let commit = |core: &mut Core<Steps>,
                  partition: usize,
                  pass: &mut Pass,
                  clock: &mut Clock|
     -> Result<()> {
        core.log_changes(partition)?;
        clock.lap(&mut pass.changelog)?;
        core.store_changes(partition)?;
        clock.lap(&mut pass.store)
    };
    clock.skip()?;
    for_each_batch(workload, partitions, |batch| {
        // The batch has just been made, as a client has just received what it hands out.
        clock.skip()?;
        runtime.block_on(core.handle(&batch))?;
        clock.lap(&mut pass.handling)?;
        let partition = batch.partition();
        uncommitted[partition] += batch.count() as u64;
        if uncommitted[partition] >= per_commit {
            uncommitted[partition] = 0;
            commit(&mut core, partition, &mut pass, &mut clock)?;
        }
        Ok(())
    })?;
    for partition in 0..partitions {
        commit(&mut core, partition, &mut pass, &mut clock)?;
    }
    // What other threads did in the meantime, they did for the store.
    pass.store += (usage::cpu()? - began).saturating_sub(clock.total());
    Ok(pass)
}

/// Makes the workload as every partition's task would get it, in turn.
fn for_each_batch(
    workload: Workload,
    partitions: usize,
    mut each: impl FnMut(Records) -> Result<()>,
) -> Result<()> {
    let mut open = vec![Vec::with_capacity(BATCH); partitions];
    let mut offsets = vec![0; partitions];
    let mut close = |partition: usize, records: &[u64]| {
        let made = records.iter().map(|&record| {
            (
                workload::key_text(workload.key(record)).into_bytes(),
                workload::value(record),
            )
        });
        let batch = Records::new(cluster::INPUT, partition, offsets[partition], made);
        offsets[partition] += records.len() as i64;
        each(batch)
    };
    for record in 0..workload.records {
        let partition = workload.key(record) as usize % partitions;
        open[partition].push(record);
        if open[partition].len() == BATCH {
            close(partition, &open[partition])?;
            open[partition].clear();
        }
    }
    open.iter()
        .enumerate()
        .try_for_each(|(partition, records)| close(partition, records))
}

/// CPU time of this thread, up to the last lap.
struct Clock {
    start: Duration,
    last: Duration,
}

impl Clock {
    fn start() -> Result<Self> {
        let start = usage::thread_cpu()?;
        Ok(Self { start, last: start })
    }

    /// Adds the time since the last lap to `to`.
    fn lap(&mut self, to: &mut Duration) -> Result<()> {
        let now = usage::thread_cpu()?;
        *to += now - self.last;
        self.last = now;
        Ok(())
    }

    /// Leaves the time since the last lap out.
    fn skip(&mut self) -> Result<()> {
        self.last = usage::thread_cpu()?;
        Ok(())
    }

    /// This thread's time so far, whoever it was added to.
    fn total(&self) -> Duration {
        self.last - self.start
    }
}
