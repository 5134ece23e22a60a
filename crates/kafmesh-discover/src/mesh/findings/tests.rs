//! Findings of small meshes.

use super::*;
use crate::mesh::actual::Lag;
use crate::mesh::sample::{
    actual, catalog, compacted, component, partitions, pods, processor, service, sink, used, whole,
};

/// What is found, as `kind subject`, in order.
fn kinds(catalog: &Catalog, actual: Option<&Actual>) -> Vec<String> {
    let found = findings(catalog, actual);
    found
        .iter()
        .map(|finding| {
            let kind = serde_json::to_value(finding.kind).unwrap();
            format!("{} {}", kind.as_str().unwrap(), finding.subject)
        })
        .collect()
}

#[test]
fn a_mesh_in_order_has_no_findings() {
    let catalog = catalog(whole());
    let topics = [("clicks", 4), ("totals", 4), ("count-table", 4)];
    let actual = actual(&topics, &[("count", Some(1)), ("ship", None)]);
    assert_eq!(kinds(&catalog, None), Vec::<String>::new());
    assert_eq!(kinds(&catalog, Some(&actual)), Vec::<String>::new());
}

#[test]
fn what_kafka_has_otherwise_is_found() {
    let catalog = catalog(whole());
    let topics = [("clicks", 3), ("count-table", 4)];
    let mut actual = actual(&topics, &[("count", Some(0)), ("other", Some(2))]);
    actual.missing_topics.insert("totals".to_owned());
    actual.missing_groups.insert("ship".to_owned());
    assert_eq!(
        kinds(&catalog, Some(&actual)),
        [
            "missing-topic totals",
            "partition-count-differs clicks",
            "group-without-members count",
            "group-without-members ship",
            "undeclared-group other",
        ]
    );
}

#[test]
fn topics_that_lead_nowhere_or_come_from_nowhere_are_found() {
    let only_source = service("a", component(&["unread"], Vec::new()), &[]);
    let only_sink = service("b", sink("unwritten", "g"), &[]);
    assert_eq!(
        kinds(&catalog([only_source, only_sink]), None),
        ["unknown-producer unwritten", "unread-topic unread"]
    );
}

#[test]
fn two_writers_of_a_table_are_found() {
    let writer = |name| {
        service(
            name,
            component(&["table"], Vec::new()),
            &[("table", compacted())],
        )
    };
    let reader = service("r", sink("table", "g"), &[]);
    assert_eq!(
        kinds(&catalog([writer("a"), writer("b"), reader.clone()]), None),
        ["several-writers table"]
    );
    assert_eq!(
        kinds(&catalog([writer("a"), reader]), None),
        Vec::<String>::new()
    );
}

#[test]
fn processors_that_share_a_table_write_it_as_one_group() {
    let both = |second: &str| {
        let mut second = processor("q", second, "clicks", "totals");
        second.persistence = Some(used("g-table"));
        let processors = vec![processor("p", "g", "clicks", "totals"), second];
        let writer = service("w", component(&["clicks"], processors), &[]);
        catalog([writer, service("r", sink("totals", "s"), &[])])
    };
    assert_eq!(kinds(&both("g"), None), Vec::<String>::new());
    assert_eq!(kinds(&both("h"), None), ["several-writers g-table"]);
}

#[test]
fn contradictions_between_definitions_are_found() {
    let writer = |name, settings| service(name, component(&["t"], Vec::new()), &[("t", settings)]);
    let mut reader = sink("t", "g");
    reader.sinks[0].message = "other".to_owned();
    let all = [
        writer("a", partitions(1)),
        writer("b", partitions(2)),
        service("r", reader, &[]),
    ];
    let catalog = catalog(all);
    assert_eq!(
        kinds(&catalog, None),
        ["settings-differ t", "messages-differ t"]
    );
    let found = &findings(&catalog, None)[0];
    assert!(
        found
            .message
            .starts_with("a, b create it with 2 different settings; ")
    );
    assert_eq!(found.objects.len(), 2);
}

#[test]
fn what_no_live_process_says_any_more_contradicts_nobody() {
    let version = |count, message: &str| {
        let mut component = component(&["t"], Vec::new());
        component.sources[0].message = message.to_owned();
        service("a", component, &[("t", partitions(count))])
    };
    let reader = service("r", sink("t", "g"), &[]);
    let found = |old_is_live| {
        let said = [
            (version(4, "m.t"), true),
            (version(2, "old"), old_is_live),
            (reader.clone(), true),
        ];
        let actual = actual(&[("t", 4)], &[("g", Some(1))]);
        kinds(&Catalog::new(&pods(said)), Some(&actual))
    };
    assert_eq!(found(false), Vec::<String>::new());
    assert_eq!(
        found(true),
        [
            "partition-count-differs t",
            "settings-differ t",
            "messages-differ t"
        ]
    );
}

#[test]
fn versions_that_differ_in_another_setting_have_one_wrong_partition_count() {
    let version = |settings| service("a", component(&["t"], Vec::new()), &[("t", settings)]);
    let all = [version(partitions(4)), version(compacted())];
    let reader = service("r", sink("t", "g"), &[]);
    let actual = actual(&[("t", 3)], &[("g", Some(1))]);
    assert_eq!(
        kinds(&catalog(all.into_iter().chain([reader])), Some(&actual)),
        ["partition-count-differs t", "settings-differ t"]
    );
}

#[test]
fn a_stale_service_does_not_contradict_a_live_one() {
    let writer = |name, count, message: &str| {
        let mut component = component(&["t"], Vec::new());
        component.sources[0].message = message.to_owned();
        service(name, component, &[("t", partitions(count))])
    };
    let found = |is_live| {
        let said = [
            (writer("a", 1, "other"), is_live),
            (writer("b", 4, "m.t"), true),
            (service("r", sink("t", "g"), &[]), true),
        ];
        kinds(&Catalog::new(&pods(said)), None)
    };
    assert_eq!(found(false), Vec::<String>::new());
    assert_eq!(found(true), ["settings-differ t", "messages-differ t"]);
}

#[test]
fn what_kafka_does_not_tell_of_is_neither_missing_nor_different() {
    let silent = actual(&[], &[]);
    assert_eq!(
        kinds(&catalog(whole()), Some(&silent)),
        Vec::<String>::new()
    );
}

#[test]
fn an_undeclared_group_is_told_with_its_topics() {
    let mut actual = actual(
        &[("clicks", 4), ("totals", 4), ("count-table", 4)],
        &[("count", Some(1)), ("ship", Some(1)), ("other", Some(2))],
    );
    let group = actual.groups.get_mut("other").unwrap();
    group.lag = Some([("clicks".to_owned(), Lag::default())].into());
    let found = findings(&catalog(whole()), Some(&actual));
    assert_eq!(
        found[0].message,
        "it is a consumer of clicks, and no process that is known declares it"
    );
}
