//! What handlers see and do, through the drivers that generated code wraps.

use super::{Context, Processor, decode};
use crate::codegen::v1::{
    ComponentDescriptor, OutputDescriptor, ProcessorDescriptor, ServiceDescriptor,
    SourceDescriptor, TopicDescriptor, TopicUse,
};
use crate::error::Result;
use crate::testing::{ProcessorTest, ServiceTest};

const fn topic(topic: &'static str) -> TopicUse {
    TopicUse {
        topic,
        message: "",
        message_type: "",
    }
}

const fn output(name: &'static str) -> OutputDescriptor {
    OutputDescriptor {
        topic: topic(name),
        description: "",
    }
}

static ENRICH: ProcessorDescriptor = ProcessorDescriptor {
    name: "enrich",
    description: "",
    group: "s.c.enrich",
    inputs: &[topic("s.status")],
    joins: &[topic("s.owner")],
    lookups: &[topic("s.name")],
    outputs: &[output("s.enriched")],
    persistence: None,
};

/// Puts out the status with the name of the device's owner, and nothing without an owner.
struct Enrich;

impl Processor for Enrich {
    type State = ();

    fn descriptor(&self) -> &'static ProcessorDescriptor {
        &ENRICH
    }

    async fn handle(
        &self,
        _: usize,
        mut context: Context<'_, ()>,
        value: Option<&[u8]>,
    ) -> Result<()> {
        let status: String = decode(value.unwrap_or_default())?;
        let Some(owner) = context.join::<String>(0)? else {
            return Ok(());
        };
        let name: Option<String> = context.lookup(0, &owner)?;
        let enriched = format!("{status} of {}", name.as_deref().unwrap_or("nobody"));
        context.output(0, context.key(), &enriched);
        Ok(())
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[tokio::test]
async fn joins_are_read_by_the_record_s_key_and_lookups_by_any() {
    let mut test = ProcessorTest::new(Enrich);
    test.set_join(0, "device-1", &text("customer-1"));
    test.set_join(0, "device-2", &text("customer-2"));
    test.set_lookup(0, "customer-1", &text("Ada"));
    for key in ["device-1", "device-2", "device-3"] {
        test.send(0, key, &text("up")).await.unwrap();
    }
    assert_eq!(
        test.outputs().values::<String>(0),
        [
            ("device-1", text("up of Ada")),
            ("device-2", text("up of nobody"))
        ]
    );

    test.clear_outputs();
    test.remove_join(0, "device-1");
    test.remove_lookup(0, "customer-1");
    test.set_join(0, "device-2", &text("customer-1"));
    for key in ["device-1", "device-2"] {
        test.send(0, key, &text("up")).await.unwrap();
    }
    assert_eq!(
        test.outputs().values::<String>(0),
        [("device-2", text("up of nobody"))]
    );
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_an_error_at_the_record() {
    let mut test = ProcessorTest::new(Enrich);
    test.set_join(0, "device-1", &7_u64);
    let error = test.send(0, "device-1", &text("up")).await.unwrap_err();
    let said = error.to_string();
    let begins = "cannot handle the record at topic s.status, partition 0, offset 0, key \"device-1\": \
                  the entry of key \"device-1\" in the local table of s.owner cannot be read: its value is not a String: ";
    assert!(said.starts_with(begins), "{said}");
}

static BOTH: ProcessorDescriptor = ProcessorDescriptor {
    name: "both",
    description: "",
    group: "s.c",
    inputs: &[topic("s.status")],
    joins: &[topic("s.first"), topic("s.owner")],
    lookups: &[topic("s.second"), topic("s.third"), topic("s.name")],
    outputs: &[output("s.seen"), output("s.enriched")],
    persistence: Some(topic("s.c-table")),
};

/// Two processors as one: the first counts, the second is [`Enrich`]'s work with what the first has counted.
struct Both;

impl Processor for Both {
    type State = u64;

    fn descriptor(&self) -> &'static ProcessorDescriptor {
        &BOTH
    }

    async fn handle(
        &self,
        _: usize,
        mut context: Context<'_, u64>,
        value: Option<&[u8]>,
    ) -> Result<()> {
        let mut first = context.part(0);
        let count = first.state()? + 1;
        first.save_state(count);
        first.output(0, first.key(), &count);

        let mut second = context.part(1).shifted(1, 2, 1);
        let status: String = decode(value.unwrap_or_default())?;
        let owner: String = second.join(0)?.unwrap_or_default();
        let name: String = second.lookup(0, &owner)?.unwrap_or_default();
        let line = format!("{status} {} of {name}", second.state()?);
        second.output(0, second.key(), &line);
        Ok(())
    }
}

#[tokio::test]
async fn several_processors_share_a_record_and_its_effects() {
    let mut test = ProcessorTest::new(Both);
    test.set_join(1, "device-1", &text("customer-1"));
    test.set_lookup(2, "customer-1", &text("Ada"));
    test.send(0, "device-1", &text("up")).await.unwrap();
    test.send(0, "device-1", &text("down")).await.unwrap();
    assert_eq!(
        test.outputs().values::<u64>(0),
        [("device-1", 1), ("device-1", 2)]
    );
    assert_eq!(
        test.outputs().values::<String>(1),
        [
            ("device-1", text("up 1 of Ada")),
            ("device-1", text("down 2 of Ada"))
        ]
    );

    let broken = test.send(0, "device-1", &7_u64).await;
    assert!(broken.is_err());
    assert_eq!(test.state("device-1").unwrap(), Some(2));
    assert_eq!(test.outputs().values::<u64>(0).len(), 2);
}

static OWNERSHIP: ProcessorDescriptor = ProcessorDescriptor {
    name: "ownership",
    description: "",
    group: "s.c.ownership",
    inputs: &[topic("s.bought")],
    joins: &[],
    lookups: &[],
    outputs: &[output("s.owner")],
    persistence: None,
};

/// The owner of a device is who bought it last.
struct Ownership;

impl Processor for Ownership {
    type State = ();

    fn descriptor(&self) -> &'static ProcessorDescriptor {
        &OWNERSHIP
    }

    async fn handle(
        &self,
        _: usize,
        mut context: Context<'_, ()>,
        value: Option<&[u8]>,
    ) -> Result<()> {
        match value {
            Some(value) => context.output(0, context.key(), &decode::<String>(value)?),
            None => context.output_delete(0, context.key()),
        }
        Ok(())
    }
}

