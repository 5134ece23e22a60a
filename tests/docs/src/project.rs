//! A page as a project: its files are written and its commands run, in the order in which a reader meets them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::block::{self, Block};
use crate::page::Page;
use crate::repository;

/// Where the pages' projects are built, and with what.
#[derive(Debug)]
pub struct Workshop<'a> {
    /// A directory of their own; emptied for each page.
    pub directory: &'a Path,
    /// The program `kafmesh`.
    pub kafmesh: &'a Path,
    /// Where cargo puts what it builds.
    pub target: &'a Path,
}

/// A project under way.
struct Project {
    /// Where `kafmesh` is, and what the project notes for itself.
    bin: PathBuf,
    /// The directory the reader is in.
    current: PathBuf,
    output: String,
}

impl Workshop<'_> {
    /// Does what the page called `name` says; the error names the line of the page that is wrong.
    ///
    /// # Errors
    ///
    /// The first block that does not do what the page says.
    pub fn follow(&self, name: &str, page: &Page) -> Result<(), String> {
        let directory = self.prepare(name);
        let mut project = Project {
            bin: directory.join("bin"),
            current: directory.join("here"),
            output: String::new(),
        };
        for raw in &page.blocks {
            let at = |problem: String| format!("{name}, line {}: {problem}", raw.line);
            match Block::of(raw).map_err(|problem| format!("{name}, {problem}"))? {
                Block::File(path) => project.write(&path, &raw.text),
                Block::Append(path) => project.append(&path, &raw.text).map_err(at)?,
                Block::Run { fails } => project.run(&raw.text, fails).map_err(at)?,
                Block::Output => {
                    if let Some(line) = block::missing_output(&raw.text, &project.output) {
                        return Err(at(format!(
                            "`{line}` is not in the output:\n{}",
                            project.output
                        )));
                    }
                }
                // The other checks need no project.
                Block::Excerpt(_) | Block::Manual | Block::Mermaid | Block::Cypher => {}
            }
        }
        Ok(())
    }

    /// An empty directory with the checkout beside it, as the pages assume.
    fn prepare(&self, name: &str) -> PathBuf {
        let directory = self.directory.join(name);
        // Cleared at the start and not at the end, so that one can look at what failed.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("bin")).unwrap();
        fs::create_dir_all(directory.join("here/.cargo")).unwrap();
        symlink(self.kafmesh, directory.join("bin/kafmesh")).unwrap();
        symlink(repository::root(), directory.join("here/kafmesh")).unwrap();
        // The workspace's own profile and directory, so that dependencies are not compiled once more.
        let config = format!(
            "[build]\ntarget-dir = {:?}\n\n[profile.dev]\ndebug = \"line-tables-only\"\n\n[profile.dev.package.\"*\"]\ndebug = false\n",
            self.target.to_str().expect("a UTF-8 path"),
        );
        fs::write(directory.join("here/.cargo/config.toml"), config).unwrap();
        directory
    }
}

impl Project {
    fn write(&self, path: &str, text: &str) {
        let path = self.current.join(path);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).unwrap();
        fs::write(path, text).unwrap();
    }

    fn append(&self, path: &str, text: &str) -> Result<(), String> {
        let before = fs::read_to_string(self.current.join(path))
            .map_err(|error| format!("{path}: {error}"))?;
        self.write(path, &(before + text));
        Ok(())
    }

    /// Runs the commands one by one, as somebody would type them.
    fn run(&mut self, commands: &str, fails: bool) -> Result<(), String> {
        self.output.clear();
        let commands: Vec<&str> = commands
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        for (index, command) in commands.iter().enumerate() {
            let must_fail = fails && index + 1 == commands.len();
            self.lock();
            let succeeded = self.shell(command);
            if succeeded == must_fail {
                let verb = if must_fail { "should fail" } else { "failed" };
                return Err(format!("`{command}` {verb}:\n{}", self.output));
            }
        }
        Ok(())
    }

    fn shell(&mut self, command: &str) -> bool {
        let path = format!(
            "{}:{}",
            self.bin.display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let left_in = self.bin.join("left-in");
        let script = format!(
            "exec 2>&1\n{command}\nstatus=$?\npwd > '{}'\nexit $status",
            left_in.display()
        );
        let mut shell = Command::new("bash");
        // What cargo tells this test is nothing a reader's shell knows; build scripts that look at it would run anew.
        let told =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for name in names.filter(|name| told(name)) {
            shell.env_remove(name);
        }
        let output = shell
            .args(["-u", "-o", "pipefail", "-c", &script])
            .current_dir(&self.current)
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .env("CARGO_TERM_COLOR", "never")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("KAFMESH_BROKERS")
            .output()
            .expect("bash runs");
        self.output
            .push_str(&String::from_utf8_lossy(&output.stdout));
        let left_in = fs::read_to_string(left_in).unwrap();
        self.current = PathBuf::from(left_in.trim_end());
        output.status.success()
    }

    /// The versions the workspace was tested with, for a package that has none yet.
    fn lock(&self) {
        let lock = self.current.join("Cargo.lock");
        if self.current.join("Cargo.toml").is_file() && !lock.exists() {
            fs::copy(repository::root().join("Cargo.lock"), lock).unwrap();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(page: &str) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().canonicalize().unwrap();
        let kafmesh = Path::new("/bin/true");
        Workshop {
            directory: &directory,
            kafmesh,
            target: &directory,
        }
        .follow("page.md", &Page::parse(page))
    }

    #[test]
    fn a_page_is_followed_in_order() {
        follow(
            "```toml file=a/b.toml\none\n```\n```toml append=a/b.toml\ntwo\n```\n\
             ```sh run\ncd a\ncat b.toml\nkafmesh\n```\n```text output\none\ntwo\n```\n\
             ```sh run fails\ncat b.toml\ncat c.toml\n```\n",
        )
        .unwrap();
    }

    #[test]
    fn what_a_page_says_wrongly_is_found() {
        for (page, problem) in [
            (
                "```sh run\ntrue\nfalse\n```\n",
                "page.md, line 1: `false` failed",
            ),
            (
                "```sh run fails\nfalse\n```\n```sh run fails\nfalse\ntrue\n```\n",
                "page.md, line 4: `false` failed",
            ),
            (
                "```sh run fails\ntrue\n```\n",
                "page.md, line 1: `true` should fail",
            ),
            (
                "```sh run\necho a\n```\n```text output\nb\n```\n",
                "page.md, line 4: `b` is not in the output:\na",
            ),
            (
                "```toml append=gone.toml\n```\n",
                "page.md, line 1: gone.toml: ",
            ),
            ("```rust\n```\n", "page.md, line 1: nothing checks a block"),
        ] {
            let error = follow(page).unwrap_err();
            assert!(error.starts_with(problem), "{error}");
        }
    }
}
