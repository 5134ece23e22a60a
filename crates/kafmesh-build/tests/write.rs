//! Writing replaces the generated part of a directory as a whole, or leaves everything as it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kafmesh_build::{Difference, DifferenceKind, Generated, WriteError, compare, write};

fn generated(case: &str) -> Generated {
    let file = format!("tests/golden/{case}/definition.yaml");
    let definition = kafmesh_definition::load(Path::new(&file)).unwrap();
    kafmesh_build::generate(&definition).unwrap()
}

/// Every file and empty directory below `root`, with contents and modification time.
fn snapshot(root: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            let metadata = fs::symlink_metadata(entry.path()).unwrap();
            let path = entry.path().strip_prefix(root).unwrap().to_owned();
            if metadata.is_dir() {
                directories.push(entry.path());
                found.insert(path, (Vec::new(), SystemTime::UNIX_EPOCH));
            } else if metadata.is_symlink() {
                found.insert(path, (Vec::new(), metadata.modified().unwrap()));
            } else {
                let contents = fs::read(entry.path()).unwrap();
                found.insert(path, (contents, metadata.modified().unwrap()));
            }
        }
    }
    found
}

fn assert_holds(root: &Path, generated: &Generated) {
    for (path, text) in generated.files() {
        assert_eq!(
            &fs::read_to_string(root.join(path)).unwrap(),
            text,
            "{path}"
        );
    }
    assert_eq!(compare(root, generated).unwrap(), []);
}

/// Moves every file's modification time into the past, where a later write cannot be mistaken for it.
fn age(root: &Path) {
    let past = SystemTime::now() - Duration::from_secs(3600);
    for path in snapshot(root).into_keys().map(|path| root.join(path)) {
        if path.is_file() {
            fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(past)
                .unwrap();
        }
    }
}

#[test]
fn a_new_directory_is_filled() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("internal/definitions");
    let generated = generated("clicks");
    let report = write(&root, &generated).unwrap();
    assert_holds(&root, &generated);
    let written: Vec<PathBuf> = generated.files().keys().map(PathBuf::from).collect();
    assert_eq!(report.written, written);
    let files = snapshot(&root)
        .into_keys()
        .filter(|path| root.join(path).is_file());
    assert_eq!(
        files.collect::<Vec<_>>(),
        written,
        "nothing but the output is left"
    );
}

#[test]
fn unchanged_files_keep_their_modification_time() {
    let directory = tempfile::tempdir().unwrap();
    let generated = generated("clicks");
    write(directory.path(), &generated).unwrap();
    age(directory.path());
    let changed = directory.path().join("math/component.km.rs");
    fs::write(&changed, "// edited").unwrap();
    let before = snapshot(directory.path());

    let report = write(directory.path(), &generated).unwrap();

    assert_eq!(report.written, [PathBuf::from("math/component.km.rs")]);
    assert_eq!(report.unchanged.len(), generated.files().len() - 1);
    for (path, (_, modified)) in snapshot(directory.path()) {
        if directory.path().join(&path) != changed {
            assert_eq!(modified, before[&path].1, "{}", path.display());
        }
    }
    assert_holds(directory.path(), &generated);
}

#[test]
fn files_checked_out_with_crlf_are_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let generated = generated("clicks");
    write(directory.path(), &generated).unwrap();
    let file = directory.path().join("service.km.rs");
    let text = fs::read_to_string(&file).unwrap().replace('\n', "\r\n");
    fs::write(&file, &text).unwrap();
    assert_eq!(compare(directory.path(), &generated).unwrap(), []);
    assert_eq!(
        write(directory.path(), &generated).unwrap().written,
        [] as [PathBuf; 0]
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn stale_files_are_removed_and_nothing_else_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(root, &generated("processors")).unwrap();
    for (path, text) in [
        ("mine.rs", "// mine"),
        ("notes.km.txt", "notes"),
        ("orders/helpers.rs", "// mine"),
        ("own/mod.rs", "// mine, without the header"),
        ("own/deeper/old.km.rs", "// deeper than anything generated"),
        ("other/service.km.rs", "// the output of another definition"),
        (
            "other/mod.rs",
            "// Code generated by kafmesh-gen from other.yaml. Do not edit.",
        ),
        ("left_over.km.rs", "// stale"),
        (
            "queries/.view.km.rs.1-0.km.rs",
            "// staged by a run that was killed",
        ),
        (
            ".math.1-0.km.rs/component.km.rs",
            "// staged with its directory by a run that was killed",
        ),
    ] {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    }
    fs::create_dir(root.join("empty")).unwrap();
    age(root);
    let before = snapshot(root);

    let clicks = generated("clicks");
    let report = write(root, &clicks).unwrap();

    assert_holds(root, &clicks);
    let after = snapshot(root);
    for path in [
        "mine.rs",
        "notes.km.txt",
        "orders",
        "orders/helpers.rs",
        "own/mod.rs",
        "own/deeper/old.km.rs",
        "other/service.km.rs",
        "other/mod.rs",
        "empty",
    ] {
        assert_eq!(
            after.get(Path::new(path)),
            before.get(Path::new(path)),
            "{path}"
        );
    }
    for path in [
        "left_over.km.rs",
        "orders/mod.rs",
        "orders/component.km.rs",
        "queries",
        ".math.1-0.km.rs",
        "models/orders_service.km.rs",
    ] {
        assert!(before.contains_key(Path::new(path)), "{path} was there");
        assert!(!after.contains_key(Path::new(path)), "{path} is stale");
    }
    assert!(report.removed.contains(&PathBuf::from("left_over.km.rs")));
    assert!(
        report
            .removed
            .contains(&PathBuf::from("queries/.view.km.rs.1-0.km.rs"))
    );
}

