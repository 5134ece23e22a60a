//! The metrics of a service, from the constants that define them.

use super::code;

/// A row per metric; `source` is the text of observe/metrics.rs.
pub(super) fn table(source: &str) -> String {
    let rows = source.split("= Metric {").skip(1).map(|metric| {
        let kind = field(metric, "kind: MetricType::", ",");
        let suffix = match kind {
            "Counter" => "_total",
            "Info" => "_info",
            _ => "",
        };
        let name = format!("kafmesh_{}{suffix}", field(metric, "name: \"", "\""));
        // A long text is on a line of its own.
        let help = field(field(metric, "help:", ",\n"), "\"", "\"");
        vec![code(name), kind.to_lowercase(), help.to_owned()]
    });
    super::table(&["metric", "type", "meaning"], rows)
}

fn field<'a>(metric: &'a str, begin: &str, end: &str) -> &'a str {
    let value = metric
        .split_once(begin)
        .and_then(|(_, rest)| rest.split_once(end));
    value
        .unwrap_or_else(|| panic!("no {begin:?} in {metric}"))
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_from_their_constants() {
        let source = "const A: Metric = Metric {\n    name: \"a\",\n    kind: MetricType::Counter,\n    help: \"One\",\n};\n\
            const B: Metric = Metric {\n    name: \"b_seconds\",\n    kind: MetricType::Histogram,\n    help:\n        \"Two\",\n};";
        assert_eq!(
            table(source),
            "| metric | type | meaning |\n| --- | --- | --- |\n\
             | `kafmesh_a_total` | counter | One |\n| `kafmesh_b_seconds` | histogram | Two |\n"
        );
    }
}
