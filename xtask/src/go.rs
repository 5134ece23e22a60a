//! Programs written in Go that tests run, compiled once from the modules that `xtask/go` pins by version and checksum.

mod checksum;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::process::{self, Group};
use crate::server_log::ServerLog;
use crate::{cache, say};

/// A program.
#[derive(Debug)]
struct Program {
    /// Its file, and the folder of its module in `xtask/go`.
    name: &'static str,
    package: &'static str,
}

/// Programs that are kept together.
#[derive(Debug)]
pub(crate) struct Set {
    /// Names the folder in the cache; has the versions in it.
    name: &'static str,
    /// What they are, and what it costs to have them.
    description: &'static str,
    programs: &'static [Program],
}

/// A Kubernetes API server and its database.
pub(crate) const KUBERNETES: Set = Set {
    name: "kubernetes-1.34.4-etcd-3.6.5",
    description: "Kubernetes' API server 1.34.4 and etcd 3.6.5 (7 minutes on two cores)",
    programs: &[
        Program {
            name: "kube-apiserver",
            package: "k8s.io/kubernetes/cmd/kube-apiserver",
        },
        Program {
            name: "etcd",
            package: "go.etcd.io/etcd/server/v3",
        },
    ],
};

/// Command lines that tests use as people do.
pub(crate) const TOOLS: Set = Set {
    name: "grpcurl-1.9.4-helm-4.3.1",
    description: "grpcurl 1.9.4 and Helm 4.3.1 (5 minutes on two cores)",
    programs: &[
        Program {
            name: "grpcurl",
            package: "github.com/fullstorydev/grpcurl/cmd/grpcurl",
        },
        Program {
            name: "helm",
            package: "helm.sh/helm/v4/cmd/helm",
        },
    ],
};

impl Set {
    /// The folder with the programs, which are compiled when they are not there yet.
    ///
    /// # Errors
    /// When there is no Go to be had or a program cannot be compiled; the end of its log has been shown.
    pub(crate) fn provide(&self) -> Result<PathBuf> {
        cache::folder(self.name, |folder| {
            let go = toolchain::provide()?;
            let cache = cache::directory()?;
            say::step(format!(
                "compiling {}, only the first time (kept in {})",
                self.description,
                cache.display()
            ));
            let work = Work::new(cache.join(format!("{}.build", self.name)))?;
            for program in self.programs {
                program.compile(&go, &work, folder)?;
            }
            work.remove()
        })
    }
}

impl Program {
    fn compile(&self, go: &Path, work: &Work, folder: &Path) -> Result<()> {
        let name = self.name;
        let started = Instant::now();
        let mut command = process::tethered(go);
        command
            .args(["build", "-v", "-mod=readonly", "-modcacherw", "-trimpath"])
            .args(["-ldflags", "-s -w", "-o"])
            .args([&folder.join(name), Path::new(self.package)])
            .current_dir(crate::root().join("xtask/go").join(name))
            .env("CGO_ENABLED", "0")
            .env("GOMODCACHE", work.folder.join("modules"))
            .env("GOCACHE", work.folder.join("objects"))
            .env("GOTOOLCHAIN", "local")
            .env("GOWORK", "off");
        // Whatever else is compiled on this machine, this is for this machine.
        for variable in ["GOFLAGS", "GOOS", "GOARCH", "GOROOT"] {
            command.env_remove(variable);
        }
        let path = work.folder.join(format!("{name}.log"));
        let log = ServerLog::new(format!("the build of {name}"), path.clone());
        log.attach(&mut command)?;
        let status = Group::spawn(&mut command)?.wait_showing(|| {
            let elapsed = say::took(started.elapsed());
            say::progress(format!("{name}: {elapsed} so far"));
        });
        say::progress_done();
        if !status?.success() {
            log.show();
            bail!(
                "Go could not build {name}; the whole log is {}. If a module could not be downloaded, is {} reachable \
                 from here (GOPROXY names another)? What was compiled is kept: the next run goes on from there.",
                path.display(),
                toolchain::proxy().as_deref().unwrap_or("Go's module proxy")
            );
        }
        say::note(format!(
            "compiled {name} in {}",
            say::took(started.elapsed())
        ));
        Ok(())
    }
}

/// Where Go keeps modules and what it has compiled. It stays when a build fails or is cut short, so that nothing is
/// done twice, and goes when all is done: it is ten times the size of the programs.
struct Work {
    folder: PathBuf,
}

impl Work {
    fn new(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder })
    }

    fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folders in the cache are named after versions, which are pinned in `go.mod`.
    #[test]
    fn the_sets_are_named_after_the_pinned_versions() {
        for set in [&KUBERNETES, &TOOLS] {
            for program in set.programs {
                let folder = crate::root().join("xtask/go").join(program.name);
                let module = fs::read_to_string(folder.join("go.mod")).unwrap();
                assert!(module.contains(&format!("\ntool {}\n", program.package)));
                let (_, version) = module
                    .lines()
                    .filter_map(|line| {
                        let line = line.trim_start().trim_start_matches("require ");
                        line.trim_end_matches(" // indirect").split_once(" v")
                    })
                    .filter(|(path, _)| program.package.starts_with(path))
                    .max()
                    .unwrap();
                assert!(set.name.contains(&format!("-{version}")), "{version}");
                assert!(set.description.contains(version), "{version}");
            }
        }
    }
}