#[test]
fn comparing_changes_nothing_and_names_each_difference() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let generated = generated("clicks");
    assert_eq!(
        compare(&root.join("none"), &generated).unwrap().len(),
        generated.files().len()
    );
    assert!(!root.join("none").exists());

    write(root, &generated).unwrap();
    fs::remove_file(root.join("mod.rs")).unwrap();
    fs::write(root.join("service.km.rs"), "// edited").unwrap();
    fs::write(root.join("math/old_view.km.rs"), "// stale").unwrap();
    let before = snapshot(root);
    let differences = compare(root, &generated).unwrap();
    let found: Vec<_> = differences
        .iter()
        .map(|Difference { path, kind, .. }| (path.to_str().unwrap(), *kind))
        .collect();
    assert_eq!(
        found,
        [
            ("math/old_view.km.rs", DifferenceKind::Stale),
            ("mod.rs", DifferenceKind::Missing),
            ("service.km.rs", DifferenceKind::Changed),
        ]
    );
    assert_eq!(differences[1].to_string(), "mod.rs is missing");
    assert_eq!(snapshot(root), before);
}

/// Writes over the output of another case after `spoil` did something to it, and wants it to fail and to
/// leave everything as it was.
fn refuse(spoil: impl FnOnce(&Path)) -> WriteError {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("definitions");
    write(&root, &generated("processors")).unwrap();
    spoil(&root);
    let before = snapshot(&root);
    let error = write(&root, &generated("clicks")).unwrap_err();
    assert_eq!(snapshot(&root), before, "after {error}");
    // So that the temporary directory can be removed.
    make_writable(&root);
    error
}

