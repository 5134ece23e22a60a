//! Fetches the server's jars with Maven, once.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{cache, process, say};

/// The Kafka that tests, benchmarks and `servers` run on.
pub(crate) const VERSION: &str = "4.3.1";

/// Kafka logs through slf4j 1.7; this binds it to log4j 2.
const LOG4J: &str = "2.24.3";

/// The goal that collects the jars; pinned so that every Maven does the same.
const GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The folder with all jars of the server and its tools.
pub(super) fn fetch() -> Result<PathBuf> {
    cache::folder(&format!("kafka-{VERSION}-log4j-{LOG4J}"), |folder| {
        let started = Instant::now();
        say::step(format!(
            "fetching Apache Kafka {VERSION} with Maven (54 MB, only the first time; kept in {})",
            cache::directory()?.display()
        ));
        let pom = folder.join("pom.xml");
        fs::write(&pom, project()).context("cannot write Maven's project file")?;
        let mut maven = process::tethered("mvn");
        maven
            .args(["--batch-mode", "-Dstyle.color=never", "--file"])
            .arg(&pom)
            .arg(GOAL);
        maven
            .arg(format!("-DoutputDirectory={}", folder.display()))
            .arg("-DincludeScope=runtime");

        // Kept from the terminal, which even a quiet Maven sends escape codes to.
        let errors = folder.join("maven-errors.txt");
        maven.stderr(File::create(&errors).context("cannot write Maven's errors")?);

        let mut output = Vec::new();
        let mut downloads = 0;
        let status = process::run_lines(&mut maven, |line| {
            if line.contains("Downloaded from") {
                downloads += 1;
                say::progress(format!("{downloads} files downloaded"));
            }
            output.push(line.to_owned());
        });
        say::progress_done();
        if !status?.success() {
            output.retain(|line| line.contains("ERROR"));
            let errors = fs::read_to_string(&errors).unwrap_or_default();
            for line in errors
                .lines()
                .chain(output.iter().map(String::as_str))
                .take(20)
            {
                say::note(line);
            }
            bail!(
                "Maven could not fetch Apache Kafka {VERSION}; is its repository reachable from here?"
            );
        }
        say::note(format!("fetched in {}", say::took(started.elapsed())));
        Ok(())
    })
}

fn project() -> String {
    let dependencies: String = [
        ("org.apache.kafka", "kafka_2.13", VERSION),
        ("org.apache.kafka", "kafka-tools", VERSION),
        ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J),
    ]
    .iter()
    .map(|(group, artifact, version)| {
        format!(
            "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency>\n"
        )
    })
    .collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
           <modelVersion>4.0.0</modelVersion>\n  \
           <groupId>kafmesh.xtask</groupId>\n  <artifactId>kafka</artifactId>\n  <version>1</version>\n  \
           <packaging>pom</packaging>\n  \
           <dependencies>\n{dependencies}  </dependencies>\n\
         </project>\n"
    )
}
