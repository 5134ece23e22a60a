//! What a renewed authority, certificate and key change for connections to a process.

use std::net::SocketAddr;
use std::path::PathBuf;

use futures_util::{Stream, StreamExt as _};
use kafmesh_test_tls::{Authority, Issued};
use tokio::net::TcpListener;

use super::*;
use crate::mesh::pod::{FailureKind, Pod, PodKey};

/// A process that takes clients of `authority` only, which has signed its certificate as well.
async fn process(authority: &Authority) -> (Pod, impl Stream<Item = bool>) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue("localhost").write(folder.path());
    let files = kafmesh_port::Files {
        certificate,
        key,
        client_ca: Some(authority.write(folder.path())),
        anonymous: false,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pod = pod(listener.local_addr().unwrap());
    let tls = kafmesh_port::Tls::read(files).unwrap();
    let accepted = tls.accept(kafmesh_port::connections(listener));
    (pod, Box::pin(accepted.map(|accepted| accepted.is_ok())))
}

fn pod(address: SocketAddr) -> Pod {
    let address = address.to_string();
    Pod {
        key: PodKey::of_target(&address),
        namespace: None,
        name: address.clone(),
        uid: None,
        address,
        tls: true,
        node: None,
        version: None,
    }
}

/// Writes what a client of `authority` needs over what is there.
fn write(folder: &Path, authority: &Authority) -> (PathBuf, Issued) {
    let issued = authority.issue("client");
    issued.write(folder);
    (authority.write(folder), issued)
}

#[tokio::test]
async fn a_renewed_authority_and_certificate_are_used_without_a_restart() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (former, renewed) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = write(folder.path(), &former);
    let config = Dial {
        ca: Some(ca),
        server_name: Some("localhost".to_owned()),
        identity: Some((folder.path().join("tls.crt"), folder.path().join("tls.key"))),
        watch_token: None,
    };
    let (dialer, files) = dialer(&config, Duration::from_secs(10)).unwrap();
    let files = files.unwrap().look_every(Duration::from_millis(10));
    tokio::spawn(follow(files, dialer.clone()));

    let (pod, mut clients) = process(&former).await;
    let (dialled, accepted) = tokio::join!(dialer.dial(&pod), clients.next());
    dialled.unwrap();
    assert_eq!(accepted, Some(true));

    // Neither end trusts the other any more, until the files are renewed here, too.
    let (pod, mut clients) = process(&renewed).await;
    let (dialled, accepted) = tokio::join!(dialer.dial(&pod), clients.next());
    assert_eq!(dialled.unwrap_err().kind, FailureKind::Denied);
    assert_eq!(accepted, Some(false));
    write(folder.path(), &renewed);
    let used = async {
        loop {
            let (dialled, accepted) = tokio::join!(dialer.dial(&pod), clients.next());
            if dialled.is_ok() && accepted == Some(true) {
                break;
            }
        }
    };
    let used = tokio::time::timeout(Duration::from_secs(60), used).await;
    used.expect("the renewed files are not used within a minute");

    // What cannot be used changes nothing.
    std::fs::write(folder.path().join("tls.key"), "no key").unwrap();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let (dialled, accepted) = tokio::join!(dialer.dial(&pod), clients.next());
        dialled.unwrap();
        assert_eq!(accepted, Some(true));
    }
}
