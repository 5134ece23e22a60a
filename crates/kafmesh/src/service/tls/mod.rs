//! The certificates of the service's port, as the configuration names them.

#[cfg(test)]
mod tests;

use kafmesh_port::{File, Files, Tls};

use crate::config::Config;
use crate::error::{Error, Result};

const CERTIFICATE: &str = "KAFMESH_TLS_CERTIFICATE";
const KEY: &str = "KAFMESH_TLS_KEY";
const CLIENT_CA: &str = "KAFMESH_TLS_CLIENT_CA";

/// What the configuration asks for; nothing for a port without TLS.
///
/// # Errors
///
/// [`Error::Config`]: a file is not named, not there, or of no use.
pub(super) fn configured(config: &Config) -> Result<Option<Tls>> {
    let client_ca = config.tls_client_ca.clone();
    let without = |name: &str, other: &str| {
        let problem = format!("it needs {other}, which is not set");
        Err(wrong(name, problem))
    };
    let files = match (&config.tls_certificate, &config.tls_key) {
        (Some(certificate), Some(key)) => Files {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca,
            anonymous: false,
        },
        (Some(_), None) => return without(CERTIFICATE, KEY),
        (None, Some(_)) => return without(KEY, CERTIFICATE),
        (None, None) if client_ca.is_some() => return without(CLIENT_CA, CERTIFICATE),
        (None, None) => return Ok(None),
    };
    let tls = Tls::read(files).map_err(|error| {
        let name = match error.file() {
            File::Certificate => CERTIFICATE,
            File::Key => KEY,
            File::ClientCa => CLIENT_CA,
        };
        wrong(name, error.to_string())
    })?;
    Ok(Some(tls))
}

fn wrong(name: &str, problem: String) -> Error {
    Error::Config {
        name: name.to_owned(),
        problem,
    }
}
