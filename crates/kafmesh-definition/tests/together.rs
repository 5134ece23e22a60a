//! Several definitions checked together.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod project;

use kafmesh_definition::{Diagnostics, check_together};
use project::Project;

const PROTO: &str = "syntax = \"proto3\";\npackage userId;\nmessage Click {}\nmessage Other {}\n";

fn checked(services: &[(&str, &str)]) -> (Project, Diagnostics) {
    let mut files = vec![("protos/all.proto".to_owned(), PROTO.to_owned())];
    for (index, (name, component)) in services.iter().enumerate() {
        let definition = format!(
            "name: {name}\noutput: {{path: out}}\nmessages: {{protobuf: ../protos}}\ncomponents: component.yaml\n"
        );
        files.push((format!("{index}/definition.yaml"), definition));
        files.push((
            format!("{index}/component.yaml"),
            format!("name: math\n{component}"),
        ));
    }
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let project = Project::new(&files);
    let definitions: Vec<_> = (0..services.len())
        .map(|index| project.load(&format!("{index}/definition.yaml")).unwrap())
        .collect();
    let diagnostics = check_together(&definitions.iter().collect::<Vec<_>>());
    (project, diagnostics)
}

fn messages((project, diagnostics): &(Project, Diagnostics)) -> Vec<String> {
    diagnostics
        .iter()
        .map(|it| {
            let file = project.below(it.file());
            format!(
                "{file}:{}:{} {} [{}]",
                it.line(),
                it.column(),
                it.message,
                it.code
            )
        })
        .collect()
}

#[test]
fn services_that_agree() {
    let source = "sources: {message: userId.click, topic: clicks, partitions: 4}\n";
    let same = "sources: {message: userId.click, topic: clicks, partitions: 4}\n";
    let reader = "views: {message: userId.click, topic: clicks}\n";
    assert!(
        checked(&[("a", source), ("b", same), ("c", reader)])
            .1
            .is_empty()
    );
    assert!(checked(&[]).1.is_empty());
}

#[test]
fn one_topic_created_with_two_settings() {
    let checked = checked(&[
        (
            "a",
            "sources: {message: userId.click, topic: clicks, partitions: 4, retention: 7d}\n",
        ),
        ("b", "views: {message: userId.click, topic: clicks}\n"),
        (
            "c",
            "sources: {message: userId.click, topic: clicks, partitions: 5}\n",
        ),
    ]);
    assert_eq!(
        messages(&checked),
        [
            "2/component.yaml:2:20 the topic `clicks` is created differently by `c` and `a` [topic-settings-conflict]"
        ]
    );
    let diagnostic = checked.1.iter().next().unwrap();
    assert_eq!(
        diagnostic.label.as_deref(),
        Some("partitions 5, retention 24h")
    );
    assert_eq!(diagnostic.related[0].message, "partitions 4, retention 7d");
    assert!(
        diagnostic.related[0]
            .position
            .file
            .ends_with("0/component.yaml")
    );
}

#[test]
fn readers_that_expect_other_settings() {
    let checked = checked(&[
        (
            "b",
            "views: {message: userId.click, topic: clicks, partitions: 4, retention: 1d}\n",
        ),
        (
            "a",
            "sources: {message: userId.click, topic: clicks, partitions: 5}\n",
        ),
    ]);
    assert_eq!(
        messages(&checked),
        [
            "0/component.yaml:2:59 the topic `clicks` is stated to have `partitions` 4, and `a` creates it with 5 \
             [topic-settings-conflict]"
        ]
    );
}

#[test]
fn one_topic_with_two_messages() {
    let checked = checked(&[
        ("a", "sources: {message: userId.click, topic: clicks}\n"),
        ("b", "views: {message: userId.other, topic: clicks}\n"),
    ]);
    assert_eq!(
        messages(&checked),
        [
            "1/component.yaml:2:18 the topic `clicks` holds userId.Other in `b` and userId.Click in `a` [topic-type-conflict]"
        ]
    );
}

#[test]
fn groups_and_services_of_one_name() {
    let processor = "processors: {name: p, groupName: shared, inputs: {message: userId.click}}\n";
    let checked = checked(&[("a", processor), ("b", processor), ("A", processor)]);
    assert_eq!(
        messages(&checked),
        [
            "1/component.yaml:2:20 two services use the consumer group `shared` [duplicate-group]",
            "2/definition.yaml:1:7 two services are named `a` [duplicate-service]",
        ]
    );
}

#[test]
fn partition_counts_that_a_processor_needs_equal() {
    let clicks = "sources: {message: userId.click, topic: clicks, partitions: 4}\n";
    let others = "sources: {message: userId.other, topic: others, partitions: 6}\n";
    let processor = "\
processors:
  name: p
  inputs: {message: userId.click, topic: clicks}
  joins: {message: userId.other, topic: others}
";
    let checked = checked(&[("a", clicks), ("b", others), ("c", processor)]);
    assert_eq!(
        messages(&checked),
        [
            "2/component.yaml:5:20 the topic `others` has 6 partitions and `clicks` has 4, and the processor \
             `p` needs them equal [partition-counts-differ]"
        ]
    );
    let related: Vec<_> = checked.1.iter().next().unwrap().related.iter().collect();
    let places = related.iter().map(|label| {
        (
            checked.0.below(&label.position.file),
            label.message.as_str(),
        )
    });
    assert_eq!(
        places.collect::<Vec<_>>(),
        [
            ("2/component.yaml", "an input with 4 partitions"),
            ("1/component.yaml", "created here with 6 partitions"),
            ("0/component.yaml", "created here with 4 partitions"),
        ]
    );
}
