//! Hand-written services over the runtime's generated-code contract, and plain clients to check them with.
//!
//! Everything a generator would fix at build time is a parameter here, so that each test has topics
//! and groups of its own on a shared broker.

pub mod kafka;
mod parts;
mod pauses;
mod processor;
mod shape;

pub use parts::{Ending, Keep, Parts, Plan, Report, Ship};
pub use pauses::Pauses;
pub use processor::{Handle, Handler, counting};
pub use shape::{Mesh, Shape};

/// What comes in: something happened to the key `amount` times.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Click {
    /// How often.
    #[prost(uint64, tag = "1")]
    pub amount: u64,
    /// Anything, to make records large.
    #[prost(string, tag = "2")]
    pub note: String,
}

/// What is kept and goes out: how often it happened to the key so far.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Count {
    /// How often.
    #[prost(uint64, tag = "1")]
    pub count: u64,
}

impl Click {
    /// One click.
    pub fn one() -> Self {
        Self {
            amount: 1,
            note: String::new(),
        }
    }
}

/// What the environment variable `name` says, if it is one of these.
pub fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
}

/// Kafka's form of a point in time.
pub fn millis(time: std::time::SystemTime) -> i64 {
    let since = time
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
