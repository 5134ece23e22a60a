//! Connections to the processes of the mesh, with certificates that may be renewed while it runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kafmesh_port::Followed;

use super::StartError;
use crate::config::Dial;
use crate::dial::{Dialer, Tls};

/// Connects with the certificates that the configuration names, if it does; the files are to be
/// followed then, with [`Dialer::renew`].
pub(super) fn dialer(
    config: &Dial,
    timeout: Duration,
) -> Result<(Dialer, Option<Followed<Tls>>), StartError> {
    let dialer = Dialer::new(timeout);
    let Some(tls) = read_all(config)? else {
        return Ok((dialer, None));
    };
    let dialer = dialer.with_tls(tls.clone())?;
    let config = config.clone();
    let read = move || match read_all(&config) {
        Ok(tls) => Ok(tls.unwrap_or_default()),
        Err(error) => Err(error.to_string()),
    };
    let followed = Followed::new("the certificates for pods", tls, read);
    Ok((dialer, Some(followed)))
}

/// Uses what is in the files, whenever that changes; never ends.
pub(super) async fn follow(files: Followed<Tls>, dialer: Dialer) {
    let renew = |tls: &Tls| dialer.renew(tls.clone()).map_err(|error| error.to_string());
    files.follow(renew).await;
}

/// What is in the files, if the configuration names authorities.
fn read_all(config: &Dial) -> Result<Option<Tls>, StartError> {
    let Some(ca) = &config.ca else {
        return Ok(None);
    };
    let identity = match &config.identity {
        Some((certificate, key)) => Some((read(certificate)?, read(key)?)),
        None => None,
    };
    Ok(Some(Tls {
        ca: read(ca)?,
        identity,
        server_name: config.server_name.clone(),
    }))
}

fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    fs::read(path).map_err(|source| StartError::File {
        path: path.to_path_buf(),
        source,
    })
}

#[cfg(test)]
mod tests;
