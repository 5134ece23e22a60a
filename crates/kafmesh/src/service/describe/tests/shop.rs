//! Part of a shop, with every kind of object.

use crate::codegen::v1::{
    ComponentDescriptor, OutputDescriptor, ProcessorDescriptor, ServiceDescriptor, SinkDescriptor,
    SourceDescriptor, TopicDescriptor, TopicSettings, TopicUse, ViewDescriptor, ViewSinkDescriptor,
    ViewSourceDescriptor,
};

pub(super) static SERVICE: ServiceDescriptor = ServiceDescriptor {
    name: "shop",
    description: "Sells things.",
    topics: &[
        created("shop.orderId.placed", false),
        created("shop.productId.details", true),
        created("shop.productId.level", true),
        created("shop.productId.unread", true),
        created("shop.stock-table", true),
        TopicDescriptor {
            name: "suppliers.productId.delivery",
            settings: None,
            expected_partitions: Some(3),
        },
    ],
    components: &[&STOCK, &REPORTS],
    files: b"",
};

const fn created(name: &'static str, compact: bool) -> TopicDescriptor {
    TopicDescriptor {
        name,
        settings: Some(TopicSettings {
            partitions: 10,
            replication: 3,
            compact,
            retention_ms: 86_400_000,
            segment_ms: 1_500,
        }),
        expected_partitions: None,
    }
}

const PLACED: TopicUse = TopicUse {
    topic: "shop.orderId.placed",
    message: "orderId.placed",
    message_type: "shop.orderId.Placed",
};

const DETAILS: TopicUse = TopicUse {
    topic: "shop.productId.details",
    message: "productId.details",
    message_type: "productId.Details",
};

const LEVEL: TopicUse = TopicUse {
    topic: "shop.productId.level",
    message: "productId.level",
    message_type: "productId.Level",
};

const DELIVERY: TopicUse = TopicUse {
    topic: "suppliers.productId.delivery",
    message: "suppliers.productId.delivery",
    message_type: "suppliers.productId.Delivery",
};

const STATE: TopicUse = TopicUse {
    topic: "shop.stock-table",
    message: "productId.state",
    message_type: "productId.State",
};

/// Its processors share its state, so they have one group.
static STOCK: ComponentDescriptor = ComponentDescriptor {
    name: "stock",
    description: "Knows what there is.",
    sources: &[&SourceDescriptor { topic: PLACED }],
    processors: &[
        &ProcessorDescriptor {
            name: "sell",
            description: "Takes from the shelf.",
            group: "shop.stock",
            inputs: &[PLACED],
            joins: &[DETAILS],
            lookups: &[LEVEL, DETAILS],
            outputs: &[OutputDescriptor {
                topic: LEVEL,
                description: "What is left.",
            }],
            persistence: Some(STATE),
        },
        &ProcessorDescriptor {
            name: "fill up",
            description: "Puts on the shelf.",
            group: "shop.stock",
            inputs: &[DELIVERY],
            joins: &[],
            lookups: &[],
            outputs: &[OutputDescriptor {
                topic: LEVEL,
                description: "",
            }],
            persistence: Some(STATE),
        },
    ],
    views: &[&ViewDescriptor { topic: LEVEL }],
    sinks: &[],
    view_sources: &[],
    view_sinks: &[],
};

static REPORTS: ComponentDescriptor = ComponentDescriptor {
    name: "reports",
    description: "",
    sources: &[],
    processors: &[],
    views: &[&ViewDescriptor { topic: LEVEL }],
    sinks: &[&SinkDescriptor {
        name: "ledger",
        description: "Books orders.",
        group: "shop.reports.ledger-sink",
        topic: PLACED,
    }],
    view_sources: &[&ViewSourceDescriptor {
        name: "catalog",
        description: "Follows the catalog.",
        group: "shop.reports.catalog-view-source",
        topic: DETAILS,
    }],
    view_sinks: &[&ViewSinkDescriptor {
        name: "shelf list",
        description: "Prints what there is.",
        group: "shop.reports.shelfList-view-sink",
        topic: LEVEL,
    }],
};
