//! kafmesh-discover in this process, beside the services: what runs, as a graph and an API.

use std::env;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc;
use std::thread::JoinHandle;

use kafmesh_discover::config;
use kafmesh_discover::run::Discover as Server;
use tokio_util::sync::CancellationToken;

use crate::terminal;

/// The variable that gives its port another address.
const LISTEN: &str = "KAFMESH_DISCOVER_LISTEN";

/// A kafmesh-discover that runs on a thread of its own; dropped, it ends.
pub(super) struct Discover {
    url: String,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Discover {
    /// Starts one that asks the processes at `services`, and the Kafka at `brokers`. It is told the rest
    /// by its variables.
    ///
    /// # Errors
    /// Why it cannot start. The services can do without it.
    pub(super) fn start(
        services: impl IntoIterator<Item = String>,
        brokers: &str,
    ) -> Result<Self, String> {
        let mut args: Vec<OsString> = vec![
            "kafmesh-discover".into(),
            "--kubernetes=off".into(),
            // They come and go by the second here, and there are few.
            "--scrape-interval=2s".into(),
            "--scrape-timeout=2s".into(),
            "--kafka-interval=2s".into(),
            "--shutdown-timeout=1s".into(),
            format!("--brokers={brokers}").into(),
        ];
        if env::var_os(LISTEN).is_none_or(|listen| listen.is_empty()) {
            args.push("--listen=127.0.0.1:0".into());
        }
        for service in services {
            args.push(format!("--target={}", reachable(&service)).into());
        }
        let loaded = config::load(args, env::vars_os()).map_err(|error| error.to_string())?;
        for warning in &loaded.warnings {
            terminal::say(&format!("warning: kafmesh-discover: {warning}"));
        }
        let stop = CancellationToken::new();
        let (started, url) = mpsc::channel();
        let ended = stop.clone();
        let thread = std::thread::Builder::new()
            .name("kafmesh-discover".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build();
                let runtime = match runtime {
                    Ok(runtime) => runtime,
                    Err(error) => return started.send(Err(error.to_string())).unwrap_or(()),
                };
                runtime.block_on(async {
                    match Server::start(loaded.config).await {
                        Ok(server) => {
                            started.send(Ok(server.url())).unwrap_or(());
                            server.run(ended).await;
                        }
                        Err(error) => started.send(Err(error.to_string())).unwrap_or(()),
                    }
                });
                // What still waits for Kafka need not be waited for.
                runtime.shutdown_background();
            })
            .map_err(|error| error.to_string())?;
        let url = url
            .recv()
            .map_err(|_| "it ended at once".to_owned())
            .and_then(|started| started)?;
        Ok(Self {
            url,
            stop,
            thread: Some(thread),
        })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Discover {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // It has told of its own failures.
            thread.join().unwrap_or(());
        }
    }
}

/// Where a service that listens at `address` is reached from here.
fn reachable(address: &str) -> String {
    let Ok(mut parsed) = address.parse::<SocketAddr>() else {
        return address.to_owned();
    };
    if parsed.ip().is_unspecified() {
        parsed.set_ip(match parsed.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    parsed.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_listens_everywhere_is_reached_here() {
        assert_eq!(reachable("0.0.0.0:50051"), "127.0.0.1:50051");
        assert_eq!(reachable("[::]:50051"), "[::1]:50051");
        assert_eq!(reachable("10.0.0.7:50051"), "10.0.0.7:50051");
    }
}
