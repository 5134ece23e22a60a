//! What is told of API servers that answer late, never, or not what was asked for.
//!
//! Time is not real here: it passes when nothing else is left to do.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, Uri};
use futures_util::stream;
use serde_json::{Value, json};

use super::*;

/// What an API server answers; `None`: nothing, for ever.
type Answer = Option<Response<Body>>;

/// Follows the pods of an API server that answers as `answer` does.
fn following(answer: impl Fn(&Uri) -> Answer + Send + 'static) -> mpsc::Receiver<News> {
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let answered = answer(request.uri());
        async move {
            match answered {
                Some(response) => Ok::<_, Infallible>(response),
                None => std::future::pending().await,
            }
        }
    });
    let client = kube::Client::new(service, "default");
    let (tell, news) = mpsc::channel(16);
    tokio::spawn(follow(Kubernetes::new(client, []), None, tell));
    news
}

fn is_watch(uri: &Uri) -> bool {
    uri.query()
        .is_some_and(|query| query.contains("watch=true"))
}

fn list(pods: &[Value], more: &str) -> Answer {
    let list = json!({
        "kind": "PodList", "apiVersion": "v1", "items": pods,
        "metadata": { "resourceVersion": "1", "continue": more },
    });
    Some(Response::new(list.to_string().into()))
}

/// A watch that begins and tells of nothing.
fn silence() -> Answer {
    let nothing = stream::pending::<Result<Vec<u8>, Infallible>>();
    Some(Response::new(Body::from_stream(nothing)))
}

async fn next(news: &mut mpsc::Receiver<News>) -> What {
    news.recv().await.expect("it is followed").what
}

async fn failure(news: &mut mpsc::Receiver<News>) -> String {
    match next(news).await {
        What::Failing(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_falls_silent_is_begun_again() {
    let lists = Arc::new(AtomicUsize::new(0));
    let listed = lists.clone();
    let mut news = following(move |uri| {
        if is_watch(uri) {
            return silence();
        }
        listed.fetch_add(1, Ordering::SeqCst);
        list(&[], "")
    });
    let began = Instant::now();
    assert!(matches!(next(&mut news).await, What::Listed { pods, .. } if pods.is_empty()));
    assert!(matches!(next(&mut news).await, What::Watching));
    assert!(matches!(next(&mut news).await, What::Watching));
    assert!(
        began.elapsed() > Duration::from_secs(290),
        "the server would have ended it by then"
    );
    assert_eq!(lists.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_never_answered_fails() {
    let mut news = following(|_| None);
    assert_eq!(
        failure(&mut news).await,
        "cannot list pods in all namespaces: no answer within 60s; check that the API server can \
         be reached"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_does_not_begin_fails() {
    let mut news = following(|uri| {
        if is_watch(uri) {
            return None;
        }
        list(&[], "")
    });
    assert!(matches!(next(&mut news).await, What::Listed { .. }));
    let why = failure(&mut news).await;
    assert!(
        why.starts_with("cannot watch pods in all namespaces: no answer within 60s"),
        "{why}"
    );
    // No list in between: it goes on from the version it knows.
    let why = failure(&mut news).await;
    assert!(why.starts_with("cannot watch"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_watch_lists_again() {
    let mut news = following(|uri| {
        if !is_watch(uri) {
            return list(&[], "");
        }
        let refusal = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "pods is forbidden: User \"me\" cannot watch resource \"pods\"",
            "reason": "Forbidden", "code": 403,
        });
        let mut response = Response::new(refusal.to_string().into());
        *response.status_mut() = StatusCode::FORBIDDEN;
        Some(response)
    });
    for _ in 0..3 {
        assert!(matches!(next(&mut news).await, What::Listed { .. }));
        let why = failure(&mut news).await;
        assert!(why.contains("me lacks the verb `watch`"), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_ten_thousand_pods_only_those_of_the_mesh_are_kept() {
    let mut news = following(|uri| {
        if is_watch(uri) {
            return silence();
        }
        let query = uri.query().unwrap_or_default();
        assert!(query.contains("limit=500"), "{query}");
        let page = match query.split("continue=").nth(1) {
            Some(token) => token.split('&').next().unwrap().parse().unwrap(),
            None => 0,
        };
        let pods: Vec<Value> = (0..500)
            .map(|i| {
                let of_the_mesh = page == 10 && i == 3;
                json!({
                    "metadata": {
                        "namespace": "shop", "name": format!("pod-{page}-{i}"),
                        "annotations": { "kafmesh/scrape": of_the_mesh.to_string() },
                    },
                    "spec": {},
                })
            })
            .collect();
        let more = match page + 1 {
            20 => String::new(),
            page => page.to_string(),
        };
        list(&pods, &more)
    });
    let What::Listed { pods: kept, .. } = next(&mut news).await else {
        panic!("they are not listed");
    };
    let keys: Vec<_> = kept.iter().map(|found| found.pod.key.as_str()).collect();
    assert_eq!(keys, ["shop/pod-10-3"]);
}
