//! PEM files that settings name, and what is wrong with them.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate and its key, if they are given.
pub(super) fn pair(
    name: &str,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    problems: &mut Vec<String>,
) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return None,
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            problems.push(format!(
                "`{name}-certificate` and `{name}-key` belong together; set both or neither"
            ));
            return None;
        }
    };
    certificates(&format!("{name}-certificate"), &certificate, problems);
    if let Err(error) = PrivateKeyDer::from_pem_file(&key) {
        let what = pem_problem(&error, "-----BEGIN PRIVATE KEY-----");
        problems.push(format!("`{name}-key`: {}: {what}", key.display()));
    }
    Some((certificate, key))
}

/// Says what is wrong with a file of authorities, if one is named.
pub(super) fn authorities(name: &str, path: Option<&Path>, problems: &mut Vec<String>) {
    if let Some(path) = path {
        certificates(name, path, problems);
    }
}

/// Says what is wrong with a file of certificates.
fn certificates(name: &str, path: &Path, problems: &mut Vec<String>) {
    let read: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    let what = match read {
        Ok(certificates) if certificates.is_empty() => {
            pem_problem(&rustls::pki_types::pem::Error::NoItemsFound, CERTIFICATE)
        }
        Ok(_) => return,
        Err(error) => pem_problem(&error, CERTIFICATE),
    };
    problems.push(format!("`{name}`: {}: {what}", path.display()));
}

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

fn pem_problem(error: &rustls::pki_types::pem::Error, begins: &str) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => format!("cannot be read: {error}"),
        Error::NoItemsFound => format!("has no section that begins with {begins}"),
        other => format!("is no PEM file: {other}"),
    }
}
