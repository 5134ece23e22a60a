//! Medians, ranges and tables. Markdown, so that a report can be pasted as it is.

/// Several measurements of one thing.
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// 0 when there are none.
    pub(crate) fn median(&self) -> f64 {
        let Self(values) = self;
        match values.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => values[odd / 2],
            even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
        }
    }

    /// Between which values the median of endlessly many would be, with a probability of 95 %, whatever
    /// their distribution: the ranks are those of the sign test, n/2 ± 1.96 √n/2. All of them when they
    /// are too few to tell.
    pub(crate) fn median_between(&self) -> (f64, f64) {
        let Self(values) = self;
        let n = values.len() as f64;
        let below = (n / 2.0 - 0.98 * n.sqrt()).round().max(1.0) as usize;
        match values.as_slice() {
            [] => (0.0, 0.0),
            values => (values[below - 1], values[values.len() - below]),
        }
    }

    pub(crate) fn show(&self, format: impl Fn(f64) -> String) -> String {
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
pub(crate) fn machine(kafka: &str) -> String {
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
pub(crate) fn grouped(value: f64) -> String {
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

/// A table in Markdown, laid out.
pub(crate) fn print_table<const N: usize>(head: &[&str; N], rows: &[Vec<String>]) {
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

/// Compares what was measured with goals: what, measured, at most.
pub(crate) fn goals(goals: &[(&str, f64, f64)]) {
    let rows: Vec<_> = goals
        .iter()
        .map(|(what, measured, goal)| {
            let verdict = if measured <= goal {
                "reached"
            } else {
                "missed"
            };
            vec![
                (*what).to_owned(),
                format!("{goal}"),
                format!("{measured:.2}"),
                verdict.to_owned(),
            ]
        })
        .collect();
    print_table(&["goal", "at most", "measured", ""], &rows);
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

    /// The ranks are those in tables of the sign test.
    #[test]
    fn the_median_is_known_the_better_the_more_there_are() {
        let between = |n: u32| Spread::of((1..=n).map(f64::from)).median_between();
        assert_eq!(between(3), (1.0, 3.0));
        assert_eq!(between(10), (2.0, 9.0));
        assert_eq!(between(50), (18.0, 33.0));
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
}
