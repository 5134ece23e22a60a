//! Processes on loopback addresses that answer as those of a mesh do, or as they should not.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, header};
use axum::routing::post;
use futures_util::stream;
use kafmesh_proto::discover::v1 as discover_v1;
use kafmesh_proto::discover::v1::discover_server::{Discover, DiscoverServer};
use kafmesh_proto::discovery::v1 as discovery_v1;
use kafmesh_proto::discovery::v1::discovery_api_server::{DiscoveryApi, DiscoveryApiServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Status};

/// A process; it ends when this is dropped.
pub struct FakePod {
    address: SocketAddr,
    said: Arc<Said>,
    task: AbortHandle,
}

#[derive(Default)]
struct Said {
    response: Mutex<discover_v1::GetServiceInfoResponse>,
    asked: AtomicUsize,
}

impl Drop for FakePod {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakePod {
    /// A process of kafmesh for Rust.
    pub async fn serving(service: discover_v1::Service) -> Self {
        Self::serving_at(&free_address().await, service).await
    }

    /// The same at an address of its own, after another that was there.
    pub async fn serving_at(address: &SocketAddr, service: discover_v1::Service) -> Self {
        Self::discover(*address, service, None).await
    }

    /// The same with TLS.
    pub async fn serving_tls(service: discover_v1::Service, tls: ServerTlsConfig) -> Self {
        crate::choose_cryptography();
        Self::discover(free_address().await, service, Some(tls)).await
    }

    async fn discover(
        address: SocketAddr,
        service: discover_v1::Service,
        tls: Option<ServerTlsConfig>,
    ) -> Self {
        let said = Arc::new(Said::default());
        said.set(service);
        let routes = Routes::new(DiscoverServer::new(Served(said.clone())));
        Self::routes(address, said, routes, tls).await
    }

    /// A process of kafmesh for Go.
    pub async fn serving_go(service: discovery_v1::Service) -> Self {
        let routes = Routes::new(DiscoveryApiServer::new(ServedAsGo(service)));
        Self::routes(free_address().await, Arc::default(), routes, None).await
    }

    /// A gRPC server without any service.
    pub async fn serving_nothing() -> Self {
        let address = free_address().await;
        Self::routes(address, Arc::default(), Routes::default(), None).await
    }

    async fn routes(
        address: SocketAddr,
        said: Arc<Said>,
        routes: Routes,
        tls: Option<ServerTlsConfig>,
    ) -> Self {
        let listener = listen(address).await;
        let address = listener.local_addr().unwrap();
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).unwrap();
        }
        let server = server.add_routes(routes);
        let task = tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self {
            address,
            said,
            task: task.abort_handle(),
        }
    }

    /// A process that answers calls with headers, and then with what `body` makes.
    pub async fn answering(body: impl Fn() -> Body + Clone + Send + Sync + 'static) -> Self {
        let handler = move || async move {
            Response::builder()
                .header(header::CONTENT_TYPE, "application/grpc")
                .body(body())
                .unwrap()
        };
        let router = axum::Router::new().route(
            "/kafmesh.discover.v1.Discover/GetServiceInfo",
            post(handler),
        );
        let listener = listen(free_address().await).await;
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            said: Arc::default(),
            task: task.abort_handle(),
        }
    }

    /// A process that answers with headers and then hangs.
    pub async fn hanging_after_headers() -> Self {
        Self::answering(|| Body::from_stream(stream::pending::<Result<Vec<u8>, String>>())).await
    }

    /// A process whose answer has 100 MB; `sent` counts those it gets rid of.
    pub async fn answering_100_mb(sent: Arc<AtomicUsize>) -> Self {
        const MB: usize = 1 << 20;
        Self::answering(move || {
            let mut first = vec![0];
            first.extend((100 * MB as u32).to_be_bytes());
            let sent = sent.clone();
            let rest = (0..100).map(move |_| {
                sent.fetch_add(1, Ordering::SeqCst);
                vec![b'x'; MB]
            });
            let chunks = std::iter::once(first).chain(rest);
            Body::from_stream(stream::iter(chunks.map(Ok::<_, String>)))
        })
        .await
    }

    /// A process that does with each connection what `talk` does.
    pub async fn talking<F>(talk: fn(TcpStream) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = listen(free_address().await).await;
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(talk(connection));
            }
        });
        Self {
            address,
            said: Arc::default(),
            task: task.abort_handle(),
        }
    }

    /// A process that accepts and says nothing.
    pub async fn hanging() -> Self {
        Self::talking(|connection| async move {
            let _held = connection;
            tokio::time::sleep(Duration::from_secs(3600)).await;
        })
        .await
    }

    /// A process that speaks nothing known.
    pub async fn talking_garbage() -> Self {
        Self::talking(|mut connection| async move {
            // No frame of HTTP/2 is as long as this would be.
            let _ = connection.write_all(&[0xff; 4096]).await;
            let _ = connection.read_to_end(&mut Vec::new()).await;
        })
        .await
    }

    /// A process that speaks HTTP/1 only.
    pub async fn talking_http_1() -> Self {
        Self::talking(|mut connection| async move {
            let _ = connection
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                .await;
            let _ = connection.read_to_end(&mut Vec::new()).await;
        })
        .await
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it says from now on.
    pub fn say(&self, service: discover_v1::Service) {
        self.said.set(service);
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.said.asked.load(Ordering::SeqCst)
    }
}

impl Said {
    fn set(&self, service: discover_v1::Service) {
        self.response.lock().unwrap().service = Some(service);
    }
}

/// A service called `name`, with a component and a processor.
pub fn service(name: &str) -> discover_v1::Service {
    let topic = format!("{name}.userId.click");
    discover_v1::Service {
        name: name.to_owned(),
        components: vec![discover_v1::Component {
            name: "math".to_owned(),
            processors: vec![discover_v1::Processor {
                name: "total clicks".to_owned(),
                group_name: format!("{name}.math.totalClicks"),
                inputs: vec![discover_v1::Input {
                    message: "userId.click".to_owned(),
                    topic,
                }],
                ..discover_v1::Processor::default()
            }],
            ..discover_v1::Component::default()
        }],
        ..discover_v1::Service::default()
    }
}

/// A loopback address that no other pod of this process has, with a port that is free.
pub async fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let next = NEXT.fetch_add(1, Ordering::SeqCst);
    let [_, high, middle, low] = next.to_be_bytes();
    let address = Ipv4Addr::new(127, 64 + high, middle, low);
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

/// Listens at `address`, also where another has listened until just now.
async fn listen(address: SocketAddr) -> TcpListener {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => assert!(
                tokio::time::Instant::now() < deadline,
                "cannot listen at {address}: {error}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

struct Served(Arc<Said>);

#[tonic::async_trait]
impl Discover for Served {
    async fn get_service_info(
        &self,
        _: Request<discover_v1::GetServiceInfoRequest>,
    ) -> Result<tonic::Response<discover_v1::GetServiceInfoResponse>, Status> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let response = self.0.response.lock().unwrap().clone();
        Ok(tonic::Response::new(response))
    }
}

struct ServedAsGo(discovery_v1::Service);

#[tonic::async_trait]
impl DiscoveryApi for ServedAsGo {
    async fn get_service_info(
        &self,
        _: Request<discovery_v1::GetServiceInfoRequest>,
    ) -> Result<tonic::Response<discovery_v1::GetServiceInfoResponse>, Status> {
        Ok(tonic::Response::new(discovery_v1::GetServiceInfoResponse {
            service: Some(self.0.clone()),
        }))
    }
}
