//! A service with every kind of object, as its users write it and test it as a whole.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::everything::models::customer_id;
use crate::everything::models::device_id::{
    Customer, Details, EnrichedDetails, EnrichedHeartbeat, Heartbeat, State,
};
use crate::everything::{Components, Service, ServiceTest, customers, devices, heartbeats};

/// The data set of another system.
#[derive(Clone, Default)]
struct Crm(Arc<Mutex<BTreeMap<String, String>>>);

impl Crm {
    fn set(&self, id: &str, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(id.to_owned(), name.to_owned());
    }
}

impl customers::CustomersViewSource for Crm {
    async fn sync(
        &mut self,
        updates: &mut kafmesh::Updates<'_, customer_id::Details>,
    ) -> kafmesh::Result<()> {
        let names = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for (id, name) in names {
            updates.update(id, &customer_id::Details { name }).await?;
        }
        Ok(())
    }
}

struct Enrich;

impl heartbeats::EnrichHeartbeatsProcessor for Enrich {
    async fn handle_device_id_heartbeat(
        &self,
        ctx: &mut heartbeats::EnrichHeartbeatsContext<'_>,
        heartbeat: Heartbeat,
    ) -> kafmesh::Result<()> {
        let Some(customer) = ctx.join_device_id_customer()? else {
            return Ok(());
        };
        let Some(details) = ctx.lookup_customer_id_details(&customer.id)? else {
            return Ok(());
        };
        let enriched = EnrichedHeartbeat {
            alive: heartbeat.alive,
            customer_name: details.name,
        };
        ctx.output_device_id_enriched_heartbeat(ctx.key(), &enriched);
        Ok(())
    }
}

struct KeepDetails;

impl devices::KeepDetailsProcessor for KeepDetails {
    async fn handle_device_id_details(
        &self,
        ctx: &mut devices::KeepDetailsContext<'_>,
        details: Details,
    ) -> kafmesh::Result<()> {
        let mut state = ctx.state()?;
        state.serial = details.serial;
        let enriched = EnrichedDetails {
            serial: state.serial.clone(),
            customer_id: state.customer_id.clone(),
            ..Default::default()
        };
        ctx.output_device_id_enriched_details(ctx.key(), &enriched);
        ctx.save_state(state);
        Ok(())
    }
}

struct FollowCustomer;

impl devices::FollowCustomerProcessor for FollowCustomer {
    async fn handle_device_id_customer(
        &self,
        ctx: &mut devices::FollowCustomerContext<'_>,
        customer: Customer,
    ) -> kafmesh::Result<()> {
        let details = ctx.lookup_customer_id_details(&customer.id)?;
        let state = State {
            customer_id: customer.id,
            ..ctx.state()?
        };
        let enriched = EnrichedDetails {
            serial: state.serial.clone(),
            customer_id: state.customer_id.clone(),
            customer_name: details.map(|details| details.name).unwrap_or_default(),
        };
        ctx.output_device_id_enriched_details(ctx.key(), &enriched);
        ctx.save_state(state);
        Ok(())
    }
}

/// What the sinks wrote, as their test sees it.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<String>>>);

impl Written {
    fn add(&self, lines: impl IntoIterator<Item = String>) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend(lines);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl heartbeats::WarehouseSink for Written {
    async fn write(
        &mut self,
        batch: &[kafmesh::SinkRecord<EnrichedHeartbeat>],
    ) -> kafmesh::Result<()> {
        self.add(batch.iter().map(|record| {
            let value = record.value.clone().unwrap_or_default();
            format!("{} of {}", record.key, value.customer_name)
        }));
        Ok(())
    }
}

impl devices::ReportViewSink for Written {
    async fn sync(&mut self, view: &kafmesh::View<EnrichedDetails>) -> kafmesh::Result<()> {
        for entry in view.iter()? {
            let (key, details) = entry?;
            self.add([format!(
                "{key}: {} {}",
                details.serial, details.customer_name
            )]);
        }
        Ok(())
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Registers everything, in the service and in its test.
fn register(
    components: &mut impl Components,
    crm: Crm,
    archived: Written,
    reported: Written,
) -> kafmesh::Result<()> {
    let every_minute = kafmesh::Schedule::every(60 * SECOND);
    components
        .customers()
        .register_customers_view_source(crm, every_minute)?;
    let mut heartbeats = components.heartbeats();
    heartbeats.register_enrich_heartbeats_processor(Enrich)?;
    heartbeats.register_warehouse_sink(archived, kafmesh::Batching::default())?;
    let mut devices = components.devices();
    devices.register_processors(KeepDetails, FollowCustomer)?;
    devices.register_report_view_sink(reported, every_minute)
}

#[tokio::test]
async fn the_driver_of_the_service_runs_every_object() -> kafmesh::Result<()> {
    let (crm, archived, reported) = (Crm::default(), Written::default(), Written::default());
    let mut test = ServiceTest::new();
    register(&mut test, crm.clone(), archived.clone(), reported.clone())?;
    let assignments = test.customers().device_id_customer_source();
    let details = test.devices().device_id_details_source();
    let heartbeats = test.heartbeats().device_id_heartbeat_source();
    let view = test.devices().device_id_enriched_details_view()?;

    crm.set("c1", "Ann");
    test.settle().await?;
    let customer = Customer { id: "c1".into() };
    assignments.emit("d1", &customer).await?;
    let serial = "s-1".to_owned();
    details.emit("d1", &Details { serial }).await?;
    test.settle().await?;
    heartbeats.emit("d1", &Heartbeat { alive: true }).await?;
    heartbeats.emit("d2", &Heartbeat { alive: true }).await?;
    test.settle().await?;
    let known = view.get("d1")?.unwrap_or_default();
    assert_eq!(
        (known.serial.as_str(), known.customer_id.as_str()),
        ("s-1", "c1")
    );

    test.advance(SECOND);
    test.settle().await?;
    assert_eq!(archived.take(), ["d1 of Ann"]);

    // A change in the other system arrives with the next synchronisation.
    crm.set("c1", "Anne");
    assignments.emit("d1", &customer).await?;
    reported.take();
    test.advance(60 * SECOND);
    test.settle().await?;
    heartbeats.emit("d1", &Heartbeat { alive: true }).await?;
    test.settle().await?;
    test.advance(SECOND);
    test.settle().await?;
    assert_eq!(archived.take(), ["d1 of Anne"]);
    assert_eq!(reported.take().len(), 1);
    Ok(())
}

/// The service itself runs on Kafka; here it is enough that the calls of its `main` compile.
#[expect(dead_code, reason = "needs a broker to be called")]
async fn main<S: kafmesh::GrpcService>(api: S) -> kafmesh::Result<()> {
    let mut service = Service::connect(kafmesh::Config::from_env()?).await?;
    service.add_grpc_service(api).add_file_descriptor_set(&[]);
    register(
        &mut service,
        Crm::default(),
        Written::default(),
        Written::default(),
    )?;
    service.run().await
}
