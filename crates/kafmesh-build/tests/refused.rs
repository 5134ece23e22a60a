//! What a correct definition asks for and cannot become Rust is said once per place, all at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::fs;

/// The diagnostics of generating `component` with `proto`, one line each, without the directory.
fn diagnostics(component: &str, proto: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    fs::create_dir(at("protos")).unwrap();
    let definition = "name: s\noutput:\n  package: d\n  path: d\nmessages:\n  protobuf:\n    - protos\n\
        components:\n  - c.yaml\ndefaults:\n  partition: 1\n  replication: 1\n  retention: 1d\n  segment: 1d\n";
    fs::write(at("definition.yaml"), definition).unwrap();
    fs::write(at("c.yaml"), component).unwrap();
    fs::write(at("protos/p.proto"), proto).unwrap();
    let definition =
        kafmesh_definition::load(&at("definition.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let diagnostics = kafmesh_build::generate(&definition).unwrap_err();
    let prefix = format!("{}/", directory.path().display());
    diagnostics
        .iter()
        .map(|found| found.to_string().replace(&prefix, ""))
        .collect()
}

#[test]
fn names_that_meet_after_being_kept_apart_are_reported() {
    let proto = "syntax = \"proto3\";\npackage set;\nmessage State { int64 n = 1; }\nmessage StateInput { int64 n = 1; }\n";
    let component = "\
name: c
processors:
  - name: p
    inputs:
      - message: set.state
      - message: set.stateInput
";
    assert_eq!(
        diagnostics(component, proto),
        [
            "c.yaml:6:18: two things would become the Rust method `set_state_input` [rust-name-collision]"
        ]
    );
}

#[test]
fn methods_of_a_component_that_meet_are_reported() {
    let proto = "syntax = \"proto3\";\npackage register;\nmessage MapView { int64 n = 1; }\n";
    let component = "\
name: c
sources:
  - message: register.mapView
viewSources:
  - name: map
    message: register.mapView
    topic: map
";
    assert_eq!(
        diagnostics(component, proto),
        [
            "c.yaml:5:11: two things would become the Rust method `register_map_view_source` [rust-name-collision]"
        ]
    );
}

#[test]
fn methods_of_a_driver_that_meet_are_reported() {
    let proto = "syntax = \"proto3\";\npackage set;\nmessage JoinSetName { int64 n = 1; }\nmessage Name { int64 n = 1; }\n";
    let component = "\
name: c
processors:
  - name: p
    inputs:
      - message: set.joinSetName
    joins:
      - message: set.name
";
    assert_eq!(
        diagnostics(component, proto),
        [
            "c.yaml:7:18: two things would become the Rust method `set_join_set_name` [rust-name-collision]"
        ]
    );
}

#[test]
fn protobuf_that_prost_cannot_generate_is_reported() {
    let proto = "\
syntax = \"proto3\";
package user;
message Click { int64 n = 1; }
message FooBar { int64 a = 1; }
message Foo_Bar { int64 a = 1; }
message Outer {
  message InnerType {}
  message inner_type {}
  enum Kind { KIND_UNKNOWN = 0; KIND_A_B = 1; KIND_AB_ = 2; KIND_A__B = 3; UNKNOWN = 4; }
}
";
    let component = "name: c\nsources:\n  - message: user.click\n";
    assert_eq!(
        diagnostics(component, proto),
        [
            "protos/p.proto:5:1: `user.Foo_Bar` and `user.FooBar` would become one Rust type [proto-name-collision]",
            "protos/p.proto:8:3: `inner_type` and `InnerType` would become one Rust type [proto-name-collision]",
            "protos/p.proto:9:61: `KIND_A__B` and `KIND_A_B` would become one Rust variant [proto-name-collision]",
            "protos/p.proto:9:76: `UNKNOWN` and `KIND_UNKNOWN` would become one Rust variant [proto-name-collision]",
        ]
    );
}
