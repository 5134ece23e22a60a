//! Large definitions load in time that grows with their size, not faster.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod project;

use std::time::{Duration, Instant};

use project::Project;

/// A definition of so many components of five objects each, all with messages of their own.
fn project(components: usize) -> Project {
    let mut files = vec![(
        "definition.yaml".to_owned(),
        "name: s\noutput: {path: out}\nmessages: {protobuf: protos}\ncomponents: ./components/*.yaml\n".to_owned(),
    )];
    for index in 0..components {
        let component = format!(
            "name: component {index}\nsources:\n  - message: p{index}.in\nprocessors:\n  - name: first\n    inputs:\n      - message: p{index}.in\n    \
             outputs:\n      - message: p{index}.out\n    persistence:\n      message: p{index}.state\n  - name: second\n    inputs:\n      - message: p{index}.out\n\
             views:\n  - message: p{index}.out\nsinks:\n  - name: store\n    message: p{index}.out\n"
        );
        files.push((format!("components/c{index}.yaml"), component));
        let proto = format!(
            "syntax = \"proto3\";\npackage p{index};\nmessage In {{}}\nmessage Out {{}}\nmessage State {{}}\n"
        );
        files.push((format!("protos/p{index}.proto"), proto));
    }
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    Project::new(&files)
}

fn time_to_load(project: &Project) -> Duration {
    // The best of three: the others were disturbed.
    let times = (0..3).map(|_| {
        let started = Instant::now();
        project.load("definition.yaml").unwrap();
        started.elapsed()
    });
    times.min().unwrap_or_default()
}

#[test]
fn time_grows_linearly() {
    let (small, large) = (project(125), project(1_000));
    let definition = large.load("definition.yaml").unwrap();
    assert_eq!(definition.components.len(), 1_000);
    assert_eq!(definition.topics.len(), 3_000);
    let (small, large) = (time_to_load(&small), time_to_load(&large));
    println!("125 components: {small:?}, 1,000 components: {large:?}");
    // Eight times the work; quadratic time would be 64 times as much.
    assert!(
        large < small * 30,
        "125 components take {small:?}, 1,000 take {large:?}"
    );
}
