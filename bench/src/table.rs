//! The report: medians and ranges, against the goals. Markdown, so that it can be pasted as it is.

use std::time::Duration;

use crate::cost::Cost;
use crate::work::{Contender, Report};
use crate::workload::{self, Workload};

/// Goals, of CPU microseconds per record and of bytes.
const COUNT_GOAL: f64 = 8.0;
const PASS_THROUGH_GOAL: f64 = 5.0;
const CORE_GOAL: f64 = 1.0;
const MEMORY_GOAL: f64 = 300e6;

const CONTENDERS: [Contender; 3] = [Contender::Count, Contender::PassThrough, Contender::Bare];

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
pub(crate) fn print(workload: Workload, runs: u32, kafka: &str, results: &Results) {
    println!();
    println!(
        "{} records of {} bytes, {} keys, {} partitions; {runs} runs each in turn: median (lowest – highest)",
        grouped(workload.records as f64),
        workload::VALUE_BYTES,
        grouped(workload.keys as f64),
        crate::cluster::PARTITIONS,
    );
    println!("{}", machine(kafka));
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
    let goals = [
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
            "count outside the Kafka client, CPU µs/record",
            results.cost(|cost| cost.total, workload).median(),
            CORE_GOAL,
        ),
        ("peak memory of both, MB", memory / 1e6, MEMORY_GOAL / 1e6),
    ];
    let rows = goals.map(|(what, measured, goal)| {
        let verdict = if measured <= goal {
            "reached"
        } else {
            "missed"
        };
        vec![
            what.to_owned(),
            format!("{goal}"),
            format!("{measured:.2}"),
            verdict.to_owned(),
        ]
    });
    print_table(&["goal", "at most", "measured", ""], &rows);
}

fn cpu(workload: Workload, report: &Report) -> f64 {
    micros(report.user + report.system, workload)
}

fn rate(workload: Workload, report: &Report) -> f64 {
    workload.records as f64 / report.working.as_secs_f64()
}

fn micros(time: Duration, workload: Workload) -> f64 {
    time.as_secs_f64() * 1e6 / workload.records as f64
}

/// Several measurements of one thing.
struct Spread(Vec<f64>);

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// 0 when there are none.
    fn median(&self) -> f64 {
        let Self(values) = self;
        match values.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => values[odd / 2],
            even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
        }
    }

    fn show(&self, format: impl Fn(f64) -> String) -> String {
        match self.0.as_slice() {
            [] => String::new(),
            [only] => format(*only),
            [lowest, .., highest] => format!(
                "{} ({} – {})",
                format(self.median()),
                format(*lowest),
                format(*highest)
            ),
        }
    }
}

/// What the numbers depend on.
fn machine(kafka: &str) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("CPUs", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{cores} × {model}, {} {}; Apache Kafka: {kafka}, librdkafka {}, kafmesh {}",
        std::env::consts::OS,
        kernel.trim(),
        rdkafka::util::get_rdkafka_version().1,
        env!("CARGO_PKG_VERSION"),
    )
}

/// A whole number with a comma per thousand.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn print_table<const N: usize>(head: &[&str; N], rows: &[Vec<String>]) {
    let mut widths = head.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<_> = cells
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        println!("| {} |", cells.join(" | "));
    };
    line(&mut head.iter().copied());
    println!("|{}|", widths.map(|width| "-".repeat(width + 2)).join("|"));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ranges() {
        let show =
            |values: &[f64]| Spread::of(values.iter().copied()).show(|value| format!("{value:.1}"));
        assert_eq!(show(&[3.0, 1.0, 2.0]), "2.0 (1.0 – 3.0)");
        assert_eq!(show(&[4.0, 1.0, 2.0, 3.0]), "2.5 (1.0 – 4.0)");
        assert_eq!(show(&[1.0]), "1.0");
    }

    #[test]
    fn thousands_are_grouped() {
        for (value, text) in [
            (7.0, "7"),
            (999.6, "1,000"),
            (123_456.0, "123,456"),
            (2e6, "2,000,000"),
        ] {
            assert_eq!(grouped(value), text);
        }
    }

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
