//! The whole service without a broker, on virtual time, from its gRPC interface to its warehouse and back.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails like the test itself"
)]

use std::time::Duration;

use devices::api::Api;
use devices::api::v1::devices_api_server::DevicesApi as _;
use devices::api::v1::{
    AssignDeviceRequest, Customer, GetDeviceRequest, GetDeviceResponse, GetHistoryRequest,
    GetHistoryResponse, PutCustomerRequest, ReportDetailsRequest, ReportHeartbeatRequest,
};
use devices::definitions::ServiceTest;
use devices::warehouse::Warehouse;
use kafmesh::Batching;
use tonic::{Code, Request};

/// The service, and its interface as a caller has it.
async fn start() -> kafmesh::Result<(ServiceTest, Api)> {
    let warehouse = Warehouse::connect("sqlite::memory:").await.unwrap();
    let mut test = ServiceTest::new();
    let api = devices::register(&mut test, warehouse)?;
    Ok((test, api))
}

/// Lets everything happen that is due, the sinks' batches too.
async fn settle(test: &mut ServiceTest) -> kafmesh::Result<()> {
    test.settle().await?;
    test.advance(Batching::default().interval);
    test.settle().await
}

async fn assign(api: &Api, device_id: &str, customer_id: &str) {
    let request = AssignDeviceRequest {
        device_id: device_id.to_owned(),
        customer_id: customer_id.to_owned(),
    };
    api.assign_device(Request::new(request)).await.unwrap();
}

async fn report(api: &Api, device_id: &str) {
    let details = ReportDetailsRequest {
        device_id: device_id.to_owned(),
        model: "tracker-2".to_owned(),
        firmware: "1.4.2".to_owned(),
        time: None,
    };
    let heartbeat = ReportHeartbeatRequest {
        device_id: device_id.to_owned(),
        battery_percent: 80,
        time: None,
    };
    api.report_details(Request::new(details)).await.unwrap();
    api.report_heartbeat(Request::new(heartbeat)).await.unwrap();
}

async fn device(api: &Api, device_id: &str) -> GetDeviceResponse {
    let device_id = device_id.to_owned();
    let request = Request::new(GetDeviceRequest { device_id });
    api.get_device(request).await.unwrap().into_inner()
}

async fn history(api: &Api, device_id: &str) -> GetHistoryResponse {
    let request = GetHistoryRequest {
        device_id: device_id.to_owned(),
        limit: 0,
    };
    api.get_history(Request::new(request))
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn reports_go_from_the_interface_to_the_warehouse_and_back() -> kafmesh::Result<()> {
    let (mut test, api) = start().await?;
    let customer = Customer {
        customer_id: "customer-1".to_owned(),
        name: "Ada's Bikes".to_owned(),
    };
    let put = PutCustomerRequest {
        customer_id: customer.customer_id.clone(),
        name: customer.name.clone(),
    };
    api.put_customer(Request::new(put)).await.unwrap();
    assign(&api, "device-1", "customer-1").await;
    assign(&api, "device-2", "customer-2").await;
    settle(&mut test).await?;

    for name in ["device-1", "device-2", "device-3"] {
        report(&api, name).await;
    }
    settle(&mut test).await?;
    let known = device(&api, "device-1").await;
    assert_eq!(known.customer.as_ref(), Some(&customer));
    assert_eq!(known.details.unwrap().firmware, "1.4.2");
    let saved = history(&api, "device-1").await;
    assert_eq!((saved.details.len(), saved.heartbeats.len()), (1, 1));
    assert_eq!(saved.details[0].customer.as_ref(), Some(&customer));
    assert_eq!(saved.heartbeats[0].customer.as_ref(), Some(&customer));
    assert_eq!(saved.heartbeats[0].battery_percent, 80);
    // The customer of the second has no details, and the third has no customer.
    for name in ["device-2", "device-3"] {
        assert_eq!(history(&api, name).await, GetHistoryResponse::default());
    }

    test.advance(Duration::from_secs(1));
    assign(&api, "device-1", "").await;
    settle(&mut test).await?;
    assert_eq!(device(&api, "device-1").await, GetDeviceResponse::default());
    assert_eq!(history(&api, "device-1").await, saved);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() -> kafmesh::Result<()> {
    let (_test, api) = start().await?;
    let heartbeat = |device_id: &str, battery_percent, seconds| {
        Request::new(ReportHeartbeatRequest {
            device_id: device_id.to_owned(),
            battery_percent,
            time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        })
    };
    for (request, expected) in [
        (heartbeat("", 80, 0), "device_id"),
        (heartbeat("device\0", 80, 0), "device_id"),
        (heartbeat("device-1", 101, 0), "battery_percent"),
        (heartbeat("device-1", 80, 0), "time"),
    ] {
        let refused = api.report_heartbeat(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(expected), "{refused}");
    }
    Ok(())
}
