//! Collects what the processes of a mesh say of themselves, and shows it.
//!
//! Most use the program `kafmesh-discover`. A program of one's own, such as `kafmesh dev`, runs the same beside
//! what else it does: [`config`] says what is asked, who may ask, and where the graph is kept;
//! [`run::Discover`] is all of it, with an HTTP port whose `/openapi.json` describes the rest.
//!
//! ```
//! use kafmesh_discover::config::{Config, Kubernetes};
//! use kafmesh_discover::run::Discover;
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::default();
//! config.listen.set_port(0);
//! config.scrape.kubernetes = Kubernetes::Off;
//! config.scrape.targets.push("127.0.0.1:50051".to_owned());
//!
//! let discover = Discover::start(config).await?;
//! println!("the mesh is shown at {}", discover.url());
//! let stop = CancellationToken::new();
//! let running = tokio::spawn(discover.run(stop.clone()));
//! // …until the program ends.
//! stop.cancel();
//! running.await?;
//! # Ok(())
//! # }
//! ```
//!
//! What else is public is for that program and for tests, and may change at any time.

pub mod config;
mod logs;
mod metrics;
pub mod run;

#[doc(hidden)]
pub mod api;
#[doc(hidden)]
pub mod dial;
#[doc(hidden)]
pub mod kafka;
#[doc(hidden)]
pub mod mesh;
#[doc(hidden)]
pub mod program;
#[doc(hidden)]
pub mod scrape;
#[doc(hidden)]
pub mod status;
#[doc(hidden)]
pub mod store;