#[cfg(unix)]
fn make_writable(root: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for path in std::iter::once(root.to_owned())
        .chain(snapshot(root).into_keys().map(|path| root.join(path)))
    {
        if path.is_dir() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

#[cfg(not(unix))]
fn make_writable(_: &Path) {}

#[test]
fn a_module_of_the_user_is_not_overwritten() {
    let error = refuse(|root| {
        fs::create_dir(root.join("math")).unwrap();
        fs::write(root.join("math/mod.rs"), "//! Mine.").unwrap();
    });
    assert!(
        matches!(&error, WriteError::Foreign { path } if path.ends_with("math/mod.rs")),
        "{error}"
    );
    assert!(
        error.to_string().contains("was not generated by kafmesh"),
        "{error}"
    );
}

#[test]
fn a_file_where_a_directory_belongs_is_an_error() {
    let error = refuse(|root| fs::write(root.join("math"), "").unwrap());
    assert!(
        matches!(
            error,
            WriteError::Unexpected {
                expected: "directory",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_directory_where_a_file_belongs_is_an_error() {
    let error = refuse(|root| {
        fs::create_dir_all(root.join("math/component.km.rs")).unwrap();
    });
    assert!(
        matches!(
            error,
            WriteError::Unexpected {
                expected: "file",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn an_output_directory_that_is_a_file_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("definitions");
    fs::write(&file, "mine").unwrap();
    for root in [file.clone(), file.join("below")] {
        write(&root, &generated("clicks")).unwrap_err();
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn symbolic_links_are_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().join("target.km.rs");
        fs::write(&target, "theirs").unwrap();
        let error = refuse(|root| symlink(outside.path(), root.join("math")).unwrap());
        assert!(matches!(error, WriteError::Symlink { .. }), "{error}");
        let error = refuse(|root| {
            fs::remove_file(root.join("service.km.rs")).unwrap();
            symlink(&target, root.join("service.km.rs")).unwrap();
        });
        assert!(matches!(error, WriteError::Symlink { .. }), "{error}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_output_directory_may_not_lead_out_of_the_current_one() {
        let outside = tempfile::tempdir().unwrap();
        // Below the current directory, so that it can be named without leaving it.
        let inside = tempfile::Builder::new()
            .prefix(".write-")
            .tempdir_in(".")
            .unwrap();
        let relative = PathBuf::from(inside.path().file_name().unwrap());
        symlink(outside.path(), inside.path().join("link")).unwrap();
        fs::create_dir(inside.path().join("real")).unwrap();
        symlink("real", inside.path().join("near")).unwrap();
        for root in ["link", "link/definitions"] {
            let error = write(&relative.join(root), &generated("clicks")).unwrap_err();
            assert!(matches!(error, WriteError::Outside { .. }), "{error}");
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        write(&relative.join("near/definitions"), &generated("clicks")).unwrap();
        assert!(inside.path().join("real/definitions/mod.rs").is_file());
    }

    #[test]
    fn stale_files_behind_symbolic_links_stay() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("old.km.rs"), "theirs").unwrap();
        let directory = tempfile::tempdir().unwrap();
        symlink(outside.path(), directory.path().join("linked")).unwrap();
        symlink(
            outside.path().join("old.km.rs"),
            directory.path().join("linked.km.rs"),
        )
        .unwrap();
        write(directory.path(), &generated("clicks")).unwrap();
        assert_eq!(
            fs::read_to_string(outside.path().join("old.km.rs")).unwrap(),
            "theirs"
        );
        assert!(directory.path().join("linked.km.rs").is_symlink());
    }

    /// Whether permissions mean anything to who runs this; they do not to root.
    fn permissions_bind() -> bool {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();
        fs::write(directory.path().join("file"), "").is_err()
    }

    #[test]
    fn a_directory_that_cannot_be_written_leaves_the_old_output() {
        // A directory of the kernel's refuses files even from root, and so stands in for permissions.
        let read_only = if permissions_bind() {
            let directory = tempfile::tempdir().unwrap().keep();
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).unwrap();
            directory
        } else {
            PathBuf::from("/proc/self/task")
        };
        let error = write(&read_only.join("definitions"), &generated("clicks")).unwrap_err();
        assert!(
            matches!(
                &error,
                WriteError::Io {
                    action: "create",
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            error.to_string().ends_with("; nothing was changed"),
            "{error}"
        );

        if permissions_bind() {
            let error = refuse(|root| {
                fs::set_permissions(root, fs::Permissions::from_mode(0o555)).unwrap();
            });
            assert!(
                matches!(
                    error,
                    WriteError::Io {
                        action: "create",
                        ..
                    }
                ),
                "{error}"
            );
        }
    }

    #[test]
    fn a_failure_half_way_through_staging_leaves_the_old_output() {
        // The name of the last directory is too long for a file in it to be staged, so everything before it
        // is staged when that fails.
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("definitions");
        write(&root, &generated("processors")).unwrap();
        let before = snapshot(&root);
        let long = long_name();
        let error = write(&root, &long).unwrap_err();
        assert!(matches!(error, WriteError::Io { .. }), "{error}");
        assert_eq!(snapshot(&root), before);
    }

    /// A definition whose last component cannot be a directory.
    fn long_name() -> Generated {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        fs::create_dir_all(at("components")).unwrap();
        fs::create_dir_all(at("protos")).unwrap();
        let golden = Path::new("tests/golden/clicks");
        fs::copy(golden.join("definition.yaml"), at("definition.yaml")).unwrap();
        fs::copy(
            golden.join("components/math.yaml"),
            at("components/math.yaml"),
        )
        .unwrap();
        fs::copy(
            golden.join("protos/user_id.proto"),
            at("protos/user_id.proto"),
        )
        .unwrap();
        let name = "z".repeat(300);
        fs::write(at("components/z.yaml"), format!("name: {name}\n")).unwrap();
        let definition = kafmesh_definition::load(&at("definition.yaml")).unwrap();
        kafmesh_build::generate(&definition).unwrap()
    }
}

#[test]
fn writers_at_the_same_time_leave_one_whole_output() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("definitions");
    let outputs = [generated("clicks"), generated("processors")];
    std::thread::scope(|scope| {
        for index in 0..8 {
            let (root, generated) = (&root, &outputs[index % 2]);
            scope.spawn(move || {
                for _ in 0..10 {
                    write(root, generated).unwrap();
                }
            });
        }
    });
    let whole = outputs
        .iter()
        .filter(|generated| compare(&root, generated).unwrap().is_empty());
    assert_eq!(whole.count(), 1);
}
