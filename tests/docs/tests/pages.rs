//! Every page: its blocks are checked, its links lead somewhere, its tables are what the code says.

use std::path::Path;

use kafmesh_docs_tests::block::{self, Block};
use kafmesh_docs_tests::page::{Page, dead_links};
use kafmesh_docs_tests::repository::{self, File};
use kafmesh_docs_tests::rules::commands;
use kafmesh_docs_tests::{section, tables};

const KAFMESH: &str = env!("CARGO_BIN_EXE_kafmesh-in-docs");

/// The pages of the repository; templates are pages of the projects made from them.
fn pages() -> Vec<File> {
    let is_page = |file: &File| file.path.ends_with(".md") && !file.path.contains("/templates/");
    repository::files().into_iter().filter(is_page).collect()
}

/// The pages whose blocks are checked: those for users and for who works on this.
fn is_documentation(path: &str) -> bool {
    path.starts_with("docs/") || !path.contains('/')
}

fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_block_of_code_is_checked() {
    let mut wrong = Vec::new();
    for file in pages().iter().filter(|file| is_documentation(&file.path)) {
        for raw in Page::parse(&file.text).blocks {
            let problem = match Block::of(&raw) {
                Err(problem) => Some(problem),
                Ok(Block::Excerpt(path)) => {
                    let found = block::is_excerpt(&raw.text, &repository::read(&path));
                    (!found).then(|| format!("line {}: is not in {path}", raw.line))
                }
                Ok(Block::Manual) => {
                    let problems = raw
                        .text
                        .lines()
                        .filter_map(|line| commands::problem(line, Path::new(KAFMESH)));
                    problems
                        .map(|problem| format!("line {}: {problem}", raw.line))
                        .next()
                }
                // The tests of kafmesh-mesh-tests run each on Neo4j.
                Ok(Block::Cypher) => None,
                Ok(Block::Mermaid) => block::broken_mermaid(&raw.text)
                    .map(|problem| format!("line {}: {problem}", raw.line)),
                // These need a project, which tests/projects.rs has for the pages it names.
                Ok(Block::File(_) | Block::Append(_) | Block::Run { .. } | Block::Output) => {
                    let followed =
                        include_str!("projects.rs").contains(&format!("\"{}\"", file.path));
                    (!followed).then(|| format!("line {}: no test follows this page", raw.line))
                }
            };
            wrong.extend(problem.map(|problem| format!("{}, {problem}", file.path)));
        }
    }
    none(wrong);
}

#[test]
fn every_link_leads_somewhere() {
    let root = repository::root();
    let anchors = |path: &str| Page::parse(&repository::read(path)).anchors;
    let found = pages()
        .iter()
        .flat_map(|file| {
            dead_links(
                &file.path,
                &Page::parse(&file.text),
                |path| root.join(path).exists(),
                anchors,
            )
        })
        .collect();
    none(found);
}

/// A section that differs is written anew, so that `git diff` shows what has changed, and fails the test.
#[test]
fn generated_sections_are_what_the_code_says() {
    let mut changed = Vec::new();
    for file in pages() {
        let text = section::updated(&file.text, |name| {
            tables::generate(name, Path::new(KAFMESH))
        });
        if text != file.text {
            std::fs::write(repository::root().join(&file.path), text).unwrap();
            changed.push(file.path);
        }
    }
    assert!(
        changed.is_empty(),
        "rewritten: see git diff, run again if it is right: {changed:?}"
    );
}
