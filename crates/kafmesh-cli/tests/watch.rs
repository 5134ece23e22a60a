//! `kafmesh generate --watch`: again at every change, whatever state the files are in between.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// A service's files and a watch over them.
struct Watch {
    directory: tempfile::TempDir,
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd/generate.in");
        for file in [
            "docs/definition.yaml",
            "docs/components/math.yaml",
            "protos/user_id.proto",
        ] {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(service.join(file), path).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_kafmesh"))
            .args(["generate", "--watch"])
            .current_dir(directory.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            // Until either end is gone.
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
                .ok();
        });
        Self {
            directory,
            child,
            lines,
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from));
        fs::write(self.path(file), text.replace(from, to)).unwrap();
    }

    /// Waits for a line with `text`, and then for the watch to be waiting again.
    fn wait_for(&self, text: &str) {
        for wanted in [text, "watching for changes"] {
            loop {
                let line = self.lines.recv_timeout(Duration::from_secs(30)).unwrap();
                if line.contains(wanted) {
                    break;
                }
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn every_change_is_generated() {
    let watch = Watch::start();
    watch.wait_for("10 written");

    watch.replace("docs/components/math.yaml", "views:", "veiws:");
    watch.wait_for("1 mistake found");
    watch.replace("docs/components/math.yaml", "veiws:", "views:");
    watch.wait_for("up to date");

    fs::write(
        watch.path("docs/components/more.yaml"),
        "name: more\nviews:\n  - message: userId.click\n",
    )
    .unwrap();
    watch.wait_for("generated internal/definitions");
    assert!(
        watch
            .path("internal/definitions/more/user_id_click_view.km.rs")
            .is_file()
    );

    fs::remove_file(watch.path("docs/components/more.yaml")).unwrap();
    watch.wait_for("removed");
    assert!(!watch.path("internal/definitions/more").exists());

    watch.replace(
        "protos/user_id.proto",
        "string page = 1;",
        "string page = 1;\n  string from = 2;",
    );
    watch.wait_for("2 written");
}
