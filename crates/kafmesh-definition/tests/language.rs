//! What a correct definition means: defaults, topics, groups, forms of writing, and where things are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod project;

use std::path::Path;
use std::time::Duration;

use kafmesh_definition::Definition;
use kafmesh_definition::model::{Topic, TopicSettings};
use project::Project;

/// A definition of the service `exampleService` with one component, and the messages it may use.
fn example(component: &str) -> Project {
    with_defaults("", component)
}

/// As [`example`], with more lines at the end of the definition.
fn with_defaults(definition: &str, component: &str) -> Project {
    let definition = format!(
        "name: exampleService\noutput: {{path: internal/definitions}}\nmessages: {{protobuf: protos}}\n\
         components: components/*.yaml\n{definition}"
    );
    let component = format!("name: math\n{component}");
    Project::new(&[
        ("definition.yaml", &definition),
        ("components/math.yaml", &component),
        ("protos/all.proto", PROTO),
    ])
}

const PROTO: &str = "\
syntax = \"proto3\";
package userId;
message Click {}
message TotalClicks {}
message State {}
";

const HOUR: Duration = Duration::from_secs(3_600);

fn topic<'a>(definition: &'a Definition, name: &str) -> &'a Topic {
    definition
        .topics
        .iter()
        .find(|topic| topic.name == name)
        .unwrap_or_else(|| panic!("no topic {name}"))
}

fn settings<'a>(definition: &'a Definition, name: &str) -> &'a TopicSettings {
    topic(definition, name)
        .settings
        .as_ref()
        .unwrap_or_else(|| panic!("{name} is not created"))
}

/// Partitions, replicas, compaction, and hours of retention and of a segment.
fn numbers(settings: &TopicSettings) -> (i32, i16, bool, u64, u64) {
    let hours = |duration: Duration| duration.as_secs() / 3_600;
    (
        settings.partitions,
        settings.replication,
        settings.compact,
        hours(settings.retention),
        hours(settings.segment),
    )
}

#[test]
fn the_example_service() {
    let path = Path::new("../../examples/clicks/docs/definition.yaml");
    let definition = kafmesh_definition::load(path).unwrap();
    assert_eq!(definition.name.written(), "exampleService");
    assert_eq!(definition.description, "A example kafmesh service.");
    assert_eq!(definition.file, path);
    assert_eq!(definition.output.package, "definitions");
    assert_eq!(definition.output.path, Path::new("internal/definitions"));
    assert_eq!(definition.output.module, "example-service");

    let [math] = definition.components.as_slice() else {
        panic!("one component")
    };
    assert_eq!(
        (math.name.written(), math.description.as_str()),
        ("math", "Does some simple math.")
    );
    assert_eq!(
        math.file,
        Path::new("../../examples/clicks/docs/components/math.yaml")
    );
    let [source] = math.sources.as_slice() else {
        panic!("one source")
    };
    assert_eq!(source.topic.topic, "exampleService.userId.click");
    assert_eq!(source.topic.proto.to_string(), "userId.Click");
    assert_eq!((source.position.line, source.position.column), (5, 14));
    let [processor] = math.processors.as_slice() else {
        panic!("one processor")
    };
    assert_eq!(processor.name.pascal(), "TotalClicks");
    assert_eq!(processor.group, "exampleService.math.totalClicks");
    assert_eq!(
        (processor.position.line, processor.position.column),
        (8, 11)
    );
    assert_eq!(processor.inputs[0].message.snake(), "user_id_click");
    assert_eq!(
        processor.outputs[0].topic.topic,
        "exampleService.userId.totalClicks"
    );
    let persistence = processor.persistence.as_ref().unwrap();
    assert_eq!(persistence.topic, "exampleService.math.totalClicks-table");
    assert_eq!(persistence.proto.to_string(), "userId.TotalClicksState");
    let [view] = math.views.as_slice() else {
        panic!("one view")
    };
    assert_eq!(view.topic.topic, "exampleService.userId.totalClicks");

    let names: Vec<_> = definition
        .topics
        .iter()
        .map(|topic| topic.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "exampleService.math.totalClicks-table",
            "exampleService.userId.click",
            "exampleService.userId.totalClicks"
        ]
    );
    assert_eq!(
        numbers(settings(&definition, names[0])),
        (10, 3, true, 24, 12)
    );
    assert_eq!(
        numbers(settings(&definition, names[1])),
        (10, 3, false, 24, 12)
    );
    assert_eq!(
        numbers(settings(&definition, names[2])),
        (10, 3, false, 24, 12)
    );

    let files: Vec<_> = definition
        .files
        .iter()
        .map(|file| file.to_str().unwrap())
        .collect();
    assert_eq!(
        files,
        [
            "../../examples/clicks/docs/components/math.yaml",
            "../../examples/clicks/docs/definition.yaml",
            "../../examples/clicks/protos/user_id.proto",
        ]
    );
    let comments = definition.protos.file[0]
        .source_code_info
        .as_ref()
        .unwrap()
        .location
        .iter();
    assert!(
        comments
            .filter_map(|location| location.leading_comments.as_deref())
            .any(|text| text.contains("opened a page"))
    );
}

