//! A service as tables: its objects, and its topics.

use std::time::Duration;

use kafmesh_definition::Definition;
use kafmesh_definition::model::{Component, Topic, TopicUse};
use unicode_width::UnicodeWidthStr as _;

use crate::terminal::{HEADING, printable};

pub(super) fn render(definition: &Definition) -> String {
    let mut text = format!(
        "{HEADING}{}{HEADING:#}\n",
        printable(definition.name.written())
    );
    for line in definition.description.trim().lines() {
        text.push_str(&format!("{}\n", printable(line)));
    }

    let mut objects = Table::new([
        "COMPONENT",
        "OBJECT",
        "NAME",
        "ROLE",
        "MESSAGE",
        "TOPIC",
        "GROUP",
    ]);
    for component in &definition.components {
        rows(component, &mut objects);
    }
    let mut topics = Table::new([
        "TOPIC",
        "PARTITIONS",
        "REPLICATION",
        "CLEANUP",
        "RETENTION",
        "SEGMENT",
    ]);
    for topic in &definition.topics {
        topics.row(settings(topic));
    }
    text.push('\n');
    objects.render(&mut text);
    text.push('\n');
    topics.render(&mut text);
    text
}

fn rows(component: &Component, table: &mut Table<7>) {
    let component_name = component.name.written();
    let mut row = |object: &str, name: &str, role: &str, topic: &TopicUse, group: &str| {
        let message = topic.message.written();
        table.row([
            component_name,
            object,
            name,
            role,
            message,
            &topic.topic,
            group,
        ]);
    };
    for source in &component.sources {
        row("source", "", "writes", &source.topic, "");
    }
    for processor in &component.processors {
        let (name, group) = (processor.name.written(), processor.group.as_str());
        for (role, topics) in [
            ("input", &processor.inputs),
            ("join", &processor.joins),
            ("lookup", &processor.lookups),
        ] {
            for topic in topics {
                row("processor", name, role, topic, group);
            }
        }
        for output in &processor.outputs {
            row("processor", name, "output", &output.topic, group);
        }
        if let Some(topic) = &processor.persistence {
            let role = if processor.shares_state {
                "shared state"
            } else {
                "state"
            };
            row("processor", name, role, topic, group);
        }
    }
    for sink in &component.sinks {
        row(
            "sink",
            sink.name.written(),
            "reads",
            &sink.topic,
            &sink.group,
        );
    }
    for view in &component.views {
        row("view", "", "reads", &view.topic, "");
    }
    for source in &component.view_sources {
        row(
            "view source",
            source.name.written(),
            "writes",
            &source.topic,
            &source.group,
        );
    }
    for sink in &component.view_sinks {
        row(
            "view sink",
            sink.name.written(),
            "reads",
            &sink.topic,
            &sink.group,
        );
    }
}

fn settings(topic: &Topic) -> [String; 6] {
    let name = topic.name.clone();
    match &topic.settings {
        None => {
            let stated = topic
                .expected
                .iter()
                .find(|expected| expected.setting == "partitions");
            let partitions = stated.map_or_else(
                || "must exist already".to_owned(),
                |stated| format!("must exist with {}", stated.value),
            );
            let nothing = String::new;
            [name, partitions, nothing(), nothing(), nothing(), nothing()]
        }
        Some(settings) => [
            name,
            settings.partitions.to_string(),
            settings.replication.to_string(),
            if settings.compact {
                "compact"
            } else {
                "delete"
            }
            .to_owned(),
            duration(settings.retention),
            duration(settings.segment),
        ],
    }
}

/// A duration in the largest unit that gives a whole number: `24h`, `90m`.
fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ]
    .into_iter()
    // A day is written as 24h, as most do; whole numbers of days above that as days.
    .find(|(unit, name)| {
        milliseconds > 0
            && milliseconds.is_multiple_of(*unit)
            && (*name != "d" || milliseconds > *unit)
    })
    .map_or_else(
        || format!("{milliseconds}ms"),
        |(unit, name)| format!("{}{name}", milliseconds / unit),
    )
}

/// Columns as wide as what is in them; empty columns are left out.
struct Table<const N: usize> {
    heads: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    fn new(heads: [&'static str; N]) -> Self {
        Self {
            heads,
            rows: Vec::new(),
        }
    }

    fn row(&mut self, cells: [impl AsRef<str>; N]) {
        self.rows.push(cells.map(|cell| printable(cell.as_ref())));
    }

    fn render(&self, text: &mut String) {
        let widths: [usize; N] = std::array::from_fn(|column| {
            let widest = self
                .rows
                .iter()
                .map(|row| row[column].width())
                .max()
                .unwrap_or(0);
            if widest == 0 {
                0
            } else {
                widest.max(self.heads[column].width())
            }
        });
        let heads = self.heads.map(str::to_owned);
        for (index, row) in std::iter::once(&heads).chain(&self.rows).enumerate() {
            let cells = row.iter().zip(widths).filter(|(_, width)| *width > 0);
            let line: String = cells
                .map(|(cell, width)| format!("{cell}{}  ", " ".repeat(width - cell.width())))
                .collect();
            let line = line.trim_end();
            if index == 0 {
                text.push_str(&format!("{HEADING}{line}{HEADING:#}\n"));
            } else {
                text.push_str(&format!("{line}\n"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_largest_whole_unit() {
        let shown = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(shown(86_400), "24h");
        assert_eq!(shown(7 * 86_400), "7d");
        assert_eq!(shown(5_400), "90m");
        assert_eq!(shown(61), "61s");
        assert_eq!(shown(0), "0ms");
        assert_eq!(duration(Duration::from_millis(1_500)), "1500ms");
    }

    #[test]
    fn columns_line_up_and_empty_ones_go() {
        let mut table = Table::new(["A", "EMPTY", "B"]);
        table.row(["größe", "", "x"]);
        table.row(["日本", "", "y\n"]);
        let mut text = String::new();
        table.render(&mut text);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain, "A      B\ngröße  x\n日本   y\\n\n");
    }
}
