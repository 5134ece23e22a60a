//! What becomes of single records: their metadata, deletes, and those that cannot be handled.

use std::sync::{Arc, Mutex};

use kafmesh::Error;
use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Seen};
use kafmesh_runtime_tests::{Click, Count, Shape, counting, millis};
use prost::Message as _;

use crate::support::{Running, all, an_hour_ago, config, unique};

const CLICK: &[u8] = &[8, 1];

fn click(key: &'static str) -> Put<'static> {
    Put {
        key: Some(key.as_bytes()),
        value: Some(CLICK),
        ..Put::default()
    }
}

fn counts(records: &[Seen]) -> Vec<(&str, Option<u64>)> {
    let count = |value: &Vec<u8>| Count::decode(&**value).unwrap().count;
    records
        .iter()
        .map(|record| {
            (
                record.key.as_deref().unwrap(),
                record.value.as_ref().map(count),
            )
        })
        .collect()
}

#[tokio::test]
async fn deletes_headers_and_timestamps_are_kept() {
    let shape = Shape::counter(unique("metadata"), 1);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let handled = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&handled);
    let running = Running::handling(mesh, config(state.path()), move |input, context, value| {
        let headers: Vec<_> = context
            .headers()
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .collect();
        let place = (
            context.topic().to_owned(),
            context.partition(),
            context.offset(),
        );
        seen.lock()
            .unwrap()
            .push((place, millis(context.timestamp()), headers));
        counting(input, context, value)
    })
    .await;
    let headers: &[(&str, &[u8])] = &[("trace", b"1"), ("trace", b"2"), ("empty", b"")];
    let topic = shape.topic("clicks");
    let at = an_hour_ago();
    kafka::write(
        &topic,
        [
            Put {
                timestamp: Some(at + 1),
                headers,
                ..click("a")
            },
            Put {
                timestamp: Some(at + 2),
                ..click("b")
            },
            Put {
                timestamp: Some(at + 3),
                value: None,
                ..click("a")
            },
            Put {
                timestamp: Some(at - 1_000_000),
                ..click("a")
            },
            Put {
                timestamp: Some(at + 5),
                value: None,
                ..click("b")
            },
        ],
    );
    GroupWatch::new(&shape.group(), &topic, 1).caught_up().await;
    running.stop().await;

    let handled = handled.lock().unwrap();
    let expected: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
        .collect();
    assert_eq!(handled[0], ((topic.clone(), 0, 0), at + 1, expected));
    assert_eq!(handled[3], ((topic, 0, 3), at - 1_000_000, Vec::new()));

    let totals = kafka::read(&shape.topic("totals"));
    assert_eq!(
        counts(&totals),
        [
            ("a", Some(1)),
            ("b", Some(1)),
            ("a", None),
            ("a", Some(1)),
            ("b", None)
        ]
    );
    let timestamps: Vec<_> = totals
        .iter()
        .map(|record| record.timestamp.unwrap() - at)
        .collect();
    assert_eq!(timestamps, [1, 2, 3, -1_000_000, 5]);
    let changelog = kafka::read(&shape.changelog());
    assert_eq!(
        kafka::last_counts(&shape.changelog()),
        [("a".to_owned(), 1)].into()
    );
    assert_eq!(
        changelog
            .iter()
            .rfind(|record| record.key.as_deref() == Some("b"))
            .unwrap()
            .value,
        None,
        "the state's delete is logged"
    );
}

/// A record at offset 3 that cannot be handled; what is said of it.
struct Bad {
    name: &'static str,
    record: Put<'static>,
    /// After the place.
    said: &'static str,
    /// Whether a handler can do something about it.
    curable: bool,
}

const BAD: &[Bad] = &[
    Bad {
        name: "nokey",
        record: Put {
            key: None,
            value: Some(CLICK),
            partition: Some(0),
            timestamp: None,
            headers: &[],
        },
        said: "cannot decode the record at topic TOPIC, partition 0, offset 3, no key: it has no key, and records are told apart by keys",
        curable: false,
    },
    Bad {
        name: "badkey",
        record: Put {
            key: Some(b"\xffx"),
            value: Some(CLICK),
            partition: Some(0),
            timestamp: None,
            headers: &[],
        },
        said: "cannot decode the record at topic TOPIC, partition 0, offset 3, key \"\\\\xffx\": its key is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0",
        curable: false,
    },
    Bad {
        name: "badvalue",
        record: Put {
            key: Some(b"a"),
            value: Some(b"\xff"),
            partition: Some(0),
            timestamp: None,
            headers: &[],
        },
        said: "cannot decode the record at topic TOPIC, partition 0, offset 3, key \"a\": its value is not a Click: failed to decode Protobuf message: invalid varint",
        curable: true,
    },
    Bad {
        name: "error",
        record: Put {
            key: Some(b"error"),
            value: Some(CLICK),
            partition: Some(0),
            timestamp: None,
            headers: &[],
        },
        said: "cannot handle the record at topic TOPIC, partition 0, offset 3, key \"error\": not this one",
        curable: true,
    },
    Bad {
        name: "panic",
        record: Put {
            key: Some(b"panic"),
            value: Some(CLICK),
            partition: Some(0),
            timestamp: None,
            headers: &[],
        },
        said: "cannot handle the record at topic TOPIC, partition 0, offset 3, key \"panic\": it panicked: out of luck",
        curable: true,
    },
];