#[test]
fn settings_come_from_the_object_then_the_defaults_then_the_language() {
    let sources = |settings: &str| format!("sources:\n  - message: userId.click\n{settings}");
    // defaults, settings of the source, (partitions, replicas, compact, retention and segment in hours)
    let cases = [
        ("", "", (10, 1, false, 24, 12)),
        ("defaults:\n", "", (10, 1, false, 24, 12)),
        ("defaults: {partition: 3}\n", "", (3, 1, false, 24, 12)),
        (
            "defaults: {partition: 3, replication: 2, retention: 7d, segment: 1h}\n",
            "",
            (3, 2, false, 168, 1),
        ),
        (
            "defaults: {type: protobuf}\n",
            "    type: protobuf\n",
            (10, 1, false, 24, 12),
        ),
        (
            "defaults: {partition: 3}\n",
            "    partitions: 5\n",
            (5, 1, false, 24, 12),
        ),
        (
            "",
            "    replicas: 3\n    compact: true\n",
            (10, 3, true, 24, 12),
        ),
        ("", "    compact: false\n", (10, 1, false, 24, 12)),
        (
            "",
            "    retention: 1d12h\n    segment: 120m\n",
            (10, 1, false, 36, 2),
        ),
        (
            "",
            "    partitions:\n    retention: null\n    compact: ~\n",
            (10, 1, false, 24, 12),
        ),
    ];
    for (defaults, stated, wanted) in cases {
        let definition = with_defaults(defaults, &sources(stated))
            .load("definition.yaml")
            .unwrap();
        let found = numbers(settings(&definition, "exampleService.userId.click"));
        assert_eq!(found, wanted, "{defaults}{stated}");
    }
}

#[test]
fn tables_are_compacted_and_settable() {
    let project = example(
        "processors:\n  - name: total clicks\n    inputs: {message: userId.click}\n    persistence: {message: userId.state, partitions: 4, compact: true}\n\
         viewSources:\n  - {name: all, message: userId.totalClicks, replicas: 2}\n",
    );
    let definition = project.load("definition.yaml").unwrap();
    assert_eq!(
        numbers(settings(
            &definition,
            "exampleService.math.totalClicks-table"
        )),
        (4, 1, true, 24, 12)
    );
    assert_eq!(
        numbers(settings(&definition, "exampleService.userId.totalClicks")),
        (10, 2, true, 24, 12)
    );
    assert_eq!(
        topic(&definition, "exampleService.userId.click").settings,
        None
    );
}

#[test]
fn who_creates_topics() {
    // an object, whether it creates the topic of userId.click
    let cases = [
        ("sources:\n  - message: userId.click\n", true),
        (
            "viewSources:\n  - {name: all, message: userId.click}\n",
            true,
        ),
        (
            "processors:\n  - {name: p, inputs: {message: userId.state}, outputs: {message: userId.click}}\n",
            true,
        ),
        ("views:\n  - message: userId.click\n", false),
        (
            "views:\n  - {message: userId.click, partitions: 5}\n",
            false,
        ),
        ("sinks:\n  - {name: all, message: userId.click}\n", false),
        (
            "viewSinks:\n  - {name: all, message: userId.click}\n",
            false,
        ),
        (
            "processors:\n  - {name: p, inputs: {message: userId.click}}\n",
            false,
        ),
        (
            "processors:\n  - {name: p, inputs: {message: userId.state}, joins: {message: userId.click}}\n",
            false,
        ),
        (
            "processors:\n  - {name: p, inputs: {message: userId.state}, lookups: {message: userId.click}}\n",
            false,
        ),
    ];
    for (component, creates) in cases {
        let definition = example(component).load("definition.yaml").unwrap();
        let topic = topic(&definition, "exampleService.userId.click");
        assert_eq!(topic.settings.is_some(), creates, "{component}");
    }
}

