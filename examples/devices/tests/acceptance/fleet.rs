//! The world of a scenario: two devices of one partition, the service and its warehouse.

use std::time::{Duration, SystemTime};

use devices::api::v1::devices_api_client::DevicesApiClient;
use devices::api::v1::{
    AssignDeviceRequest, Customer, GetDeviceRequest, GetHistoryRequest, PutCustomerRequest,
    ReportDetailsRequest, ReportHeartbeatRequest,
};
use devices::definitions::models::device_id::{Details, Heartbeat};
use devices::warehouse::{Entry, Report, Warehouse, millis};
use kafmesh::testing::partition_of;
use tonic::transport::Channel;

use crate::service::{self, LIMIT};

/// What a scenario is about: what devices report, and how it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Details,
    Heartbeat,
}

#[derive(Debug, cucumber::World)]
#[world(init = Self::new)]
pub(crate) struct Fleet {
    service: DevicesApiClient<Channel>,
    warehouse: Warehouse,
    /// The device the scenario is about.
    pub(crate) device: String,
    /// One whose reports go through the same partitions: when a report of it has been saved, everything
    /// that was reported before has been handled, and saved if it ever will be.
    pub(crate) other: String,
    /// The number of the last report, by which it is found again.
    reports: u32,
}

impl Fleet {
    async fn new() -> Self {
        let device = unique("device");
        let partitions = partitions();
        let other = std::iter::repeat_with(|| unique("device"))
            .find(|other| partition_of(other, partitions) == partition_of(&device, partitions))
            .expect("there is no end of them");
        Self {
            service: service::connect().await,
            warehouse: Warehouse::connect(&service::database()).await.unwrap(),
            device,
            other,
            reports: 0,
        }
    }

    /// Makes a customer's details known, and returns when the service knows them.
    pub(crate) async fn put_customer(&mut self, customer_id: &str, name: &str) {
        let request = PutCustomerRequest {
            customer_id: customer_id.to_owned(),
            name: name.to_owned(),
        };
        self.eventually("a customer is put", async |fleet| {
            fleet.service.put_customer(request.clone()).await
        })
        .await;
    }

    /// Gives a device to a customer, called `name` when known, and returns when the service knows that.
    pub(crate) async fn assign(&mut self, device: &str, customer_id: &str, name: &str) {
        let request = AssignDeviceRequest {
            device_id: device.to_owned(),
            customer_id: customer_id.to_owned(),
        };
        self.eventually("a device is assigned", async |fleet| {
            fleet.service.assign_device(request.clone()).await
        })
        .await;
        let expected = Some(Customer {
            customer_id: customer_id.to_owned(),
            name: name.to_owned(),
        });
        // The view that is asked here and the processors' lookup are one copy of the topic.
        self.eventually("the assignment is known", async |fleet| {
            let known = fleet.customer(device).await;
            if known == expected {
                Ok(())
            } else {
                Err(known)
            }
        })
        .await;
    }

    /// Whose the device is, as far as the service knows.
    pub(crate) async fn customer(&mut self, device: &str) -> Option<Customer> {
        let device_id = device.to_owned();
        let request = GetDeviceRequest { device_id };
        let known = self
            .eventually("a device is asked for", async |fleet| {
                fleet.service.get_device(request.clone()).await
            })
            .await;
        known.into_inner().customer
    }

    /// Lets a device report the next number.
    pub(crate) async fn report(&mut self, kind: Kind, device: &str) {
        self.reports += 1;
        let device_id = device.to_owned();
        match kind {
            Kind::Details => {
                let request = ReportDetailsRequest {
                    device_id,
                    model: "tracker-2".to_owned(),
                    firmware: self.firmware(),
                    time: None,
                };
                self.eventually("a report is taken", async |fleet| {
                    fleet.service.report_details(request.clone()).await
                })
                .await;
            }
            Kind::Heartbeat => {
                let request = ReportHeartbeatRequest {
                    device_id,
                    battery_percent: self.reports,
                    time: None,
                };
                self.eventually("a report is taken", async |fleet| {
                    fleet.service.report_heartbeat(request.clone()).await
                })
                .await;
            }
        }
    }

    fn firmware(&self) -> String {
        format!("1.{}", self.reports)
    }

    /// Returns when the last report, which was of `device`, is in the warehouse with its customer's name.
    pub(crate) async fn saved(&mut self, kind: Kind, device: &str, customer_name: &str) {
        self.eventually("a report is saved", async |fleet| {
            let names = match kind {
                Kind::Details => {
                    let firmware = fleet.firmware();
                    fleet
                        .customers::<Details>(device, |details| details.firmware == firmware)
                        .await
                }
                Kind::Heartbeat => {
                    let number = fleet.reports;
                    fleet
                        .customers::<Heartbeat>(device, |beat| beat.battery_percent == number)
                        .await
                }
            };
            if names.iter().any(|name| name == customer_name) {
                Ok(())
            } else {
                Err(format!(
                    "saved with the names {names:?}, not {customer_name:?}"
                ))
            }
        })
        .await;
    }

    /// The customers' names of the entries of a device with such a report.
    async fn customers<R: Report>(&self, device: &str, such: impl Fn(&R) -> bool) -> Vec<String> {
        self.entries(device)
            .await
            .into_iter()
            .filter(|entry| such(&entry.report))
            .map(|entry| entry.customer_name)
            .collect()
    }

    /// How many reports of a device are in the warehouse.
    pub(crate) async fn count(&self, kind: Kind, device: &str) -> usize {
        match kind {
            Kind::Details => self.entries::<Details>(device).await.len(),
            Kind::Heartbeat => self.entries::<Heartbeat>(device).await.len(),
        }
    }

    /// How many reports of a device the service answers.
    pub(crate) async fn in_history(&mut self, kind: Kind, device: &str) -> usize {
        let request = GetHistoryRequest {
            device_id: device.to_owned(),
            limit: 0,
        };
        let history = self
            .service
            .get_history(request)
            .await
            .unwrap()
            .into_inner();
        match kind {
            Kind::Details => history.details.len(),
            Kind::Heartbeat => history.heartbeats.len(),
        }
    }

    async fn entries<R: Report>(&self, device: &str) -> Vec<Entry<R>> {
        self.warehouse.history(device, 100).await.unwrap()
    }

    /// What `attempt` returns, as soon as it succeeds; `step` says what that is.
    async fn eventually<T, E: std::fmt::Debug>(
        &mut self,
        step: &str,
        mut attempt: impl AsyncFnMut(&mut Self) -> Result<T, E>,
    ) -> T {
        let mut last = None;
        let attempts = async {
            loop {
                match attempt(self).await {
                    Ok(outcome) => return outcome,
                    Err(error) => last = Some(error),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(LIMIT, attempts).await {
            Ok(outcome) => outcome,
            Err(_) => panic!("{step}: not within {LIMIT:?}; the last attempt: {last:?}"),
        }
    }
}

/// A name that nobody has used before.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    // The topics and tables may hold what earlier runs left.
    let run = millis(SystemTime::now());
    format!("{what}-{run}-{number}")
}

/// How many partitions the topics of this service have: all the same, by the definition's defaults.
fn partitions() -> i32 {
    let definition = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/definition.yaml");
    let definition = kafmesh_definition::load(definition.as_ref()).expect("it is a definition");
    let mut partitions: Vec<_> = definition
        .topics
        .iter()
        .filter_map(|topic| Some(topic.settings.as_ref()?.partitions))
        .collect();
    partitions.dedup();
    assert_eq!(partitions.len(), 1, "{partitions:?}");
    partitions[0]
}
