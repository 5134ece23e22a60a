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
    }],
    joins: &[],
    lookups: &[],
    outputs: &[codegen::OutputDescriptor {
        topic: codegen::TopicUse {
            topic: cluster::TOTALS,
            message: "userId.totalClicks",
        },
        description: "",
    }],
    persistence: Some(codegen::TopicUse {
        topic: cluster::CHANGELOG,
        message: "userId.totalClicksState",
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

/// Measures and prints the [`Cost`].
pub(crate) fn run(options: &Options) -> Result<()> {
    let workload = Workload {
        records: options.records,
        keys: options.keys,
    };
    let batches = batches(workload);
    let measure = |name: &str, decode, state, encode| {
        let per_partition = options.per_commit / PARTITIONS.unsigned_abs() as u64;
        pass(
            Steps {
                decode,
                state,
                encode,
            },
            &batches,
            per_partition,
            &options.state_dir.join(name),
        )
    };
    // The first pass over the records also brings them into memory's caches; it counts for nobody.
    measure("warm-up", true, true, true)?;
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

/// The workload as every partition's task would get it, in turn.
fn batches(workload: Workload) -> Vec<Records> {
    let mut open = vec![Vec::with_capacity(BATCH); PARTITIONS.unsigned_abs() as usize];
    let mut offsets = vec![0; open.len()];
    let mut batches = Vec::new();
    let mut close = |partition: usize, records: &mut Vec<(Vec<u8>, Vec<u8>)>| {
        let count = records.len() as i64;
        batches.push(Records::new(
            cluster::INPUT,
            partition,
            offsets[partition],
            records.drain(..),
        ));
        offsets[partition] += count;
    };
    for record in 0..workload.records {
        let key = workload.key(record);
        let partition = key as usize % open.len();
        open[partition].push((
            workload::key_text(key).into_bytes(),
            workload::value(record),
        ));
        if open[partition].len() == BATCH {
            close(partition, &mut open[partition]);
        }
    }
    for (partition, records) in open.iter_mut().enumerate() {
        close(partition, records);
    }
    batches
}

#[derive(Default)]
struct Pass {
    handling: Duration,
    changelog: Duration,
    store: Duration,
}

/// One pass over the records with a commit of each partition after `per_commit` of its own.
fn pass(steps: Steps, batches: &[Records], per_commit: u64, state_dir: &Path) -> Result<Pass> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut core = Core::new(
        steps,
        PARTITIONS.unsigned_abs() as usize,
        state_dir,
        CACHE_BYTES,
    )?;
    let mut uncommitted = vec![0; PARTITIONS.unsigned_abs() as usize];
    let mut pass = Pass::default();
    let mut clock = Clock(usage::cpu()?);
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
    for batch in batches {
        runtime.block_on(core.handle(batch))?;
        clock.lap(&mut pass.handling)?;
        let partition = batch.partition();
        uncommitted[partition] += batch.count() as u64;
        if uncommitted[partition] >= per_commit {
            uncommitted[partition] = 0;
            commit(&mut core, partition, &mut pass, &mut clock)?;
        }
    }
    for partition in 0..uncommitted.len() {
        commit(&mut core, partition, &mut pass, &mut clock)?;
    }
    Ok(pass)
}

/// CPU time up to the last lap.
struct Clock(Duration);

impl Clock {
    /// Adds the time since the last lap to `to`.
    fn lap(&mut self, to: &mut Duration) -> Result<()> {
        let now = usage::cpu()?;
        *to += now - self.0;
        self.0 = now;
        Ok(())
    }
}
