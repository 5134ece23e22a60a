//! A service in one process: connect, register, run, stop.
//!
//! ```text
//! connect ──▶ register ──▶ run ──▶ stopping ──▶ ended
//! ```
//!
//! | step | what happens | the port says |
//! |---|---|---|
//! | connect | the port is opened, topics are created or checked | starting |
//! | register | views follow their topics | starting |
//! | run | processors join their groups | what follows from the objects: see `observe::health` |
//! | stopping | tasks commit, groups are left, producers flush | stopping |
//! | ended | the port is closed | nothing |
//!
//! There are no ways back and no choices, so these steps are the lines of [`Service::run`] and not
//! values of a type. An error of any part leads from *run* to *stopping*, and is what `run` returns.

mod control;
mod describe;
mod grpc;
mod http;
mod memory;
mod registry;
mod running;
mod server;
mod tls;
mod topic_watch;
mod topics;

use std::time::Duration;

use kafmesh_proto::watch::v1::watch_api_server::WatchApiServer;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::codegen::ServiceDescriptor;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::kafka::Cluster;
use crate::observe::Observer;
use crate::watch::{Access, Watching};
use control::{Deadline, Signals};
use describe::{Description, Instance, Registered};
pub use grpc::GrpcService;
use grpc::Services;
pub(crate) use memory::Bench;
pub use registry::Registry;
use server::Server;

/// A service connected to Kafka; generated code wraps it.
pub struct Service {
    registry: Registry,
    server: Server,
    /// What the port answers once the service runs.
    services: Services,
    observer: Observer,
    watching: Watching,
    halt: Halt,
    shutdown_timeout: Duration,
    descriptor: &'static ServiceDescriptor,
}

/// Ends a running service from elsewhere; clones end the same one.
#[derive(Debug, Clone)]
pub struct Stopper(CancellationToken);

impl Stopper {
    /// Lets [`run`](Service::run) commit, leave its groups and return.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

impl Service {
    /// Opens the service's port, reaches the brokers, creates the topics this service owns and
    /// checks those that exist.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`], [`Error::Unreachable`], [`Error::Topics`], [`Error::Config`]: what is in
    /// the way, within `startup_timeout`.
    pub async fn connect(config: Config, descriptor: &'static ServiceDescriptor) -> Result<Self> {
        let observer = Observer::new(descriptor.name);
        let registered = Registered::default();
        let description = Description {
            service: descriptor,
            registered: registered.clone(),
            instance: Instance {
                name: describe::name(config.instance.as_deref()),
                started_at: observer.started_at(),
                watch: config.watch,
            },
        };
        let access = Access::new(&config)?;
        let tls = tls::configured(&config)?;
        let server = Server::start(config.listen, tls, observer.clone(), description).await?;
        let cluster = Cluster::new(&config.brokers, &config.kafka)?;
        let partitions = topics::prepare(&cluster, descriptor, &config).await?;
        tracing::info!(service = descriptor.name, brokers = config.brokers, listen = %server.address(), "connected");
        let shutdown_timeout = config.shutdown_timeout;
        let watching = Watching::new(access, descriptor.files);
        let mut services = server.services();
        services.add(WatchApiServer::new(watching.clone()));
        let kafka = registry::Kafka::new(
            config,
            cluster,
            partitions,
            observer.clone(),
            watching.clone(),
        )?;
        let halt = kafka.halt.clone();
        Ok(Self {
            registry: Registry::on_kafka(descriptor, registered, kafka),
            services,
            server,
            observer,
            watching,
            halt,
            shutdown_timeout,
            descriptor,
        })
    }

    /// What components register with.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Serves `service` on the service's own port, too, once the service runs; until then, calls of
    /// it are answered with `UNAVAILABLE`.
    pub fn add_grpc_service(&mut self, service: impl GrpcService) {
        self.services.add(service);
    }

    /// Lets gRPC reflection tell of the files in `encoded`, a `FileDescriptorSet` as
    /// `tonic-prost-build` writes it.
    pub fn add_file_descriptor_set(&mut self, encoded: &'static [u8]) {
        self.services.describe(encoded);
    }

    /// Ends [`run`](Self::run) from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.halt.token())
    }

    /// Runs everything registered until SIGTERM, SIGINT or a [`Stopper`] says so, or a part fails;
    /// then commits, leaves the groups and flushes, within `shutdown_timeout`.
    ///
    /// # Errors
    ///
    /// The error of the part that failed first; the others have been stopped in order.
    /// [`Error::Shutdown`] names what had not stopped after `shutdown_timeout`. Tasks that wait are
    /// ended then, wherever they are. A handler that blocks its thread cannot be: tokio's runtime
    /// waits for it as `main` returns, so a program with such handlers ends itself after an error
    /// from `run`, with [`std::process::exit`]. Nothing is lost by it, since what was not committed is
    /// handled again.
    /// [`Error::Registered`] when a gRPC service was added twice.
    pub async fn run(self) -> Result<()> {
        let Self {
            registry,
            mut server,
            mut services,
            observer,
            watching,
            halt,
            shutdown_timeout,
            descriptor,
        } = self;
        let name = descriptor.name;
        // Of what is found here, outside of the spans of the objects.
        let span = tracing::error_span!("service", service = name);
        let fail = |error| span.in_scope(|| halt.fail(error));
        let mut signals = Signals::listen()?;
        // After the user's: of two files with one name, reflection tells of the first.
        services.describe(descriptor.files);
        server.run(services)?;
        let mut kafka = registry.start()?;
        kafka.running.spawn(
            topic_watch::TITLE.to_owned(),
            topic_watch::watch(kafka.cluster.clone(), halt.clone()),
        );
        observer.running();
        tracing::info!(service = name, "started");

        tokio::select! {
            () = halt.asked() => {}
            signal = signals.next() => match signal {
                Ok(signal) => tracing::info!(service = name, signal, "stopping"),
                Err(error) => fail(error),
            },
            error = server.failed() => fail(error),
            error = kafka.running.failed() => fail(error),
        }
        observer.stopping();
        halt.stop();
        let until = Instant::now() + shutdown_timeout;
        let mut deadline = Deadline::after(shutdown_timeout)?;
        let ending = async {
            while let Some(ended) = kafka.running.next_ended().await {
                ended.unwrap_or_else(fail);
            }
            let left = until.saturating_duration_since(Instant::now());
            let flushed = kafka.producer.close(left).await;
            flushed.unwrap_or_else(fail);
            let stored = kafka.flush_store().await;
            stored.unwrap_or_else(fail);
        };
        let in_time = tokio::select! {
            biased;
            () = ending => true,
            () = deadline.passed() => false,
        };
        // Nothing more happens that could be shown.
        watching.close();
        if in_time {
            server.close().await;
        } else {
            // The port closes as it is dropped: closing it in order may need threads that are blocked.
            let running = kafka.running.titles();
            fail(Error::Shutdown {
                waited: shutdown_timeout,
                running,
            });
        }
        let result = halt.result();
        match &result {
            Ok(()) => tracing::info!(service = name, "stopped"),
            Err(error) => tracing::error!(service = name, %error, "stopped with an error"),
        }
        result
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.descriptor.name)
            .finish_non_exhaustive()
    }
}
