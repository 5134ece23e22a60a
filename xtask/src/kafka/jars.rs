//! Fetches the server's jars with Maven, once.

use std::path::PathBuf;

use anyhow::Result;

use crate::maven::{self, Dependency, Goal};
use crate::{cache, say};

/// The Kafka that tests, benchmarks and `servers` run on.
pub(crate) const VERSION: &str = "4.3.1";

/// Kafka logs through slf4j 1.7; this binds it to log4j 2.
const LOG4J: &str = "2.24.3";

const DEPENDENCIES: [Dependency; 3] = [
    Dependency {
        group: "org.apache.kafka",
        artifact: "kafka_2.13",
        version: VERSION,
    },
    Dependency {
        group: "org.apache.kafka",
        artifact: "kafka-tools",
        version: VERSION,
    },
    Dependency {
        group: "org.apache.logging.log4j",
        artifact: "log4j-slf4j-impl",
        version: LOG4J,
    },
];

/// The folder with all jars of the server and its tools.
pub(super) fn fetch() -> Result<PathBuf> {
    cache::folder(&format!("kafka-{VERSION}-log4j-{LOG4J}"), |folder| {
        say::step(format!(
            "fetching Apache Kafka {VERSION} with Maven (54 MB, only the first time; kept in {})",
            cache::directory()?.display()
        ));
        maven::fetch(
            &format!("Apache Kafka {VERSION}"),
            &DEPENDENCIES,
            Goal::Copy,
            folder,
        )
    })
}
