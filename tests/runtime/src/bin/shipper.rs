//! A service with a sink as its users would write it, for tests to start, signal and kill.
//!
//! `KAFMESH_*` configures it as any service; `SHIPPER_PREFIX` and `SHIPPER_PARTITIONS` say what it is.
//! It prints each record it has written; `SHIPPER_PAUSE_MS` is the time from there to the commit.

use std::time::Duration;

use kafmesh::codegen::v1::{Service, Sink, SinkDescriptor};
use kafmesh::{Batching, Result, SinkRecord};
use kafmesh_runtime_tests::{Click, Parts, variable};

struct Shipper {
    descriptor: &'static SinkDescriptor,
    pause: Duration,
}

impl Sink for Shipper {
    type Message = Click;

    fn descriptor(&self) -> &'static SinkDescriptor {
        self.descriptor
    }

    async fn write(&mut self, batch: &[SinkRecord<Click>]) -> Result<()> {
        for record in batch {
            println!("wrote {}/{}", record.partition, record.offset);
        }
        tokio::time::sleep(self.pause).await;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let parts = Parts::new(
        &variable::<String>("SHIPPER_PREFIX").unwrap_or_default(),
        variable("SHIPPER_PARTITIONS").unwrap_or(1),
    );
    let mut service = Service::connect(kafmesh::Config::from_env()?, parts.service).await?;
    let shipper = Shipper {
        descriptor: parts.sink,
        pause: Duration::from_millis(variable("SHIPPER_PAUSE_MS").unwrap_or(0)),
    };
    let batching = Batching::default()
        .with_records(40)
        .with_interval(Duration::from_millis(20));
    service
        .registry()
        .register_sink(parts.component, shipper, batching)?;
    service.run().await
}
