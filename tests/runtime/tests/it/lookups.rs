//! Global tables: complete before a processor joins its group, shared with views.

use std::collections::BTreeMap;
use std::time::Duration;

use kafmesh::codegen::v1::{Context, Service};
use kafmesh::{Result, View};
use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Writer, eventually};
use kafmesh_runtime_tests::{Count, Handle, Shape};
use prost::Message as _;

use crate::support::{Running, config, unique};

const COMPACTED: &[(&str, &str)] = &[("cleanup.policy", "compact")];

/// Looks clicks up in `names`.
fn shape(name: &str) -> Shape {
    Shape {
        lookups: vec!["names"],
        state: false,
        ..Shape::counter(unique(name), 2)
    }
}

/// Puts out what is under the key reversed, which mostly lies in another partition, or a delete.
fn looking_up(_: usize, context: &mut Context<'_, Count>, _: Option<&[u8]>) -> Result<()> {
    let reversed: String = context.key().chars().rev().collect();
    match context.lookup::<Count>(0, &reversed)? {
        Some(name) => context.output(0, context.key(), &name),
        None => context.output_delete(0, context.key()),
    }
    Ok(())
}

fn put(writer: &Writer, topic: &str, key: &str, value: Option<&[u8]>) {
    writer.put(
        topic,
        Put {
            key: Some(key.as_bytes()),
            value,
            ..Put::default()
        },
    );
}

fn clicks(shape: &Shape) -> GroupWatch {
    GroupWatch::new(&shape.group(), &shape.topic("clicks"), shape.partitions)
}

