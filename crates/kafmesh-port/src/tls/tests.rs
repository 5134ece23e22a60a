//! What clients get while files change, and what is said of files that are of no use.

use std::net::SocketAddr;
use std::path::PathBuf;

use kafmesh_test_tls::{Authority, Issued};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

impl Tls {
    async fn look(&mut self) {
        let mut renew = |contents: &_| renew(&self.files, &self.current, contents);
        self.followed.look(&mut renew).await;
    }
}

/// The files of a port.
struct Folder(TempDir);

impl Folder {
    fn new(authority: &Authority) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        authority.issue("localhost").write(folder.0.path());
        folder
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path(file);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn files(&self) -> Files {
        Files {
            certificate: self.path("tls.crt"),
            key: self.path("tls.key"),
            client_ca: None,
            anonymous: false,
        }
    }
}

/// Whether a client that trusts `authority` is greeted.
async fn greeted(address: SocketAddr, authority: &Authority) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let mut stream = authority.connect(stream, None).await?;
    let mut greeting = String::new();
    stream.read_to_string(&mut greeting).await?;
    assert_eq!(greeting, "hello");
    Ok(())
}

#[tokio::test]
async fn renewed_certificates_are_used_from_then_on() {
    let (former, renewed) = (Authority::new(), Authority::new());
    let folder = Folder::new(&former);
    let mut tls = Tls::read(folder.files()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut accepted = Box::pin(tls.accept(crate::connections(listener)));
    let serving = tokio::spawn(async move {
        while let Some(connection) = accepted.next().await {
            if let Ok(mut connection) = connection {
                connection.write_all(b"hello").await.unwrap();
                connection.shutdown().await.unwrap();
            }
        }
    });
    greeted(address, &former).await.unwrap();

    // A certificate whose key is not there yet, and a file that is gone for a moment.
    let Issued { certificate, key } = renewed.issue("localhost");
    folder.write("tls.crt", &certificate);
    tls.look().await;
    greeted(address, &former).await.unwrap();
    std::fs::remove_file(folder.path("tls.key")).unwrap();
    tls.look().await;
    greeted(address, &former).await.unwrap();

    folder.write("tls.key", &key);
    tls.look().await;
    greeted(address, &renewed).await.unwrap();
    assert!(greeted(address, &former).await.is_err());
    serving.abort();
}

#[test]
fn files_that_are_of_no_use_are_named() {
    let folder = Folder::new(&Authority::new());
    let other = Authority::new().issue("localhost");
    let other = folder.write("other.key", &other.key);
    let text = folder.write("text", "no PEM\n");
    let broken = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    let broken = folder.write("broken.crt", broken);
    let (gone, certificate) = (folder.path("gone.crt"), folder.path("tls.crt"));
    let told = |change: &dyn Fn(&mut Files)| {
        let mut files = folder.files();
        change(&mut files);
        let error = Tls::read(files).unwrap_err();
        let path = format!("{}/", folder.0.path().display());
        (error.file(), error.to_string().replace(&path, ""))
    };
    let is = |file, problem: &str| (file, problem.to_owned());

    assert_eq!(
        told(&|files| files.certificate.clone_from(&gone)),
        is(
            File::Certificate,
            "gone.crt cannot be read: No such file or directory (os error 2)"
        )
    );
    assert_eq!(
        told(&|files| files.certificate.clone_from(&text)),
        is(File::Certificate, "text holds no certificate in PEM")
    );
    assert_eq!(
        told(&|files| files.key.clone_from(&certificate)),
        is(File::Key, "tls.crt holds no private key in PEM")
    );
    assert_eq!(
        told(&|files| files.key.clone_from(&other)),
        is(
            File::Key,
            "other.key is not the key of the first certificate in tls.crt"
        )
    );
    let problem = "broken.crt cannot be used: invalid peer certificate: BadEncoding";
    assert_eq!(
        told(&|files| files.certificate.clone_from(&broken)),
        is(File::Certificate, problem)
    );
    assert_eq!(
        told(&|files| files.client_ca = Some(text.clone())),
        is(File::ClientCa, "text holds no certificate in PEM")
    );
    assert_eq!(
        told(&|files| files.client_ca = Some(broken.clone())),
        is(File::ClientCa, problem)
    );
}
