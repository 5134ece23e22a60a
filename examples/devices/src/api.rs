//! The service's own gRPC interface: takes reports, answers what is known.

mod failure;
mod request;

use std::time::SystemTime;

use kafmesh::{Source, View};
use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use crate::definitions::models::{customer_id, device_id};
use crate::warehouse::{Entry, Warehouse};
use failure::failed;
use request::{at, identifier, text};
use v1::devices_api_server::DevicesApi;
use v1::{
    AssignDeviceRequest, AssignDeviceResponse, Customer, Details, DetailsEntry, GetDeviceRequest,
    GetDeviceResponse, GetHistoryRequest, GetHistoryResponse, HeartbeatEntry, PutCustomerRequest,
    PutCustomerResponse, ReportDetailsRequest, ReportDetailsResponse, ReportHeartbeatRequest,
    ReportHeartbeatResponse,
};

/// `devices.v1`, generated from `api/devices/v1`.
#[expect(missing_docs, reason = "generated from the documented .proto")]
pub mod v1 {
    tonic::include_proto!("devices.v1");
}

/// The descriptors of the interface, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// How many entries a history has when nothing is said, and at most.
const HISTORY: u32 = 100;
const LONGEST_HISTORY: u32 = 1000;

/// What it works with.
#[derive(Debug, Clone)]
pub struct Api {
    /// Who the customers are.
    pub customers: Source<customer_id::Details>,
    /// Whose the devices are.
    pub assignments: Source<device_id::Customer>,
    /// What devices are.
    pub details: Source<device_id::Details>,
    /// That devices are alive.
    pub heartbeats: Source<device_id::Heartbeat>,
    /// Who the customers are now.
    pub known_customers: View<customer_id::Details>,
    /// Whose the devices are now.
    pub known_assignments: View<device_id::Customer>,
    /// What devices are now.
    pub known_details: View<device_id::EnrichedDetails>,
    /// What was reported.
    pub warehouse: Warehouse,
}

#[tonic::async_trait]
impl DevicesApi for Api {
    async fn put_customer(
        &self,
        request: Request<PutCustomerRequest>,
    ) -> Result<Response<PutCustomerResponse>, Status> {
        let PutCustomerRequest { customer_id, name } = request.into_inner();
        let id = identifier("customer_id", &customer_id)?;
        let details = customer_id::Details {
            name: text("name", name)?,
        };
        self.customers.emit(id, &details).await.map_err(failed)?;
        Ok(Response::new(PutCustomerResponse {}))
    }

    async fn assign_device(
        &self,
        request: Request<AssignDeviceRequest>,
    ) -> Result<Response<AssignDeviceResponse>, Status> {
        let request = request.into_inner();
        let device = identifier("device_id", &request.device_id)?;
        let assigned = if request.customer_id.is_empty() {
            self.assignments.delete(device).await
        } else {
            let customer_id = text("customer_id", request.customer_id)?;
            let customer = device_id::Customer { customer_id };
            self.assignments.emit(device, &customer).await
        };
        assigned.map_err(failed)?;
        Ok(Response::new(AssignDeviceResponse {}))
    }

    async fn report_details(
        &self,
        request: Request<ReportDetailsRequest>,
    ) -> Result<Response<ReportDetailsResponse>, Status> {
        let request = request.into_inner();
        let device = identifier("device_id", &request.device_id)?;
        let details = device_id::Details {
            model: text("model", request.model)?,
            firmware: text("firmware", request.firmware)?,
        };
        self.details
            .emit_with(device, &details, &at(request.time, SystemTime::now())?)
            .await
            .map_err(failed)?;
        Ok(Response::new(ReportDetailsResponse {}))
    }

    async fn report_heartbeat(
        &self,
        request: Request<ReportHeartbeatRequest>,
    ) -> Result<Response<ReportHeartbeatResponse>, Status> {
        let request = request.into_inner();
        let device = identifier("device_id", &request.device_id)?;
        let battery_percent = request.battery_percent;
        if battery_percent > 100 {
            return Err(Status::invalid_argument(format!(
                "battery_percent is {battery_percent}, which is more than 100"
            )));
        }
        let heartbeat = device_id::Heartbeat { battery_percent };
        self.heartbeats
            .emit_with(device, &heartbeat, &at(request.time, SystemTime::now())?)
            .await
            .map_err(failed)?;
        Ok(Response::new(ReportHeartbeatResponse {}))
    }

    async fn get_device(
        &self,
        request: Request<GetDeviceRequest>,
    ) -> Result<Response<GetDeviceResponse>, Status> {
        let request = request.into_inner();
        let device = identifier("device_id", &request.device_id)?;
        let assigned = self.known_assignments.get(device).map_err(failed)?;
        let customer = match assigned {
            Some(device_id::Customer { customer_id }) => {
                let known = self.known_customers.get(&customer_id).map_err(failed)?;
                let name = known.unwrap_or_default().name;
                Some(Customer { customer_id, name })
            }
            None => None,
        };
        let enriched = self.known_details.get(device).map_err(failed)?;
        let details = enriched
            .and_then(|enriched| enriched.details)
            .map(details_of);
        Ok(Response::new(GetDeviceResponse { customer, details }))
    }

    async fn get_history(
        &self,
        request: Request<GetHistoryRequest>,
    ) -> Result<Response<GetHistoryResponse>, Status> {
        let request = request.into_inner();
        let device = identifier("device_id", &request.device_id)?;
        let limit = match request.limit {
            0 => HISTORY,
            limit => limit.min(LONGEST_HISTORY),
        };
        let details = self.warehouse.history(device, limit).await;
        let heartbeats = self.warehouse.history(device, limit).await;
        let entries = GetHistoryResponse {
            details: details
                .map_err(failed)?
                .into_iter()
                .map(details_entry)
                .collect(),
            heartbeats: heartbeats
                .map_err(failed)?
                .into_iter()
                .map(heartbeat_entry)
                .collect(),
        };
        Ok(Response::new(entries))
    }
}

fn details_of(details: device_id::Details) -> Details {
    Details {
        model: details.model,
        firmware: details.firmware,
    }
}

fn details_entry(entry: Entry<device_id::Details>) -> DetailsEntry {
    DetailsEntry {
        time: Some(timestamp(entry.time)),
        customer: Some(Customer {
            customer_id: entry.customer_id,
            name: entry.customer_name,
        }),
        details: Some(details_of(entry.report)),
    }
}

fn heartbeat_entry(entry: Entry<device_id::Heartbeat>) -> HeartbeatEntry {
    HeartbeatEntry {
        time: Some(timestamp(entry.time)),
        customer: Some(Customer {
            customer_id: entry.customer_id,
            name: entry.customer_name,
        }),
        battery_percent: entry.report.battery_percent,
    }
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp {
        seconds: millis.div_euclid(1000),
        nanos: (millis.rem_euclid(1000) * 1_000_000) as i32,
    }
}
