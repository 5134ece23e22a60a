//! Fetches what Maven repositories hold.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{process, say};

/// The plugin that collects dependencies; pinned so that every Maven does the same.
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/// An artifact in a repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dependency {
    pub(crate) group: &'static str,
    pub(crate) artifact: &'static str,
    pub(crate) version: &'static str,
}

/// How dependencies get into the folder.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// As they are, with all that they depend on.
    Copy,
    /// The files in them with names like this (`*.txt`).
    Unpack(&'static str),
}

impl Goal {
    fn arguments(self) -> Vec<String> {
        match self {
            Self::Copy => vec![format!("{PLUGIN}:copy-dependencies")],
            Self::Unpack(files) => vec![
                format!("{PLUGIN}:unpack-dependencies"),
                format!("-Dmdep.unpack.includes={files}"),
            ],
        }
    }
}

/// Fetches `dependencies`, which together are `what`, into `folder`.
///
/// # Errors
/// When Maven fails; what it said has been shown.
pub(crate) fn fetch(
    what: &str,
    dependencies: &[Dependency],
    goal: Goal,
    folder: &Path,
) -> Result<()> {
    let started = Instant::now();
    let pom = folder.join("pom.xml");
    fs::write(&pom, project(dependencies)).context("cannot write Maven's project file")?;
    let mut maven = process::tethered("mvn");
    maven
        .args(["--batch-mode", "-Dstyle.color=never", "--file"])
        .arg(&pom)
        .args(goal.arguments());
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
        bail!("Maven could not fetch {what}; is its repository reachable from here?");
    }
    say::note(format!("fetched in {}", say::took(started.elapsed())));
    Ok(())
}

fn project(dependencies: &[Dependency]) -> String {
    let dependencies: String = dependencies
        .iter()
        .map(
            |Dependency {
                 group,
                 artifact,
                 version,
             }| {
                format!(
                    "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
                     <version>{version}</version></dependency>\n"
                )
            },
        )
        .collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
           <modelVersion>4.0.0</modelVersion>\n  \
           <groupId>kafmesh.xtask</groupId>\n  <artifactId>servers</artifactId>\n  <version>1</version>\n  \
           <packaging>pom</packaging>\n  \
           <dependencies>\n{dependencies}  </dependencies>\n\
         </project>\n"
    )
}