#[test]
fn readers_agree_with_creators_on_what_they_state_only() {
    let source = "sources:\n  - {message: userId.click, partitions: 5, retention: 7d}\n";
    for view in [
        "views:\n  - message: userId.click\n",
        "views:\n  - {message: userId.click, partitions: 5}\n",
        "viewSinks:\n  - {name: all, message: userId.click, retention: 168h, compact: false}\n",
    ] {
        let definition = example(&format!("{source}{view}"))
            .load("definition.yaml")
            .unwrap();
        assert_eq!(
            numbers(settings(&definition, "exampleService.userId.click")),
            (5, 1, false, 168, 12)
        );
    }
}

#[test]
fn topics_and_groups_are_named_after_what_uses_them() {
    let component = "\
name: Click Math
sources:
  - message: userId.click
views:
  - {message: userId.totalClicks, topic: totals}
processors:
  - name: total-clicks
    inputs:
      - message: userId.click
      - message: vehiclesService.userId.click
    persistence: {message: userId.state}
  - name: by group
    groupName: Old.Group
    inputs: {message: userId.click}
    persistence: {message: userId.state}
  - name: by topic
    inputs: {message: userId.click}
    persistence: {message: userId.state, topic: my-table}
  - name: shares
    inputs: {message: userId.click}
  - name: shares too
    inputs: {message: userId.click}
sinks:
  - {name: Data Warehouse, message: userId.click}
viewSources:
  - {name: Data Warehouse, message: userId.totalClicks}
viewSinks:
  - {name: Data Warehouse, message: userId.totalClicks}
persistence: {message: userId.state}
";
    let definition = "name: example-service\noutput: {path: out}\nmessages: {protobuf: [protos]}\ncomponents: math.yml\n";
    let other = "syntax = \"proto3\";\npackage vehicles_service.user_id;\nmessage Click {}\n";
    let project = Project::new(&[
        ("definition.yml", definition),
        ("math.yml", component),
        ("protos/all.proto", PROTO),
        ("protos/other.proto", other),
    ]);
    let definition = project.load("definition.yml").unwrap();
    let math = &definition.components[0];
    assert_eq!(math.sources[0].topic.topic, "exampleService.userId.click");
    assert_eq!(math.views[0].topic.topic, "totals");
    let groups: Vec<_> = math
        .processors
        .iter()
        .map(|processor| processor.group.as_str())
        .collect();
    assert_eq!(
        groups,
        [
            "exampleService.clickMath.totalClicks",
            "Old.Group",
            "exampleService.clickMath.byTopic",
            "exampleService.clickMath",
            "exampleService.clickMath"
        ]
    );
    let sharing: Vec<_> = math.sharing().map(|it| it.name.written()).collect();
    assert_eq!(sharing, ["shares", "shares too"]);
    let tables: Vec<_> = math
        .processors
        .iter()
        .map(|it| it.persistence.as_ref().unwrap().topic.as_str())
        .collect();
    assert_eq!(
        tables,
        [
            "exampleService.clickMath.totalClicks-table",
            "Old.Group-table",
            "my-table",
            "exampleService.clickMath-table",
            "exampleService.clickMath-table"
        ]
    );
    let other = &math.processors[0].inputs[1];
    assert_eq!(other.topic, "vehiclesService.userId.click");
    assert_eq!(other.proto.to_string(), "vehicles_service.user_id.Click");
    assert_eq!(other.message.snake(), "vehicles_service_user_id_click");
    assert_eq!(
        math.sinks[0].group,
        "exampleService.clickMath.dataWarehouse-sink"
    );
    assert_eq!(
        math.view_sources[0].group,
        "exampleService.clickMath.dataWarehouse-view-source"
    );
    assert_eq!(
        math.view_sinks[0].group,
        "exampleService.clickMath.dataWarehouse-view-sink"
    );
    assert_eq!(
        math.persistence.as_ref().unwrap().topic,
        "exampleService.clickMath-table"
    );
    assert_eq!(definition.output.package, "definitions");
    assert!(definition.topics.is_sorted_by(|a, b| a.name < b.name));
    assert_eq!(math.topic_uses().count(), 17);
}

