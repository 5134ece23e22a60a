//! The house rules: who may depend on whom, and what may stand where.

use kafmesh_docs_tests::repository;
use kafmesh_docs_tests::rules::{code_map, dependencies, invariants, sources};

fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn dependencies_point_one_way() {
    none(dependencies::wrong_ways(&dependencies::packages()));
}

#[test]
fn what_belongs_to_one_crate_stays_there() {
    none(dependencies::strays(&dependencies::packages()));
}

#[test]
fn every_package_has_a_description_and_the_licence() {
    none(dependencies::unlabelled(&dependencies::packages()));
    assert!(repository::read("LICENSE.md").starts_with("MIT License"));
}

#[test]
fn the_kafka_client_is_named_in_one_module_only() {
    let files = repository::files();
    none(sources::outside_kafka(&files));
    none(sources::past_rdkafka(&files));
}

#[test]
fn unsafe_code_is_where_librdkafka_is_called_only() {
    none(sources::unsafe_code(&repository::files()));
}

#[test]
fn generated_code_names_only_the_runtime() {
    none(sources::foreign_names(&repository::files()));
}

#[test]
fn every_module_says_what_it_owns() {
    none(sources::untitled(&repository::files()));
}

#[test]
fn nothing_names_a_place_of_one_machine() {
    none(sources::places(&repository::files()));
}

#[test]
fn the_code_map_names_the_modules_there_are() {
    let architecture = repository::read("ARCHITECTURE.md");
    assert!(
        architecture.contains("\n## Code map\n"),
        "the code map is not found"
    );
    none(code_map::problems(&architecture, &repository::files()));
}

#[test]
fn every_invariant_is_guarded_by_a_test_that_exists() {
    let architecture = repository::read("ARCHITECTURE.md");
    assert!(
        invariants::items(&architecture).len() >= 10,
        "the invariants are not found"
    );
    none(invariants::unguarded(&architecture, &repository::files()));
}

#[test]
fn every_test_that_the_guarantees_name_exists() {
    let guarantees = repository::read("docs/reference/guarantees.md");
    assert!(
        guarantees.contains("`kafmesh_runtime_tests::"),
        "the tests are not found"
    );
    none(invariants::missing(&guarantees, &repository::files()));
}
