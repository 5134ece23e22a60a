//! A process whose port asks for certificates.

use std::path::PathBuf;

use kafmesh_mesh_tests::shop::Shop;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::{grpcurl, printed};

/// A CA, and files of what it issues.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.crt"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for whom or what is on this machine, and its key.
    fn issue(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = [".crt", ".key"].map(|ending| self.file(&format!("{name}{ending}")));
        std::fs::write(&files[0], certificate.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        let [certificate, key] = files;
        (certificate, key)
    }
}

#[tokio::test]
async fn with_mutual_tls_only_who_shows_a_certificate_is_answered() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (certificate, key) = authority.issue("shop");
    let ca = authority.file("ca.crt");
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
    let own = with(authority.issue("client"));
    let own: Vec<_> = own.iter().map(String::as_str).collect();
    let trusting = ["-cacert", ca];
    let with_own = [&trusting, &own[..], &ping].concat();
    assert_eq!(printed(&with_own).await, "{}\n");

    let others = with(stranger.issue("client"));
    let others: Vec<_> = others.iter().map(String::as_str).collect();
    let strangers_ca = stranger.file("ca.crt");
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