#[test]
fn one_or_many_may_be_written_either_way() {
    let many = "\
sources:
  - message: userId.click
processors:
  - name: p
    inputs:
      - message: userId.click
    joins:
      - message: userId.totalClicks
    lookups:
      - message: userId.totalClicks
    outputs:
      - message: userId.totalClicks
        description: how many
    persistence:
      - message: userId.state
sinks:
  - {name: s, message: userId.click}
viewSinks: [{name: v, message: userId.totalClicks}]
";
    let one = "\
sources: {message: userId.click}
processors:
  name: p
  inputs: {message: userId.click}
  joins: {message: userId.totalClicks}
  lookups: {message: userId.totalClicks}
  outputs: {message: userId.totalClicks, description: how many}
  persistence: {message: userId.state}
sinks: {name: s, message: userId.click}
viewSinks: {name: v, message: userId.totalClicks}
viewSources: []
views:
";
    let shape = |component: &str| {
        let definition = example(component).load("definition.yaml").unwrap();
        let math = &definition.components[0];
        let uses: Vec<_> = math.topic_uses().map(|usage| usage.topic.clone()).collect();
        (
            uses,
            math.processors[0].outputs[0].description.clone(),
            definition.topics.len(),
        )
    };
    assert_eq!(shape(many), shape(one));
    assert_eq!(shape(one).0.len(), 8);
}

#[test]
fn components_come_in_the_order_of_patterns_and_names_each_once() {
    let definition = "\
name: s
output: {path: out}
components:
  - parts/z.yml
  - ./parts/[a-c]*.yaml
  - parts/**/*.yaml
  - parts/../parts/z.yml
  - ./parts/b?.y*ml
";
    let named = |name: &str| format!("name: {name}\n");
    let names = ["a", "b1", "b2", "deep", "deeper", "hidden", "z"].map(named);
    let project = Project::new(&[
        ("definition.yaml", definition),
        ("parts/a.yaml", &names[0]),
        ("parts/b1.yaml", &names[1]),
        ("parts/b2.yml", &names[2]),
        ("parts/x/deep.yaml", &names[3]),
        ("parts/x/y/deeper.yaml", &names[4]),
        ("parts/.hidden.yaml", &names[5]),
        ("parts/z.yml", &names[6]),
    ]);
    let definition = project.load("definition.yaml").unwrap();
    let found: Vec<_> = definition
        .components
        .iter()
        .map(|component| component.name.written())
        .collect();
    assert_eq!(found, ["z", "a", "b1", "deep", "deeper", "b2"]);
    assert_eq!(
        project.below(&definition.components[3].file),
        "parts/x/deep.yaml"
    );
}