#[tokio::test]
async fn a_lookup_is_complete_over_all_partitions_before_the_first_record() {
    let shape = shape("lookup");
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let names = shape.topic("names");
    // Not co-partitioned.
    kafka::create(&names, 5, COMPACTED).await;
    kafka::create(&shape.topic("clicks"), 2, &[]).await;
    let writer = Writer::new();
    for number in 1..=50_000_u64 {
        let name = Count { count: number }.encode_to_vec();
        put(
            &writer,
            &names,
            &format!("{}", number % 10_000),
            Some(&name),
        );
    }
    put(&writer, &names, "321", None);
    let mut truth = BTreeMap::new();
    for number in 1000..2000_u64 {
        let key = number.to_string();
        put(&writer, &shape.topic("clicks"), &key, Some(&[8, 1]));
        let reversed: String = key.chars().rev().collect();
        // A leading zero is no number's text.
        if !reversed.starts_with('0') {
            truth.insert(key, 40_000 + reversed.parse::<u64>().unwrap());
        }
    }
    put(&writer, &shape.topic("clicks"), "123", Some(&[8, 1]));
    writer.finish();

    let mut service = Service::connect(config(state.path()), mesh.service)
        .await
        .unwrap();
    let registry = service.registry();
    registry
        .register_processor(mesh.component, Handle::new(mesh.processor, looking_up))
        .unwrap();
    let running = Running::start(service);
    clicks(&shape).caught_up().await;
    let totals = shape.topic("totals");
    assert_eq!(kafka::last_counts(&totals), truth);

    // It is followed.
    put(&writer, &names, "321", Some(&[8, 7]));
    put(&writer, &names, "1111", None);
    writer.finish();
    truth.remove("1111");
    truth.insert("123".to_owned(), 7);
    eventually("the lookup follows", || {
        for key in ["123", "1111"] {
            put(&writer, &shape.topic("clicks"), key, Some(&[8, 1]));
        }
        writer.finish();
        kafka::last_counts(&totals) == truth
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn an_empty_lookup_is_ready_at_once_and_one_table_serves_a_view_too() {
    let shape = Shape {
        // The view of the output is the lookup's table as well.
        lookups: vec!["totals", "names"],
        ..shape("shared")
    };
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    kafka::create(&shape.topic("names"), 3, COMPACTED).await;
    let mut service = Service::connect(config(state.path()), mesh.service)
        .await
        .unwrap();
    let registry = service.registry();
    let view: View<Count> = registry
        .view(mesh.component, mesh.component.views[0])
        .unwrap();
    // Counts with the output as its only state.
    let counting = |_: usize, context: &mut Context<'_, Count>, _: Option<&[u8]>| {
        assert_eq!(context.lookup::<Count>(1, "nobody")?, None);
        let before: Option<Count> = context.lookup(0, context.key())?;
        let count = before.unwrap_or_default().count + 1;
        context.output(0, context.key(), &Count { count });
        Ok(())
    };
    registry
        .register_processor(mesh.component, Handle::new(mesh.processor, counting))
        .unwrap();
    let running = Running::start(service);
    for count in 1..=3 {
        kafka::write(
            &shape.topic("clicks"),
            [Put {
                key: Some(b"a"),
                value: Some(&[8, 1]),
                ..Put::default()
            }],
        );
        eventually("the view has the count", || {
            view.get("a")
                .is_ok_and(|seen| seen == Some(Count { count }))
        })
        .await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_lookup_of_what_cannot_be_read_stops_the_processor_at_its_record() {
    let shape = shape("unreadable");
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let names = shape.topic("names");
    kafka::create(&names, 1, COMPACTED).await;
    let running = Running::handling(mesh, config(state.path()), looking_up).await;
    let writer = Writer::new();
    let clicked = |key: &'static str| Put {
        key: Some(key.as_bytes()),
        value: Some(&[8, 1]),
        partition: Some(0),
        ..Put::default()
    };
    writer.put(&shape.topic("clicks"), clicked("12"));
    writer.finish();
    clicks(&shape).reached(1).await;
    // While it runs, somebody writes what is not a message of the type.
    put(&writer, &names, "21", Some(b"\xff"));
    writer.finish();
    let error = {
        let mut ended = std::pin::pin!(running.ended());
        loop {
            // It sees the entry when its copy has it.
            writer.put(&shape.topic("clicks"), clicked("12"));
            writer.finish();
            let soon = tokio::time::timeout(Duration::from_millis(50), &mut ended);
            if let Ok(ended) = soon.await {
                break ended.unwrap_err().to_string();
            }
        }
    };
    // The record it stopped at is the first that is not committed.
    let committed = clicks(&shape).committed();
    let says = format!(
        "processor counter of component counting stopped: cannot handle the record at topic {}, partition 0, offset {}, key \"12\": the entry of key \"21\" in the local table of {names} cannot be read: its value is not a Count: ",
        shape.topic("clicks"),
        committed[0]
    );
    assert!(error.starts_with(&says), "{error}\n{says}");
}

#[tokio::test]
async fn a_lookup_that_cannot_be_followed_any_more_stops_the_service_and_is_named() {
    let shape = shape("failing");
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let names = shape.topic("names");
    kafka::create(&names, 1, COMPACTED).await;
    let running = Running::handling(mesh, config(state.path()), looking_up).await;
    let writer = Writer::new();
    put(&writer, &shape.topic("clicks"), "12", Some(&[8, 1]));
    writer.finish();
    clicks(&shape).caught_up().await;
    kafka::delete(&names).await;
    let error = running.ended().await.unwrap_err().to_string();
    let says = format!(
        "following topic {names}: it was deleted, or created anew, while its local copy was in use; start the service again to rebuild the copy"
    );
    assert_eq!(error, says);
}

#[tokio::test]
async fn a_lookup_whose_topic_does_not_exist_is_named() {
    let shape = shape("missing");
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let running = Running::handling(mesh, config(state.path()), looking_up).await;
    let error = running.ended().await.unwrap_err().to_string();
    let names = shape.topic("names");
    let says = format!("{names} does not exist; processor counter of component counting needs it");
    assert!(error.contains(&says), "{error}");
}
