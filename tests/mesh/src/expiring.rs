//! Something between a client and the API server that forgets: it ends watches with 410.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kube::Client;
use serde_json::json;

/// Passes requests on to an API server, with somebody else's rights.
pub struct Expiring {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    /// How many more watches are refused with the status 410.
    refuse: AtomicUsize,
    /// How many more watches are answered with an event that says so.
    expire: AtomicUsize,
    lists: AtomicUsize,
}

impl Expiring {
    /// Refuses the first `refuse` watches with 410, and lets the `expire` that follow begin and then
    /// expire.
    pub async fn start(client: Client, refuse: usize, expire: usize) -> Self {
        let shared = Arc::new(Shared {
            client,
            refuse: AtomicUsize::new(refuse),
            expire: AtomicUsize::new(expire),
            lists: AtomicUsize::new(0),
        });
        let router = axum::Router::new()
            .fallback(pass_on)
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// A client that goes through it.
    pub fn client(&self) -> Client {
        let url = format!("http://{}", self.address).parse().unwrap();
        Client::try_from(kube::Config::new(url)).unwrap()
    }

    /// Waits until pods were listed so often.
    pub async fn listed(&self, times: usize) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while self.shared.lists.load(Ordering::SeqCst) < times {
            assert!(
                tokio::time::Instant::now() < deadline,
                "pods were not listed {times} times"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn pass_on(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let expired = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version: 1 (2)", "reason": "Expired", "code": 410,
    });
    let is_watch = request
        .uri()
        .query()
        .is_some_and(|query| query.contains("watch=true"));
    if !is_watch {
        shared.lists.fetch_add(1, Ordering::SeqCst);
    } else if take(&shared.refuse) {
        return (StatusCode::GONE, expired.to_string()).into_response();
    } else if take(&shared.expire) {
        let event = json!({ "type": "ERROR", "object": expired });
        return format!("{event}\n").into_response();
    }
    let (parts, _) = request.into_parts();
    let uri = parts.uri.path_and_query().unwrap().as_str();
    let request = axum::http::Request::get(uri)
        .body(kube::client::Body::empty())
        .unwrap();
    match shared.client.send(request).await {
        Ok(response) => response.map(Body::new).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

fn take(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}
