//! The examples that the documentation shows, as the API answers them.

use kafmesh_discover::mesh::pod::Pods;
use kafmesh_proto::watch::v1::action::Action as Shown;
use kafmesh_proto::watch::v1::{
    Action, GetState, Input, Join, Lookup, Operation, Output, ProcessorResponse, SetState,
};
use prost_types::Timestamp;
use serde_json::Value;

use crate::events::Events;
use crate::fixture::{Fixture, get, mesh, pod, shop};
use crate::relay::{PATH, Pod, next, pods};

fn check(shown: &Value, example: &str) {
    let example: Value = serde_json::from_str(example).unwrap();
    assert_eq!(*shown, example, "it is now:\n{shown:#}");
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// What the processor of the example does with an order.
fn operation() -> Operation {
    let customer = "customerId.customer";
    let total = "customerId.total";
    let actions = [
        Shown::GetState(GetState {
            topic: text("shop.totals-state"),
            message: text(total),
            value: text(r#"{"cents":"1200"}"#),
        }),
        Shown::Join(Join {
            topic: text("crm.customers"),
            message: text(customer),
            value: text(r#"{"name":"Ada","email":"[redacted]"}"#),
        }),
        Shown::Lookup(Lookup {
            topic: text("prices"),
            message: text("articleId.price"),
            key: text("article-3"),
            value: String::new(),
        }),
        Shown::SetState(SetState {
            topic: text("shop.totals-state"),
            message: text(total),
            value: text(r#"{"cents":"1950"}"#),
        }),
        Shown::Output(Output {
            topic: text("shop.totals"),
            message: text(total),
            key: text("customer-1"),
            value: text(r#"{"cents":"1950"}"#),
        }),
    ];
    let at = |nanos| {
        Some(Timestamp {
            seconds: 1_767_225_600,
            nanos,
        })
    };
    Operation {
        start_time: at(250_000_000),
        end_time: at(251_000_000),
        input: Some(Input {
            topic: text("shop.orders"),
            message: text("orderId.order"),
            key: text("customer-1"),
            value: text(r#"{"article":"article-3","cents":"750"}"#),
            partition: 2,
            offset: 4711,
            timestamp: at(0),
        }),
        actions: actions
            .map(|action| Action {
                action: Some(action),
            })
            .into(),
        error: String::new(),
        omitted_actions: 0,
    }
}

#[tokio::test]
async fn an_operation() {
    let pod = Pod::start(None, false).await;
    let fixture = Fixture::new(mesh());
    fixture.show(pods([("shop-1", &pod)]));
    let mut events = Events::open(&fixture.router(), PATH, None).await;
    next(&mut events, "joined").await;
    let response = ProcessorResponse {
        operation: Some(operation()),
        lost: 0,
    };
    pod.operations.send(response).unwrap();
    let shown = next(&mut events, "operation").await.data;
    check(&shown, include_str!("examples/operation.json"));
}

#[tokio::test]
async fn a_list() {
    let fixture = Fixture::new(mesh());
    fixture.show(Pods::from([pod("shop-1", "127.0.0.1:1", shop())]));
    let list = get(&fixture.router(), "/api/v1/nodes?label=Processor").await;
    check(&list.json(), include_str!("examples/list.json"));
}

#[tokio::test]
async fn a_change() {
    let fixture = Fixture::new(mesh());
    fixture.show(Pods::from([pod("shop-1", "127.0.0.1:1", shop())]));
    let mut events = Events::open(&fixture.router(), "/api/v1/events", None).await;
    events.next().await.unwrap();
    // Its source is gone, and its component says something else.
    let mut changed = shop();
    changed.components[0].sources.clear();
    changed.components[0].description = "Changed.".to_owned();
    fixture.show(Pods::from([pod("shop-1", "127.0.0.1:1", changed)]));
    let change = next(&mut events, "change").await.data;
    check(&change, include_str!("examples/change.json"));
}
