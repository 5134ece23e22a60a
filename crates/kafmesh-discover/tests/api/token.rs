//! Which pods are given the token of those that are watched.

use std::sync::Arc;

use kafmesh_discover::api::{self, WatchToken};
use kafmesh_discover::config::Secret;
use kafmesh_discover::dial;
use kafmesh_discover::mesh::pod::{Observed, PodKey, Pods};
use kafmesh_test_tls::{Authority, Issued};
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::events::Events;
use crate::fixture::{Fixture, mesh, pod, shop};
use crate::relay::{PATH, Pod, next, pods};

/// A watch by a kafmesh-discover that has the token, and gives it to pods of `named` without TLS.
async fn watch_with_token(fixture: &Fixture, named: &[&str]) -> Events {
    let mut parts = fixture.parts.clone();
    parts.watch_token = Some(WatchToken {
        token: Secret::new("secret"),
        namespaces: named.iter().map(ToString::to_string).collect(),
    });
    Events::open(&api::router(parts), PATH, None).await
}

fn given(pod: &Pod) -> Vec<String> {
    pod.given.lock().unwrap().clone()
}

#[tokio::test]
async fn pods_in_the_clear_are_given_the_token_in_namespaces_that_are_named() {
    let asks = Pod::start(Some("Bearer secret"), false).await;
    let fixture = Fixture::new(mesh());
    fixture.show(pods([("asks", &asks)]));
    for named in [&[][..], &["elsewhere"]] {
        let mut events = watch_with_token(&fixture, named).await;
        let failure = next(&mut events, "failed").await.data;
        assert_eq!(failure["kind"], "token");
        let message = failure["message"].as_str().unwrap();
        for setting in ["--pod-ca", "--namespace"] {
            assert!(message.contains(setting), "{message}");
        }
    }
    assert!(given(&asks).is_empty(), "{:?}", given(&asks));
    let mut events = watch_with_token(&fixture, &["elsewhere", "prod"]).await;
    assert_eq!(next(&mut events, "joined").await.data["pod"], "prod/asks");
    assert_eq!(given(&asks), ["Bearer secret"]);
}

#[tokio::test]
async fn a_pod_that_asks_for_no_token_is_watched_without() {
    let open = Pod::start(None, false).await;
    let fixture = Fixture::new(mesh());
    fixture.show(pods([("open", &open)]));
    let mut events = watch_with_token(&fixture, &[]).await;
    next(&mut events, "joined").await;
    assert!(given(&open).is_empty());
}

#[tokio::test]
async fn targets_are_given_the_token() {
    let asks = Pod::start(Some("Bearer secret"), false).await;
    let fixture = Fixture::new(mesh());
    let (_, observed) = pod("asks", &asks.address.to_string(), shop());
    let mut target = Observed::clone(&observed);
    target.pod.key = PodKey::of_target(&asks.address.to_string());
    target.pod.namespace = None;
    fixture.show(Pods::from([(target.pod.key.clone(), Arc::new(target))]));
    let mut events = watch_with_token(&fixture, &[]).await;
    next(&mut events, "joined").await;
}

#[tokio::test]
async fn pods_that_prove_who_they_are_are_given_the_token() {
    // The provider of the program; an error means that another test has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let secure = async |authority: &Authority| {
        let Issued { certificate, key } = authority.issue("127.0.0.1");
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
        let server = Server::builder().tls_config(tls).unwrap();
        Pod::serve(Some("Bearer secret"), false, server).await
    };
    let (ours, other) = (secure(&authority).await, secure(&stranger).await);
    let mut fixture = Fixture::new(mesh());
    let tls = dial::Tls {
        ca: authority.pem().into(),
        ..dial::Tls::default()
    };
    fixture.parts.dialer = fixture.parts.dialer.clone().with_tls(tls).unwrap();
    let speaking_tls = [("ours", &ours), ("other", &other)].map(|(name, running)| {
        let (key, observed) = pod(name, &running.address.to_string(), shop());
        let mut observed = Observed::clone(&observed);
        observed.pod.tls = true;
        (key, Arc::new(observed))
    });
    fixture.show(Pods::from(speaking_tls));
    let mut events = watch_with_token(&fixture, &[]).await;
    let mut told = Vec::new();
    for _ in 0..2 {
        let event = events.next().await.unwrap();
        let pod = event.data["pod"].as_str().unwrap();
        told.push(format!("{} {pod}", event.name));
    }
    told.sort();
    assert_eq!(told, ["failed prod/other", "joined prod/ours"]);
    assert_eq!(given(&ours), ["Bearer secret"]);
    assert!(given(&other).is_empty());
}
