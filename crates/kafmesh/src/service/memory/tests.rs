//! A service of a view source, a sink and a view sink over one topic.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::codegen::v1::{
    ComponentDescriptor, ServiceDescriptor, SinkDescriptor, TopicDescriptor, TopicUse,
    ViewSinkDescriptor, ViewSourceDescriptor,
};
use crate::error::{Error, Result};
use crate::sink::{Batching, Sink, SinkRecord};
use crate::sync::{Schedule, Updates, ViewSink, ViewSource};
use crate::testing::ServiceTest;
use crate::view::View;

const CUSTOMERS: TopicUse = TopicUse {
    topic: "s.customers",
    message: "customers",
    message_type: "Customers",
};

static SERVICE: ServiceDescriptor = ServiceDescriptor {
    name: "s",
    description: "",
    topics: &[TopicDescriptor {
        name: CUSTOMERS.topic,
        settings: None,
        expected_partitions: None,
    }],
    components: &[&COMPONENT],
    files: b"",
};

static COMPONENT: ComponentDescriptor = ComponentDescriptor {
    name: "c",
    description: "",
    sources: &[],
    processors: &[],
    views: &[],
    sinks: &[&SINK],
    view_sources: &[&VIEW_SOURCE],
    view_sinks: &[&VIEW_SINK],
};

static SINK: SinkDescriptor = SinkDescriptor {
    name: "warehouse",
    description: "",
    group: "s.c.warehouse-sink",
    topic: CUSTOMERS,
};

static VIEW_SOURCE: ViewSourceDescriptor = ViewSourceDescriptor {
    name: "directory",
    description: "",
    group: "s.c.directory-view-source",
    topic: CUSTOMERS,
};

static VIEW_SINK: ViewSinkDescriptor = ViewSinkDescriptor {
    name: "report",
    description: "",
    group: "s.c.report-view-sink",
    topic: CUSTOMERS,
};

type Entries = BTreeMap<&'static str, u64>;

/// An external system of each kind.
#[derive(Clone, Default)]
struct Outside(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What the directory holds; it is closed when it holds nothing.
    directory: Entries,
    warehouse: Vec<(String, Option<u64>)>,
    reports: Vec<Vec<(String, u64)>>,
}

impl Sink for Outside {
    type Message = u64;

    fn descriptor(&self) -> &'static SinkDescriptor {
        &SINK
    }

    async fn write(&mut self, batch: &[SinkRecord<u64>]) -> Result<()> {
        let records = batch
            .iter()
            .map(|record| (record.key.clone(), record.value));
        self.0.lock().unwrap().warehouse.extend(records);
        Ok(())
    }
}

impl ViewSource for Outside {
    type Message = u64;

    fn descriptor(&self) -> &'static ViewSourceDescriptor {
        &VIEW_SOURCE
    }

    async fn sync(&mut self, updates: &mut Updates<'_, u64>) -> Result<()> {
        let directory = self.0.lock().unwrap().directory.clone();
        if directory.is_empty() {
            return Err(Error::handler("the directory is closed"));
        }
        for (key, value) in directory {
            updates.update(key, &value).await?;
        }
        Ok(())
    }
}

impl ViewSink for Outside {
    type Message = u64;

    fn descriptor(&self) -> &'static ViewSinkDescriptor {
        &VIEW_SINK
    }

    async fn sync(&mut self, view: &View<u64>) -> Result<()> {
        let entries = view.iter()?.collect::<Result<_>>()?;
        self.0.lock().unwrap().reports.push(entries);
        Ok(())
    }
}

fn service(outside: &Outside) -> ServiceTest {
    let mut test = ServiceTest::new(&SERVICE);
    let registry = test.registry();
    let schedule = Schedule::every(seconds(60));
    registry
        .register_view_sink(&COMPONENT, outside.clone(), schedule)
        .unwrap();
    registry
        .register_view_source(&COMPONENT, outside.clone(), schedule)
        .unwrap();
    let batching = Batching::default()
        .with_records(3)
        .with_interval(seconds(10));
    registry
        .register_sink(&COMPONENT, outside.clone(), batching)
        .unwrap();
    test
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn entry(key: &str, value: u64) -> (String, u64) {
    (key.to_owned(), value)
}

fn written(key: &str, value: Option<u64>) -> (String, Option<u64>) {
    (key.to_owned(), value)
}

#[tokio::test]
async fn each_part_does_what_is_due_and_sees_what_the_others_did() {
    let outside = Outside::default();
    let state = || outside.0.lock().unwrap();
    state().directory = Entries::from([("a", 1), ("b", 2)]);
    let mut test = service(&outside);

    test.settle().await.unwrap();
    assert_eq!(
        state().reports,
        [[entry("a", 1), entry("b", 2)]],
        "the first syncs are made at once"
    );
    assert_eq!(state().warehouse, [], "two records are no batch");
    test.advance(seconds(10));
    test.settle().await.unwrap();
    assert_eq!(
        state().warehouse,
        [written("a", Some(1)), written("b", Some(2))]
    );

    state().directory = Entries::from([("a", 7), ("c", 3)]);
    test.advance(seconds(49));
    test.settle().await.unwrap();
    assert_eq!(state().reports.len(), 1, "59 s have passed");
    test.advance(seconds(1));
    test.settle().await.unwrap();
    assert_eq!(state().reports[1], [entry("a", 7), entry("c", 3)]);
    let changes = [
        written("a", Some(7)),
        written("c", Some(3)),
        written("b", None),
    ];
    assert_eq!(state().warehouse[2..], changes, "three records are a batch");
}

#[tokio::test]
async fn a_sync_that_fails_is_told_and_made_again_at_the_interval() {
    let outside = Outside::default();
    let mut test = service(&outside);
    let error = test.settle().await.unwrap_err().to_string();
    assert_eq!(error, "the directory is closed");
    test.settle().await.unwrap();
    outside.0.lock().unwrap().directory = Entries::from([("a", 1)]);
    test.advance(seconds(60));
    test.settle().await.unwrap();
    assert_eq!(test.records::<u64>(CUSTOMERS.topic).unwrap().len(), 1);
}

#[test]
fn nothing_is_registered_twice() {
    let outside = Outside::default();
    let mut test = service(&outside);
    let registry = test.registry();
    let again = registry.register_sink(&COMPONENT, outside.clone(), Batching::default());
    assert_eq!(
        again.unwrap_err().to_string(),
        "sink warehouse of component c is registered already; register it once per process"
    );
    let schedule = Schedule::every(seconds(1));
    assert!(
        registry
            .register_view_source(&COMPONENT, outside.clone(), schedule)
            .is_err()
    );
    assert!(
        registry
            .register_view_sink(&COMPONENT, outside, schedule)
            .is_err()
    );
}