const fn created(name: &'static str) -> TopicDescriptor {
    TopicDescriptor {
        name,
        settings: None,
        expected_partitions: None,
    }
}

static STATUS: SourceDescriptor = SourceDescriptor {
    topic: topic("s.status"),
};
static BOUGHT: SourceDescriptor = SourceDescriptor {
    topic: topic("s.bought"),
};
static NAME: SourceDescriptor = SourceDescriptor {
    topic: topic("s.name"),
};
static COMPONENT: ComponentDescriptor = ComponentDescriptor {
    name: "c",
    description: "",
    sources: &[&STATUS, &BOUGHT, &NAME],
    processors: &[&ENRICH, &OWNERSHIP],
    views: &[],
    sinks: &[],
    view_sources: &[],
    view_sinks: &[],
};
static SERVICE: ServiceDescriptor = ServiceDescriptor {
    name: "s",
    description: "",
    topics: &[created("s.enriched")],
    components: &[&COMPONENT],
    files: b"",
};

#[tokio::test]
async fn a_service_s_tables_are_complete_when_its_records_are_handled() {
    let mut test = ServiceTest::new(&SERVICE);
    let registry = test.registry();
    // Whose outputs are joined is registered last.
    registry.register_processor(&COMPONENT, Enrich).unwrap();
    registry.register_processor(&COMPONENT, Ownership).unwrap();
    let status = registry.source::<String>(&COMPONENT, &STATUS);
    let bought = registry.source::<String>(&COMPONENT, &BOUGHT);
    let names = registry.source::<String>(&COMPONENT, &NAME);

    status.emit("device-1", &text("up")).await.unwrap();
    names.emit("customer-1", &text("Ada")).await.unwrap();
    bought.emit("device-1", &text("customer-1")).await.unwrap();
    test.settle().await.unwrap();
    bought.delete("device-1").await.unwrap();
    status.emit("device-1", &text("down")).await.unwrap();
    test.settle().await.unwrap();

    let enriched = test.records::<String>("s.enriched").unwrap();
    let enriched: Vec<_> = enriched
        .into_iter()
        .filter_map(|record| record.value)
        .collect();
    assert_eq!(enriched, [text("up of Ada")]);
}

#[tokio::test]
async fn a_service_s_test_writes_to_its_topics_only() {
    let test = ServiceTest::new(&SERVICE);
    let elsewhere = test.source::<String>("s.enriched").unwrap();
    elsewhere.emit("device-1", &text("up")).await.unwrap();
    let records = test.records::<String>("s.enriched").unwrap();
    assert_eq!(records[0].value, Some(text("up")));
    let error = test.source::<String>("s.other").unwrap_err().to_string();
    assert_eq!(
        error,
        "service s has no topic s.other; its topics are s.enriched"
    );
}
