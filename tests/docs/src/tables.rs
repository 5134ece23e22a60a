//! What the generated sections of the reference hold, made from the code they describe.

mod codes;
mod commands;
mod endpoints;
mod fields;
mod findings;
mod metrics;
mod names;
mod settings;
mod variables;

use std::path::Path;

/// The contents of the section called `name`; `kafmesh` is the command line tool.
pub fn generate(name: &str, kafmesh: &Path) -> String {
    match name.split_once(' ').unwrap_or((name, "")) {
        ("codes", "") => codes::all(),
        ("commands", "") => commands::all(kafmesh),
        ("fields", object) => fields::of(object),
        ("endpoints", "") => endpoints::paths(),
        ("problems", "") => endpoints::problems(),
        ("findings", "") => findings::table(),
        ("names", "") => names::examples(),
        ("metrics", "") => metrics::table(&crate::repository::read(
            "crates/kafmesh/src/observe/metrics.rs",
        )),
        ("variables", "") => {
            variables::table(&crate::repository::read("crates/kafmesh/src/config.rs"))
        }
        ("settings", "") => settings::table(),
        ("reserved", "") => variables::reserved(&crate::repository::read(
            "crates/kafmesh/src/kafka/rdkafka/config.rs",
        )),
        _ => panic!("nothing generates the section `{name}`"),
    }
}

pub use variables::names as variables;

/// A table in Markdown.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = row(head.iter().map(ToString::to_string));
    text.push_str(&row(head.iter().map(|_| "---".to_owned())));
    for cells in rows {
        assert_eq!(
            cells.len(),
            head.len(),
            "a row has as many cells as the head: {cells:?}"
        );
        text.push_str(&row(cells.iter().map(|cell| cell.replace('|', "\\|"))));
    }
    text
}

fn row(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells
        .map(|cell| {
            if cell.is_empty() {
                " ".to_owned()
            } else {
                format!(" {cell} ")
            }
        })
        .collect();
    format!("|{}|\n", cells.join("|"))
}

/// A text in Markdown's code form.
fn code(text: impl std::fmt::Display) -> String {
    format!("`{text}`")
}
