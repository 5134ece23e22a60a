//! A Kafka-protocol broker inside this process, in memory, for development.

mod fetch;
mod groups;
mod list_offsets;
mod log;
mod produce;
mod records;

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fetch::Fetch;
use groups::{Groups, JoinGroup};
use list_offsets::ListOffsets;
use produce::Produce;
use rama::{Context, Layer as _, Service as _};
use records::Records;
use tansu_broker::coordinator::group::administrator::Controller;
use tansu_broker::service::{coordinator, storage};
use tansu_sans_io::{
    ApiKey as _, DescribeGroupsRequest, FetchRequest, JoinGroupRequest, ListGroupsRequest,
    ListOffsetsRequest, ProduceRequest,
};
use tansu_service::{
    BytesFrameLayer, BytesFrameService, FrameRequestLayer, FrameRouteService, TcpBytesLayer,
    TcpBytesService, TcpContext, TcpContextLayer, TcpContextService,
};
use tansu_storage::StorageContainer;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;

const CLUSTER: &str = "kafmesh-dev";
const NODE: i32 = 1;

/// One connection's stack of services.
type Connection = TcpContextService<
    TcpBytesService<BytesFrameService<FrameRouteService<(), tansu_broker::Error>>, ()>,
>;

/// A running broker; it ends when this is dropped.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Broker {
    /// Starts a broker on a free port of 127.0.0.1 and returns once it accepts connections.
    ///
    /// It runs on its own thread with its own runtime, so that a busy one here does not slow it.
    ///
    /// # Errors
    /// When the port cannot be bound or the thread cannot be started.
    pub fn start() -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (started, address) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::Builder::new()
            .name("broker".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    match bind().await {
                        Ok((listener, address, connection)) => {
                            // The receiver waits for exactly this; when it is gone, so is our purpose.
                            if started.send(Ok(address)).is_ok() {
                                accept(listener, connection, stopped).await;
                            }
                        }
                        Err(error) => started.send(Err(error)).unwrap_or(()),
                    }
                });
                // Connections still open are dropped here, with whatever they were waiting for.
                runtime.shutdown_background();
            })?;
        let address = address
            .recv()
            .map_err(|_| io::Error::other("the broker's thread ended before it listened"))??;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where clients connect: `host:port`, for `bootstrap.servers`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed already and is no reason for another one here.
            thread.join().unwrap_or(());
        }
    }
}

async fn bind() -> io::Result<(TcpListener, SocketAddr, Connection)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let advertised = Url::parse(&format!("tcp://{address}")).map_err(io::Error::other)?;
    let memory = Url::parse("memory://kafmesh/").map_err(io::Error::other)?;
    let storage = StorageContainer::builder()
        .cluster_id(CLUSTER)
        .node_id(NODE)
        .advertised_listener(advertised)
        .storage(memory)
        .silent(true)
        .build()
        .await
        .map_err(io::Error::other)?;
    let connection = services(storage).map_err(io::Error::other)?;
    Ok((listener, address, connection))
}

/// Tansu's services, with ours for the records and for who is in a group.
///
/// ConsumerGroupDescribe is none of them: Tansu answers it for groups of the classic protocol too, without
/// their members, and clients that are told of it do not ask with DescribeGroups then.
fn services(storage: StorageContainer) -> Result<Connection, tansu_broker::Error> {
    let records = Records::new(storage.clone());
    let coordinator = Controller::with_storage(storage.clone())?;
    let groups = Groups::new(storage.clone(), coordinator.clone());
    let builder = [
        storage::create_topics,
        storage::delete_groups,
        storage::delete_topics,
        storage::describe_cluster,
        storage::describe_configs,
        storage::describe_topic_partitions,
        storage::find_coordinator,
        storage::incremental_alter_configs,
        storage::init_producer_id,
        storage::metadata,
    ]
    .iter()
    .try_fold(FrameRouteService::builder(), |builder, service| {
        service(builder, storage.clone())
    })?;
    let builder = [
        coordinator::heartbeat,
        coordinator::leave_group,
        coordinator::offset_commit,
        coordinator::offset_fetch,
        coordinator::sync_group,
    ]
    .iter()
    .try_fold(builder, |builder, service| {
        service(builder, coordinator.clone())
    })?;
    let route = builder
        .with_route(JoinGroupRequest::KEY, JoinGroup(groups.clone()).boxed())?
        .with_route(
            ListGroupsRequest::KEY,
            FrameRequestLayer::<ListGroupsRequest>::new()
                .into_layer(groups.clone())
                .boxed(),
        )?
        .with_route(
            DescribeGroupsRequest::KEY,
            FrameRequestLayer::<DescribeGroupsRequest>::new()
                .into_layer(groups)
                .boxed(),
        )?
        .with_route(
            ProduceRequest::KEY,
            FrameRequestLayer::<ProduceRequest>::new()
                .into_layer(Produce(records.clone()))
                .boxed(),
        )?
        .with_route(
            FetchRequest::KEY,
            FrameRequestLayer::<FetchRequest>::new()
                .into_layer(Fetch(records.clone()))
                .boxed(),
        )?
        .with_route(
            ListOffsetsRequest::KEY,
            FrameRequestLayer::<ListOffsetsRequest>::new()
                .into_layer(ListOffsets(records))
                .boxed(),
        )?
        .build()?;
    Ok((
        TcpContextLayer::new(TcpContext::default().cluster_id(Some(CLUSTER.to_owned()))),
        TcpBytesLayer::default(),
        BytesFrameLayer::default(),
    )
        .into_layer(route))
}

async fn accept(listener: TcpListener, connection: Connection, mut stopped: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Out of file descriptors, most likely: it fails again until some are closed.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                // Without it small answers wait for the client's delayed acknowledgement.
                if stream.set_nodelay(true).is_err() { continue }
                let connection = connection.clone();
                // How a connection ends is the client's affair; it logs what it could not do.
                tokio::spawn(async move { connection.serve(Context::default(), stream).await });
            }
            _ = &mut stopped => break,
        }
    }
}
