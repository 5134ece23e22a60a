//! The report of what a record costs, against the goals.

use std::time::Duration;

use crate::cost::Cost;
use crate::show::{Spread, goals, grouped, print_table};
use crate::work::{Contender, Report};
use crate::workload::{self, Workload};

/// Goals, of CPU microseconds per record and of bytes.
const COUNT_GOAL: f64 = 8.0;
const PASS_THROUGH_GOAL: f64 = 5.0;
const JOIN_GOAL: f64 = 8.0;
const CORE_GOAL: f64 = 1.0;
const MEMORY_GOAL: f64 = 300e6;

/// Everybody, in the order they run.
pub(crate) const CONTENDERS: [Contender; 5] = [
    Contender::Count,
    Contender::PassThrough,
    Contender::Join,
    Contender::Lookup,
    Contender::Bare,
];

/// What all runs reported.
#[derive(Debug, Default)]
pub(crate) struct Results {
    reports: Vec<(Contender, Report)>,
    costs: Vec<Cost>,
}

impl Results {
    pub(crate) fn add(&mut self, contender: Contender, report: Report) {
        self.reports.push((contender, report));
    }

    pub(crate) fn add_cost(&mut self, cost: Cost) {
        self.costs.push(cost);
    }

    /// The median of `contender` so far.
    pub(crate) fn records_per_second(&self, workload: Workload, contender: Contender) -> f64 {
        self.of(contender, |report| rate(workload, report)).median()
    }

    fn of(&self, contender: Contender, value: impl Fn(&Report) -> f64) -> Spread {
        Spread::of(
            self.reports
                .iter()
                .filter(|(whose, _)| *whose == contender)
                .map(|(_, report)| value(report)),
        )
    }

    fn cost(&self, value: impl Fn(&Cost) -> Duration, workload: Workload) -> Spread {
        Spread::of(self.costs.iter().map(|cost| micros(value(cost), workload)))
    }
}

/// As a contender is called in reports.
pub(crate) fn title(contender: Contender) -> &'static str {
    match contender {
        Contender::Count => "count",
        Contender::PassThrough => "pass-through",
        Contender::Join => "join",
        Contender::Lookup => "lookup",
        Contender::Bare => "bare",
    }
}

/// One run in a few words.
pub(crate) fn brief(workload: Workload, report: &Report) -> String {
    format!(
        "{:.2} µs of CPU per record, {} records/s",
        cpu(workload, report),
        grouped(rate(workload, report))
    )
}

/// Prints the report to standard output.
pub(crate) fn print(workload: Workload, runs: u32, results: &Results) {
    println!();
    println!(
        "{} records of {} bytes, {} keys, {} partitions; {runs} runs each in turn: median (lowest – highest)",
        grouped(workload.records as f64),
        workload::VALUE_BYTES,
        grouped(workload.keys as f64),
        crate::cluster::PARTITIONS,
    );
    println!();
    let rows = CONTENDERS.map(|contender| {
        vec![
            title(contender).to_owned(),
            results
                .of(contender, |report| cpu(workload, report))
                .show(|value| format!("{value:.2}")),
            results
                .of(contender, |report| micros(report.system, workload))
                .show(|value| format!("{value:.2}")),
            results
                .of(contender, |report| rate(workload, report))
                .show(grouped),
            results
                .of(contender, |report| report.peak_memory as f64 / 1e6)
                .show(|value| format!("{value:.0}")),
            results
                .of(contender, |report| report.start_up.as_secs_f64())
                .show(|value| format!("{value:.2}")),
        ]
    });
    print_table(
        &[
            "",
            "CPU µs/record",
            "of it system",
            "records/s",
            "peak memory, MB",
            "start-up, s",
        ],
        &rows,
    );

    println!();
    println!("Outside the Kafka client, CPU µs per record of the count:");
    println!();
    type Step = (&'static str, fn(&Cost) -> Duration);
    let steps: [Step; 7] = [
        ("decode", |cost| cost.decode),
        ("handler", |cost| cost.handler),
        ("state", |cost| cost.state),
        ("encode", |cost| cost.encode),
        ("changelog", |cost| cost.changelog),
        ("store", |cost| cost.store),
        ("all", |cost| cost.total),
    ];
    let row = steps
        .map(|(_, step)| {
            results
                .cost(step, workload)
                .show(|value| format!("{value:.3}"))
        })
        .to_vec();
    print_table(&steps.map(|(name, _)| name), &[row]);

    println!();
    let memory = results
        .of(Contender::Count, |report| report.peak_memory as f64)
        .median();
    let memory = memory.max(
        results
            .of(Contender::PassThrough, |report| report.peak_memory as f64)
            .median(),
    );
    goals(&[
        (
            "count, CPU µs/record",
            results
                .of(Contender::Count, |report| cpu(workload, report))
                .median(),
            COUNT_GOAL,
        ),
        (
            "pass-through, CPU µs/record",
            results
                .of(Contender::PassThrough, |report| cpu(workload, report))
                .median(),
            PASS_THROUGH_GOAL,
        ),
        (
            "join, CPU µs/record",
            results
                .of(Contender::Join, |report| cpu(workload, report))
                .median(),
            JOIN_GOAL,
        ),
        (
            "lookup, CPU µs/record",
            results
                .of(Contender::Lookup, |report| cpu(workload, report))
                .median(),
            JOIN_GOAL,
        ),
        (
            "count outside the Kafka client, CPU µs/record",
            results.cost(|cost| cost.total, workload).median(),
            CORE_GOAL,
        ),
        ("peak memory of both, MB", memory / 1e6, MEMORY_GOAL / 1e6),
    ]);
}

/// CPU time per record, in microseconds.
pub(crate) fn cpu(workload: Workload, report: &Report) -> f64 {
    micros(report.user + report.system, workload)
}

/// Records per second.
pub(crate) fn rate(workload: Workload, report: &Report) -> f64 {
    workload.records as f64 / report.working.as_secs_f64()
}

/// A time per record, in microseconds.
pub(crate) fn micros(time: Duration, workload: Workload) -> f64 {
    time.as_secs_f64() * 1e6 / workload.records as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_per_record() {
        let workload = Workload {
            records: 2_000_000,
            keys: 1,
        };
        let report = Report {
            user: Duration::from_secs(10),
            system: Duration::from_secs(2),
            peak_memory: 0,
            start_up: Duration::ZERO,
            working: Duration::from_secs(8),
        };
        assert_eq!(
            brief(workload, &report),
            "6.00 µs of CPU per record, 250,000 records/s"
        );
    }
}
