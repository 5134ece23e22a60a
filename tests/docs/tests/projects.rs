//! The pages that build something: everything on them is written, run and compared, in the order a reader meets it.

use std::path::Path;

use kafmesh_docs_tests::page::Page;
use kafmesh_docs_tests::project::Workshop;
use kafmesh_docs_tests::repository;

fn follow(path: &str) {
    // Cargo puts this directory into the one it builds everything in.
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let workshop = Workshop {
        directory: &directory.join("pages"),
        kafmesh: Path::new(env!("CARGO_BIN_EXE_kafmesh-in-docs")),
        target: directory.parent().unwrap_or(directory),
    };
    let page = Page::parse(&repository::read(path));
    if let Err(problem) = workshop.follow(&path.replace('/', "-"), &page) {
        panic!("{problem}");
    }
}

#[test]
fn the_guide_leads_to_a_tested_service() {
    follow("docs/guide.md");
}

#[test]
fn the_example_of_the_definition_is_right() {
    follow("docs/reference/definition.md");
}