async fn stops_at(bad: &Bad) {
    let shape = Shape::counter(unique(bad.name), 1);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let topic = shape.topic("clicks");
    kafka::create(&topic, 1, &[]).await;
    let good = ["a", "b", "a"].map(click);
    kafka::write(
        &topic,
        good.iter()
            .cloned()
            .chain([bad.record.clone()])
            .chain(good.iter().cloned()),
    );
    let group = GroupWatch::new(&shape.group(), &topic, 1);
    let expected = format!(
        "processor counter of component counting stopped: {}",
        bad.said.replace("TOPIC", &topic)
    );
    // The second time, the record is met again.
    for _ in 0..2 {
        let running = Running::handling(mesh, config(state.path()), |input, context, value| {
            // The effects of a record that fails later must not take place.
            context.output(0, context.key(), &Count { count: 1000 });
            context.save_state(Count { count: 1000 });
            match context.key() {
                "error" => return Err(Error::handler("not this one")),
                "panic" => panic!("out of luck"),
                _ => {}
            }
            if let Some(value) = value {
                kafmesh::codegen::v1::decode::<Click>(value)?;
            }
            context.delete_state();
            context.output_delete(0, context.key());
            let _ = (input, value);
            Ok(())
        })
        .await;
        assert_eq!(running.ended().await.unwrap_err().to_string(), expected);
        assert_eq!(group.committed(), [3]);
        let totals = kafka::read(&shape.topic("totals"));
        let keys: Vec<_> = counts(&totals).into_iter().step_by(2).collect();
        assert_eq!(
            keys,
            [("a", Some(1000)), ("b", Some(1000)), ("a", Some(1000))],
            "what came before, and nothing else"
        );
        assert_eq!(kafka::last_counts(&shape.changelog()), [].into());
    }
    if bad.curable {
        let running =
            Running::handling(
                mesh,
                config(state.path()),
                |input, context, value| match value {
                    Some(CLICK) => counting(input, context, value),
                    _ => counting(input, context, Some(CLICK)),
                },
            )
            .await;
        group.caught_up().await;
        running.stop().await;
        let expected = [
            ("a", 2),
            ("b", 1),
            (std::str::from_utf8(bad.record.key.unwrap()).unwrap(), 1),
        ];
        let mut truth = std::collections::BTreeMap::new();
        for (key, count) in expected {
            *truth.entry(key.to_owned()).or_insert(0) += count;
        }
        assert_eq!(
            kafka::last_counts(&shape.changelog()),
            truth,
            "from exactly there"
        );
        assert_eq!(kafka::last_counts(&shape.topic("totals")), truth);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_handled_stops_the_processor_there() {
    all(BAD.iter().map(stops_at)).await;
}

#[tokio::test]
async fn several_inputs_and_outputs_share_a_processor_and_none_starves() {
    let mut shape = Shape::counter(unique("several"), 2);
    shape.inputs = vec!["clicks", "taps", "swipes"];
    shape.outputs = vec!["totals", "doubles"];
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    for input in &shape.inputs {
        kafka::create(&shape.topic(input), 2, &[]).await;
    }
    let keys: Vec<_> = (0..100).map(|key| format!("k{key}")).collect();
    let records = |count: usize| {
        keys.iter()
            .cycle()
            .take(count)
            .map(|key| Put {
                key: Some(key.as_bytes()),
                value: Some(CLICK),
                ..Put::default()
            })
            .collect::<Vec<_>>()
    };
    // One input has far more than the others.
    kafka::write(&shape.topic("clicks"), records(60_000));
    kafka::write(&shape.topic("taps"), records(2_000));
    kafka::write(&shape.topic("swipes"), records(2_000));
    let order = Arc::<Mutex<Vec<usize>>>::default();
    let seen = Arc::clone(&order);
    let running = Running::handling(mesh, config(state.path()), move |input, context, _| {
        seen.lock().unwrap().push(input);
        let mut state = context.state()?;
        state.count += 1;
        context.output(0, context.key(), &state);
        context.output(
            1,
            context.key(),
            &Count {
                count: 2 * state.count,
            },
        );
        context.save_state(state);
        Ok(())
    })
    .await;
    for input in &shape.inputs {
        GroupWatch::new(&shape.group(), &shape.topic(input), 2)
            .caught_up()
            .await;
    }
    running.stop().await;

    let truth: std::collections::BTreeMap<_, _> =
        keys.iter().map(|key| (key.clone(), 640)).collect();
    assert_eq!(kafka::last_counts(&shape.changelog()), truth);
    assert_eq!(kafka::last_counts(&shape.topic("totals")), truth);
    assert_eq!(
        kafka::last_counts(&shape.topic("doubles")),
        truth
            .into_iter()
            .map(|(key, count)| (key, 2 * count))
            .collect()
    );
    let order = order.lock().unwrap();
    for small in [1, 2] {
        let last = order.iter().rposition(|input| *input == small).unwrap();
        assert!(
            last < 40_000,
            "the last record of input {small} came after {last} others"
        );
    }
}
