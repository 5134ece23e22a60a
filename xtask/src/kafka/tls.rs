//! The key and certificate of the listeners that want TLS and a password, and that password.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::require;

/// The one account there is with TLS, which may do everything. Everything goes with the cluster, which nobody else reaches.
pub(crate) const USERNAME: &str = "kafmesh";
pub(crate) const PASSWORD: &str = "kafmesh-secret";

/// Of the key store, whose key nobody but this machine's brokers has.
const STORE_PASSWORD: &str = "changeit";

/// One key for all brokers of a cluster; its certificate vouches for itself.
#[derive(Debug, Default)]
pub(super) struct Keys {
    store: PathBuf,
    certificate: PathBuf,
}

impl Keys {
    /// Makes them in `folder`, with Java's own tool: the server needs Java anyway.
    pub(super) fn make(folder: &Path) -> Result<Self> {
        let keys = Self {
            store: folder.join("broker.p12"),
            certificate: folder.join("broker.pem"),
        };
        keys.keytool(|keytool| {
            keytool
                .args(["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1"])
                .args(["-dname", "CN=localhost", "-validity", "30"])
                .args(["-ext", "SAN=dns:localhost,ip:127.0.0.1"])
        })?;
        keys.keytool(|keytool| {
            keytool
                .args(["-exportcert", "-rfc", "-file"])
                .arg(&keys.certificate)
        })?;
        Ok(keys)
    }

    fn keytool(&self, command: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
        let mut keytool = Command::new(require::java().with_file_name("keytool"));
        let output = command(&mut keytool)
            .args(["-alias", "broker", "-storetype", "PKCS12"])
            .args(["-storepass", STORE_PASSWORD, "-keystore"])
            .arg(&self.store)
            .stdin(Stdio::null())
            .output()
            .context("cannot run keytool, which comes with Java")?;
        if !output.status.success() {
            bail!(
                "keytool failed: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    /// What clients have to trust.
    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// What goes into `server.properties`.
    pub(super) fn properties(&self) -> String {
        format!(
            "\
listener.name.sasl_ssl.ssl.keystore.type=PKCS12
listener.name.sasl_ssl.ssl.keystore.location={store}
listener.name.sasl_ssl.ssl.keystore.password={STORE_PASSWORD}
listener.name.sasl_ssl.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
",
            store = self.store.display()
        )
    }
}
