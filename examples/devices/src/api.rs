//! The service's own gRPC interface: takes reports, answers what is known.

use std::time::SystemTime;

use kafmesh::{Metadata, Source, View};
use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use crate::definitions::models::{customer_id, device_id};
use crate::warehouse::{Entry, Warehouse};
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
        self.customers
            .emit(id, &details)
            .await
            .map_err(unavailable)?;
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
        assigned.map_err(unavailable)?;
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
            .emit_with(device, &details, &at(request.time)?)
            .await
            .map_err(unavailable)?;
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
            .emit_with(device, &heartbeat, &at(request.time)?)
            .await
            .map_err(unavailable)?;
        Ok(Response::new(ReportHeartbeatResponse {}))
    }

    async fn get_device(
        &self,
        request: Request<GetDeviceRequest>,
    ) -> Result<Response<GetDeviceResponse>, Status> {
        let request = request.into_inner();
        let device = identifier("device_id", &request.device_id)?;
        let assigned = self.known_assignments.get(device).map_err(unavailable)?;
        let customer = match assigned {
            Some(device_id::Customer { customer_id }) => {
                let known = self
                    .known_customers
                    .get(&customer_id)
                    .map_err(unavailable)?;
                let name = known.unwrap_or_default().name;
                Some(Customer { customer_id, name })
            }
            None => None,
        };
        let enriched = self.known_details.get(device).map_err(unavailable)?;
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
                .map_err(unavailable)?
                .into_iter()
                .map(details_entry)
                .collect(),
            heartbeats: heartbeats
                .map_err(unavailable)?
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

/// An id that can be a key.
fn identifier<'a>(field: &str, value: &'a str) -> Result<&'a str, Status> {
    if value.is_empty() || value.contains('\0') {
        return Err(Status::invalid_argument(format!(
            "{field} is empty or has a NUL character in it"
        )));
    }
    Ok(value)
}

/// A text that PostgreSQL can keep.
fn text(field: &str, value: String) -> Result<String, Status> {
    if value.contains('\0') {
        return Err(Status::invalid_argument(format!(
            "{field} has a NUL character in it"
        )));
    }
    Ok(value)
}

/// The metadata of a record of something that was so at `time`.
fn at(time: Option<Timestamp>) -> Result<Metadata, Status> {
    let Some(time) = time else {
        return Ok(Metadata::default());
    };
    let time = SystemTime::try_from(time)
        .ok()
        .filter(|time| *time >= SystemTime::UNIX_EPOCH)
        .ok_or_else(|| Status::invalid_argument("time is not a time after 1970"))?;
    Ok(Metadata::default().with_timestamp(time))
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp {
        seconds: millis.div_euclid(1000),
        nanos: (millis.rem_euclid(1000) * 1_000_000) as i32,
    }
}

/// What the service needs does not answer; the caller may try again.
fn unavailable(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}