#[test]
fn protos_may_be_directories_and_files_that_import_each_other() {
    let definition = "\
name: s
output: {path: out}
messages:
  protobuf:
    - ./protos
    - ../other/single.proto
components: c.yaml
";
    let nested = "syntax = \"proto3\";\npackage a;\nimport \"shared/types.proto\";\nimport \"google/protobuf/timestamp.proto\";\n\
                  message B { shared.Id id = 1; google.protobuf.Timestamp at = 2; }\n";
    let shared = "syntax = \"proto3\";\npackage shared;\nmessage Id {}\n";
    let single =
        "syntax = \"proto3\";\npackage c;\nimport \"neighbour.proto\";\nmessage D { n.E e = 1; }\n";
    let neighbour = "syntax = \"proto2\";\npackage n;\nmessage E {}\n";
    let project = Project::new(&[
        ("docs/definition.yaml", definition),
        (
            "docs/c.yaml",
            "name: c\nviews: [{message: a.b}, {message: c.d}, {message: n.e}]\n",
        ),
        ("docs/protos/deep/nested.proto", nested),
        ("docs/protos/shared/types.proto", shared),
        ("docs/protos/README.md", "not a proto"),
        ("other/single.proto", single),
        ("other/neighbour.proto", neighbour),
        ("other/unrelated.proto", "this is not compiled"),
    ]);
    let definition = project.load("docs/definition.yaml").unwrap();
    let mut names: Vec<_> = definition
        .protos
        .file
        .iter()
        .map(|file| file.name())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "deep/nested.proto",
            "google/protobuf/timestamp.proto",
            "neighbour.proto",
            "shared/types.proto",
            "single.proto"
        ]
    );
    let files: Vec<_> = definition
        .files
        .iter()
        .map(|file| project.below(file))
        .collect();
    assert_eq!(
        files,
        [
            "docs/c.yaml",
            "docs/definition.yaml",
            "docs/protos/deep/nested.proto",
            "docs/protos/shared/types.proto",
            "other/neighbour.proto",
            "other/single.proto",
        ]
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_never_preferred() {
    let project = example("sources:\n  - message: userId.click\n");
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, project.path(at)).unwrap();
    link("all.proto", "protos/a_link.proto");
    link(".", "protos/again");
    link("../protos", "protos/and_again");
    link("math.yaml", "components/zzz.yaml");
    let definition = project.load("definition.yaml").unwrap();
    let files: Vec<_> = definition
        .files
        .iter()
        .map(|file| project.below(file))
        .collect();
    assert_eq!(
        files,
        [
            "components/math.yaml",
            "definition.yaml",
            "protos/all.proto"
        ]
    );
}

#[test]
fn yaml_in_other_dress() {
    let plain = "sources:\n  - message: userId.click\n    retention: 7d\n";
    let texts = [
        format!("\u{feff}name: math\n{plain}"),
        format!("name: math\n{plain}").replace('\n', "\r\n"),
        format!("---\nname: math\n{plain}...\n"),
        "{name: math, sources: [{message: userId.click, retention: 7d}]}".into(),
        "{\"name\": \"math\", \"sources\": [{\"message\": \"userId.click\", \"retention\": \"7d\"}]}".into(),
        "name: math\nsources:\n- &s {message: &m userId.click, retention: 7d}\nviews: {message: *m}\n".into(),
        "name: math\nsources:\n- message: >-\n    userId.click\n  retention: '7d'\n".into(),
        "name: math\ndescription: |\n  two\n  lines\nsources:\n- {<<: {retention: 7d}, message: userId.click}\n".into(),
    ];
    for text in texts {
        let project = Project::new(&[
            (
                "definition.yaml",
                "name: exampleService\noutput: {path: out}\nmessages: {protobuf: protos}\ncomponents: [math.yaml]\n",
            ),
            ("math.yaml", &text),
            ("protos/all.proto", PROTO),
        ]);
        let definition = project
            .load("definition.yaml")
            .unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert_eq!(
            settings(&definition, "exampleService.userId.click").retention,
            HOUR * 168,
            "{text}"
        );
    }
}

#[test]
fn what_was_read_is_known_even_when_it_is_broken() {
    let project = example("sources:\n  - message: userId.clik\n");
    let diagnostics = project.load("definition.yaml").unwrap_err();
    let files: Vec<_> = diagnostics
        .files()
        .iter()
        .map(|file| project.below(file))
        .collect();
    assert_eq!(
        files,
        [
            "components/math.yaml",
            "definition.yaml",
            "protos/all.proto"
        ]
    );
}

#[test]
fn positions_point_at_what_was_written() {
    let project = example(
        "views:\n- message: userId.click\nprocessors:\n- {name: größe p, inputs: [{message: userId.click}]}\n",
    );
    let definition = project.load("definition.yaml").unwrap();
    let math = &definition.components[0];
    let place = |position: &kafmesh_definition::Position| (position.line, position.column);
    assert_eq!(place(&definition.position), (1, 7));
    assert_eq!(place(&math.position), (1, 7));
    assert_eq!(place(&math.views[0].position), (3, 12));
    assert_eq!(place(&math.processors[0].position), (5, 10));
    assert_eq!(place(&math.processors[0].inputs[0].position), (5, 38));
    assert_eq!(project.below(&math.position.file), "components/math.yaml");
}
