//! What an error of a connection means, found in the chain of its causes.

use std::error::Error;
use std::io;

use rustls::Error as TlsError;

use crate::mesh::pod::FailureKind;

/// The kind of failure, and what happened with what to do.
pub(super) fn explain(error: &(dyn Error + 'static)) -> (FailureKind, String) {
    for cause in causes(error) {
        if let Some(error) = cause.downcast_ref::<TlsError>() {
            return tls(error);
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            // What an I/O error wraps is no source of it.
            return match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(error) => tls(error),
                None => broken(error.kind(), error),
            };
        }
    }
    broken(io::ErrorKind::Other, error)
}

/// The innermost cause, as text.
pub(super) fn deepest(error: &(dyn Error + 'static)) -> String {
    let deepest = causes(error).last().unwrap_or(error).to_string();
    super::quote(&deepest)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn tls(error: &TlsError) -> (FailureKind, String) {
    match error {
        TlsError::InvalidCertificate(_) => (
            FailureKind::Denied,
            format!(
                "its certificate is not trusted ({error}); name the file of who signed it with \
                 --pod-ca, and the name it is for with --pod-server-name"
            ),
        ),
        TlsError::AlertReceived(_) => refused(&error.to_string()),
        _ => (
            FailureKind::Invalid,
            format!(
                "it does not answer in TLS ({error}); check the port, and whether the annotation \
                 kafmesh/tls should be \"false\""
            ),
        ),
    }
}

fn refused(alert: &str) -> (FailureKind, String) {
    let why = format!(
        "it refuses our TLS ({alert}); if it asks for a certificate, name one that it trusts with \
         --pod-certificate and --pod-key"
    );
    (FailureKind::Denied, why)
}

fn broken(kind: io::ErrorKind, error: &(dyn Error + 'static)) -> (FailureKind, String) {
    let deepest = deepest(error);
    // A refusal of our certificate comes after the handshake (TLS 1.3), through HTTP/2's error,
    // which keeps its text only.
    if deepest.contains("fatal alert") {
        return refused(&deepest);
    }
    match kind {
        io::ErrorKind::ConnectionRefused => (
            FailureKind::Unreachable,
            "nobody listens there; check the port (annotation kafmesh/port, 443 without it), and \
             that the process runs"
                .to_owned(),
        ),
        io::ErrorKind::TimedOut => (
            FailureKind::Timeout,
            "no connection in time; check that nothing (a network policy, a firewall) drops what \
             kafmesh-discover sends there"
                .to_owned(),
        ),
        _ => (
            FailureKind::Unreachable,
            format!(
                "the connection failed: {deepest}; check that the port is that of gRPC, whether it \
                 speaks TLS (annotation kafmesh/tls), and the network"
            ),
        ),
    }
}
