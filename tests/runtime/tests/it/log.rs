//! What log lines tell of where they come from, in fields that can be searched.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use kafmesh::View;
use kafmesh::codegen::v1::Service;
use kafmesh_runtime_tests::kafka::{self, Put};
use kafmesh_runtime_tests::{Count, Handle, Shape, counting};
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::support::{PATIENCE, Running, config, unique};

/// Field and value; an event's text is the field `message`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(BTreeMap<&'static str, String>);

impl Fields {
    /// These fields are among them, with these values.
    #[track_caller]
    pub(crate) fn has(&self, expected: &[(&str, &str)]) {
        for (field, value) in expected {
            let found = self.0.get(field).map(String::as_str);
            assert_eq!(found, Some(*value), "{field} in {self:?}");
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// What is logged in this thread, which a test's service has to itself; each line with the fields of the
/// spans it lies in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<Fields>>>);

impl Lines {
    /// Collects until the guard is dropped.
    pub(crate) fn collect() -> (Self, impl Sized) {
        let lines = Self::default();
        // While there is one subscriber only, tracing asks the one of the thread that comes to a line or
        // span first whether anybody wants it, and other tests' threads have none.
        let other = Dispatch::new(NoSubscriber::new());
        let subscriber = tracing_subscriber::registry().with(lines.clone());
        let guard = tracing::subscriber::set_default(subscriber);
        (lines, (guard, other))
    }

    /// The only line of kafmesh that has these fields.
    #[track_caller]
    pub(crate) fn only(&self, fields: &[(&str, &str)]) -> Fields {
        let lines = self.0.lock().unwrap();
        let has = |line: &&Fields| {
            let mut fields = fields.iter();
            fields.all(|(field, value)| line.0.get(field).is_some_and(|found| found == value))
        };
        let found: Vec<_> = lines.iter().filter(has).collect();
        match &found[..] {
            [line] => (*line).clone(),
            _ => panic!("{} lines with {fields:?} among {lines:#?}", found.len()),
        }
    }

    /// The only line with this text.
    #[track_caller]
    pub(crate) fn one(&self, message: &str) -> Fields {
        self.only(&[("message", message)])
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = context.span(id).unwrap();
        span.extensions_mut().insert(fields);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions.get::<Fields>().cloned().unwrap_or_default();
            line.0.extend(fields.0);
        }
        event.record(&mut line);
        if event.metadata().target().starts_with("kafmesh") {
            self.0.lock().unwrap().push(line);
        }
    }
}

#[tokio::test]
async fn lines_tell_service_component_object_topic_and_partition() {
    let (lines, _guard) = Lines::collect();
    let shape = Shape::counter(unique("log"), 1);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let (clicks, totals) = (shape.topic("clicks"), shape.topic("totals"));
    let record = |value: &'static [u8]| Put {
        key: Some(b"k"),
        value: Some(value),
        ..Put::default()
    };
    kafka::create(&shape.changelog(), 1, &[("cleanup.policy", "compact")]).await;
    kafka::write(&shape.changelog(), [record(&[8, 1])]);
    let config = config(state.path());
    let mut service = Service::connect(config, mesh.service).await.unwrap();
    let registry = service.registry();
    let counter = Handle::new(mesh.processor, counting);
    registry
        .register_processor(mesh.component, counter)
        .unwrap();
    let view: View<Count> = registry
        .view(mesh.component, mesh.component.views[0])
        .unwrap();
    let running = Running::start(service);
    timeout(PATIENCE, view.ready()).await.unwrap().unwrap();
    kafka::write(&clicks, [record(b"no click")]);
    running.ended().await.unwrap_err();

    let service = ("service", &*shape.prefix);
    let object = [
        service,
        ("component", "counting"),
        ("kind", "processor"),
        ("object", "counter"),
    ];
    let (partition, changelog) = (("partition", "0"), &*shape.changelog());
    for message in ["started", "stopped with an error"] {
        lines.one(message).has(&[service]);
    }
    lines.one("partitions assigned").has(&object);
    for message in ["restoring state", "state restored"] {
        let line = lines.one(message);
        line.has(&object);
        line.has(&[("topic", changelog), partition]);
    }
    for to in ["Running", "Failed"] {
        let line = lines.only(&[("message", "task"), ("to", to)]);
        line.has(&object);
        line.has(&[partition]);
    }
    let complete = lines.one("the global table is complete");
    complete.has(&[service, ("topic", &totals)]);
    let stopping = lines.one("stopping the service");
    stopping.has(&object);
    let error = &stopping.0["error"];
    let place = format!("topic {clicks}, partition 0, offset 0");
    assert!(error.contains(&place), "{error}");
}
