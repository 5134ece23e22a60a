//! The steps of the scenarios, for details and heartbeats alike.

use std::str::FromStr;

use cucumber::{given, then, when};

use crate::fleet::{Fleet, Kind, unique};

const CUSTOMER: &str = "Ada's Bikes";
const NEXT_CUSTOMER: &str = "Grace Freight";

impl FromStr for Kind {
    type Err = String;

    /// A report as the scenarios call it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "details" | "its details" => Ok(Self::Details),
            "heartbeat" | "heartbeats" | "a heartbeat" => Ok(Self::Heartbeat),
            other => Err(format!("{other} is neither details nor a heartbeat")),
        }
    }
}

#[given(regex = "^another device of the same partition, whose (details|heartbeats) are saved$")]
async fn another_device(fleet: &mut Fleet, kind: Kind) {
    let other = fleet.other.clone();
    assign_to_known(fleet, &other, CUSTOMER).await;
    fleet.report(kind, &other).await;
    fleet.saved(kind, &other, CUSTOMER).await;
}

#[given("the device has a customer whose details are known")]
async fn known_customer(fleet: &mut Fleet) {
    let device = fleet.device.clone();
    assign_to_known(fleet, &device, CUSTOMER).await;
}

#[given("the device has a customer without details")]
async fn unknown_customer(fleet: &mut Fleet) {
    let device = fleet.device.clone();
    fleet.assign(&device, &unique("customer"), "").await;
}

#[given("the device has no customer")]
async fn no_customer(fleet: &mut Fleet) {
    let device = fleet.device.clone();
    assert_eq!(fleet.customer(&device).await, None);
}

#[when(regex = "^the device (?:reports|sends) (its details|a heartbeat)$")]
async fn the_device_reports(fleet: &mut Fleet, kind: Kind) {
    let device = fleet.device.clone();
    fleet.report(kind, &device).await;
}

/// With the report and the customer of the other device in the warehouse, every report and every assignment before
/// them has been handled: they went through the same partitions.
#[when(
    regex = "^the other device afterwards changes its customer and (?:reports|sends) (its details|a heartbeat)$"
)]
async fn the_other_device_reports(fleet: &mut Fleet, kind: Kind) {
    let other = fleet.other.clone();
    assign_to_known(fleet, &other, NEXT_CUSTOMER).await;
    fleet.report(kind, &other).await;
}

#[then(regex = "^the (details|heartbeat) (?:are|is) saved with the customer's name$")]
async fn it_is_saved(fleet: &mut Fleet, kind: Kind) {
    let device = fleet.device.clone();
    fleet.saved(kind, &device, CUSTOMER).await;
    assert_eq!(fleet.in_history(kind, &device).await, 1);
}

#[then(
    regex = "^the (details|heartbeat) of the other device (?:are|is) saved with its new customer's name$"
)]
async fn that_of_the_other_device_is_saved(fleet: &mut Fleet, kind: Kind) {
    let other = fleet.other.clone();
    fleet.saved(kind, &other, NEXT_CUSTOMER).await;
}

/// Both kinds: a report must not end up in the table of the other either.
#[then("nothing of the device is")]
async fn nothing_of_the_device_is_saved(fleet: &mut Fleet) {
    for kind in [Kind::Details, Kind::Heartbeat] {
        assert_eq!(fleet.count(kind, &fleet.device).await, 0, "{kind:?}");
    }
}

/// Gives a device to a new customer of this name, whose details are known.
async fn assign_to_known(fleet: &mut Fleet, device: &str, name: &str) {
    let customer = unique("customer");
    fleet.put_customer(&customer, name).await;
    fleet.assign(device, &customer, name).await;
}
