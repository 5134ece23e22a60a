//! A counting service as its users would write it, for tests to start, signal and kill.
//!
//! `KAFMESH_*` configures it as any service; `COUNTER_*` say what it is:
//! `COUNTER_PREFIX`, `COUNTER_PARTITIONS`, `COUNTER_REPLICATION`, `COUNTER_RETENTION_MS`,
//! `COUNTER_FOREIGN` (an input that another service creates), `COUNTER_JOIN` (a topic in which every key
//! must be found; then there is an input `taps`, too), `COUNTER_HANG_AT` (the handler of that
//! key never returns), `COUNTER_BLOCK_AT` (nor does it give its thread back) and `COUNTER_PAUSE_US`
//! (how long the handler takes).

use std::sync::Once;
use std::time::{Duration, Instant};

use kafmesh::Result;
use kafmesh::codegen::v1::{Context, Processor, ProcessorDescriptor, Service};
use kafmesh_runtime_tests::{Count, Shape, counting, variable};

struct Counter {
    descriptor: &'static ProcessorDescriptor,
    began: Instant,
    first: Once,
    hang_at: Option<String>,
    block_at: Option<String>,
    pause: Duration,
}

impl Processor for Counter {
    type State = Count;

    fn descriptor(&self) -> &'static ProcessorDescriptor {
        self.descriptor
    }

    async fn handle(
        &self,
        input: usize,
        mut context: Context<'_, Count>,
        value: Option<&[u8]>,
    ) -> Result<()> {
        self.first
            .call_once(|| println!("first record after {} ms", self.began.elapsed().as_millis()));
        if self.hang_at.as_deref() == Some(context.key()) {
            println!("hanging");
            std::future::pending::<()>().await;
        }
        if self.block_at.as_deref() == Some(context.key()) {
            println!("blocking");
            loop {
                std::thread::park();
            }
        }
        if !self.descriptor.joins.is_empty() && context.join::<Count>(0)?.is_none() {
            return Err(kafmesh::Error::handler("the joined table lacks the key"));
        }
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        counting(input, &mut context, value)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let began = Instant::now();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    let mut shape = Shape::counter(
        variable::<String>("COUNTER_PREFIX").unwrap_or_default(),
        variable("COUNTER_PARTITIONS").unwrap_or(4),
    );
    shape.replication = variable("COUNTER_REPLICATION").unwrap_or(shape.replication);
    shape.retention_ms = variable("COUNTER_RETENTION_MS").unwrap_or(shape.retention_ms);
    if let Some(foreign) = variable::<String>("COUNTER_FOREIGN") {
        shape.inputs.push(String::leak(foreign));
        shape.foreign.extend(shape.inputs.last().copied());
    }
    if let Some(joined) = variable::<String>("COUNTER_JOIN") {
        shape.inputs.push("taps");
        shape.joins.push(String::leak(joined));
    }
    let mesh = shape.build();
    let mut service = Service::connect(kafmesh::Config::from_env()?, mesh.service).await?;
    println!("connected after {} ms", began.elapsed().as_millis());
    let counter = Counter {
        descriptor: mesh.processor,
        began,
        first: Once::new(),
        hang_at: variable("COUNTER_HANG_AT"),
        block_at: variable("COUNTER_BLOCK_AT"),
        pause: Duration::from_micros(variable("COUNTER_PAUSE_US").unwrap_or(0)),
    };
    service
        .registry()
        .register_processor(mesh.component, counter)?;
    if let Err(error) = service.run().await {
        eprintln!("Error: {error}");
        // The runtime would wait for a handler that blocks its thread.
        std::process::exit(1);
    }
    Ok(())
}
