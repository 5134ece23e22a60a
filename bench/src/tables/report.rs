//! The report of large tables, against the goals.

use super::State;
use super::data::Entries;
use super::work::{Holder, Reads, Report};
use crate::show::{Spread, goals, grouped, print_table};

/// Seconds until a service runs that restores the first table.
const RESTORE_GOAL: f64 = 3.0;
/// Seconds until a service runs that has its tables, whatever their size.
const RESTART_GOAL: f64 = 2.0;
/// Megabytes of a process with one table, whatever its size.
const MEMORY_GOAL: f64 = 300.0;

const HOLDERS: [Holder; 2] = [Holder::Persistence, Holder::View];

/// What all runs reported.
#[derive(Debug, Default)]
pub(crate) struct Results(Vec<(Entries, Holder, State, Report)>);

impl Results {
    pub(super) fn add(&mut self, entries: Entries, holder: Holder, state: State, report: Report) {
        self.0.push((entries, holder, state, report));
    }

    /// The sizes measured, in order.
    fn sizes(&self) -> Vec<Entries> {
        let mut sizes: Vec<_> = self.0.iter().map(|(entries, ..)| *entries).collect();
        sizes.dedup();
        sizes
    }

    fn of(
        &self,
        entries: Entries,
        holder: Holder,
        state: State,
        value: impl Fn(&Report) -> Option<f64>,
    ) -> Spread {
        let run = self
            .0
            .iter()
            .filter(|(e, h, s, _)| (*e, *h, *s) == (entries, holder, state));
        Spread::of(run.filter_map(|(.., report)| value(report)))
    }

    /// The largest median of `value` over everything that `whose` names.
    fn largest(
        &self,
        whose: impl Fn(Entries, State) -> bool,
        value: impl Fn(&Report) -> f64,
    ) -> f64 {
        let mut largest = 0.0_f64;
        for entries in self.sizes() {
            for holder in HOLDERS {
                for state in [State::Empty, State::Kept] {
                    if whose(entries, state) {
                        let spread = self.of(entries, holder, state, |report| Some(value(report)));
                        largest = largest.max(spread.median());
                    }
                }
            }
        }
        largest
    }
}

/// As a run is called in reports.
pub(super) fn title(holder: Holder, state: State, entries: Entries) -> String {
    let size = grouped(entries.entries as f64);
    match (holder, state) {
        (Holder::Persistence, State::Empty) => format!("restore of {size}"),
        (Holder::Persistence, State::Kept) => format!("restart with {size}"),
        (Holder::View, State::Empty) => format!("view of {size}"),
        (Holder::View, State::Kept) => format!("view of {size}, restart"),
    }
}

/// One run in a few words.
pub(super) fn brief(report: &Report) -> String {
    format!(
        "ready after {:.2} s and {:.2} s of CPU, {:.0} MB",
        report.ready.as_secs_f64(),
        report.ready_cpu.as_secs_f64(),
        megabytes(report.settled),
    )
}

/// Prints the report to standard output.
pub(super) fn print(results: &Results, runs: u32) {
    println!();
    println!("Tables; {runs} runs each in turn: median (lowest – highest)");
    println!();
    let mut rows = Vec::new();
    for entries in results.sizes() {
        for holder in HOLDERS {
            for state in [State::Empty, State::Kept] {
                let cell = |value: &dyn Fn(&Report) -> f64, digits: usize| {
                    results
                        .of(entries, holder, state, |report| Some(value(report)))
                        .show(|value| format!("{value:.digits$}"))
                };
                let records = match state {
                    State::Empty => grouped(entries.records() as f64),
                    State::Kept => "0".to_owned(),
                };
                rows.push(vec![
                    title(holder, state, entries),
                    records,
                    cell(&|report| report.ready.as_secs_f64(), 2),
                    cell(&|report| report.ready_cpu.as_secs_f64(), 2),
                    cell(&|report| megabytes(report.settled), 0),
                    cell(&|report| megabytes(report.read), 0),
                    cell(&|report| megabytes(report.peak), 0),
                ]);
            }
        }
    }
    print_table(
        &[
            "",
            "records read",
            "ready after, s",
            "CPU, s",
            "memory, MB",
            "after reads",
            "peak",
        ],
        &rows,
    );

    println!();
    println!("Reads of tables that were there at the start, by one thread:");
    println!();
    let mut rows = Vec::new();
    for entries in results.sizes() {
        let read = |value: fn(&Reads) -> f64, digits: usize| {
            results
                .of(entries, Holder::View, State::Kept, |report| {
                    report.reads.as_ref().map(value)
                })
                .show(|value| format!("{value:.digits$}"))
        };
        let handled = results.of(entries, Holder::Persistence, State::Kept, |report| {
            Some(report.handled?.as_secs_f64() * 1e6)
        });
        rows.push(vec![
            grouped(entries.entries as f64),
            read(|reads| reads.scan.as_secs_f64(), 2),
            read(|reads| reads.present.as_secs_f64() * 1e6, 2),
            read(|reads| reads.absent.as_secs_f64() * 1e6, 2),
            handled.show(|value| format!("{value:.2}")),
        ]);
    }
    print_table(
        &[
            "entries",
            "scan of a view, s",
            "key of a view, µs",
            "absent key, µs",
            "record with a state, CPU µs",
        ],
        &rows,
    );

    println!();
    let restored = results.sizes().first().map_or(0.0, |&entries| {
        let ready = |report: &Report| Some(report.ready.as_secs_f64());
        results
            .of(entries, Holder::Persistence, State::Empty, ready)
            .median()
    });
    let ready = |report: &Report| report.ready.as_secs_f64();
    let memory = |report: &Report| megabytes(report.settled.max(report.read));
    goals(&[
        ("restore of the first table, s", restored, RESTORE_GOAL),
        (
            "restart with any table, s",
            results.largest(|_, state| state == State::Kept, ready),
            RESTART_GOAL,
        ),
        (
            "memory with any table, MB",
            results.largest(|_, _| true, memory),
            MEMORY_GOAL,
        ),
    ]);
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
