//! A process whose port asks for certificates.

use std::path::{Path, PathBuf};

use kafmesh_mesh_tests::shop::Shop;
use kafmesh_test_tls::Authority;

use crate::{grpcurl, printed};

/// Files of a certificate that `authority` has issued, and of its key.
fn issued(authority: &Authority, folder: &Path) -> (PathBuf, PathBuf) {
    std::fs::create_dir(folder).unwrap();
    authority.issue("127.0.0.1").write(folder)
}

#[tokio::test]
async fn with_mutual_tls_only_who_shows_a_certificate_is_answered() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| folder.path().join(name);
    let (certificate, key) = issued(&authority, &in_folder("shop"));
    let ca = authority.write(folder.path());
    let shop = Shop::open("shop-0", |config| {
        config
            .with_tls(certificate, key)
            .with_tls_client_ca(ca.clone())
    })
    .await;
    let (address, ca) = (shop.address.to_string(), ca.to_str().unwrap());
    let ping = [address.as_str(), "kafmesh.ping.v1.PingAPI/Ping"];
    let with = |(certificate, key): (PathBuf, PathBuf)| {
        [
            "-cert",
            certificate.to_str().unwrap(),
            "-key",
            key.to_str().unwrap(),
        ]
        .map(str::to_owned)
    };
    let own = with(issued(&authority, &in_folder("client")));
    let own: Vec<_> = own.iter().map(String::as_str).collect();
    let trusting = ["-cacert", ca];
    let with_own = [&trusting, &own[..], &ping].concat();
    assert_eq!(printed(&with_own).await, "{}\n");

    let others = with(issued(&stranger, &in_folder("stranger")));
    let others: Vec<_> = others.iter().map(String::as_str).collect();
    let strangers_ca = stranger.write(&in_folder("stranger"));
    let refused: [&[&str]; 4] = [
        &["-plaintext"],
        &trusting,
        &[&trusting, &others[..]].concat(),
        &[&["-cacert", strangers_ca.to_str().unwrap()], &own[..]].concat(),
    ];
    for arguments in refused {
        let output = grpcurl(&[&["-connect-timeout", "5"], arguments, &ping].concat()).await;
        assert!(!output.status.success(), "{arguments:?}");
    }
    // It was them, and not the port.
    assert_eq!(printed(&with_own).await, "{}\n");
}
