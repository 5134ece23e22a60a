//! The Dockerfiles, as far as they can be checked without building them.

use std::fs;

use crate::chart::root;

/// The Dockerfiles with their text, the continued lines of an instruction on one.
fn dockerfiles() -> Vec<(String, Vec<String>)> {
    let folder = root().join("deploy/docker");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 3);
    let read = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).unwrap().replace("\\\n", " ");
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        (
            path.file_name().unwrap().to_string_lossy().into_owned(),
            lines,
        )
    };
    files.into_iter().map(read).collect()
}

#[test]
fn images_are_small_and_their_programs_are_nobody_special() {
    for (name, lines) in dockerfiles() {
        let last = lines
            .iter()
            .rposition(|line| line.starts_with("FROM "))
            .unwrap();
        let (build, image) = lines.split_at(last);
        assert!(
            build
                .iter()
                .any(|line| line.starts_with("FROM rust:1.90.0-")),
            "{name}"
        );
        assert!(build.iter().any(|line| line.contains("--locked")), "{name}");
        assert_eq!(image[0], "FROM ${BASE}", "{name}");
        assert!(
            build.contains(&"ARG BASE=gcr.io/distroless/cc-debian12:nonroot".to_owned()),
            "{name}"
        );
        assert!(image.contains(&"USER 65532:65532".to_owned()), "{name}");
        assert!(
            !image.iter().any(|line| line.starts_with("RUN ")),
            "{name}: it has no shell"
        );
        let labels = image
            .iter()
            .find(|line| line.starts_with("LABEL "))
            .unwrap();
        assert!(
            labels.contains("org.opencontainers.image.version="),
            "{name}"
        );
    }
}

#[test]
fn what_is_copied_was_made() {
    for (name, lines) in dockerfiles() {
        let made = lines
            .iter()
            .find(|line| line.contains("cargo build"))
            .unwrap();
        let copied: Vec<_> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("COPY --from=build "))
            .collect();
        assert!(!copied.is_empty(), "{name}");
        for line in &copied {
            let mut words = line.split(' ').filter(|word| !word.starts_with("--"));
            let (from, to) = (words.next().unwrap(), words.next().unwrap());
            let file = from.trim_start_matches('/');
            let as_it_is = made.contains(&format!("target/release/{file}"));
            let renamed = made.ends_with(&format!("{from} && mkdir /state"))
                || made.contains(&format!(" {from} "))
                || made.ends_with(from);
            assert!(as_it_is || renamed, "{name}: {from} is made by {made:?}");
            let program = lines
                .iter()
                .any(|line| line.contains(&format!("[\"{to}\"]")));
            let (_, stripped) = made.split_once("strip --strip-debug").unwrap();
            assert!(
                stripped.split(' ').any(|word| word == from) || to == "/state",
                "{name}: {from} keeps its debug information"
            );
            assert!(
                program || to == "/state" || file == "kafmesh-gen",
                "{name}: {to}"
            );
        }
    }
}

#[test]
fn the_packages_that_are_built_exist() {
    for (name, lines) in dockerfiles() {
        let text = lines.join(" ");
        let mut words = text.split(' ');
        while let Some(word) = words.next() {
            if word != "--package" {
                continue;
            }
            let package = words.next().unwrap();
            if package.starts_with("\"${PACKAGE:") {
                continue;
            }
            let manifest = root().join("crates").join(package).join("Cargo.toml");
            assert!(manifest.is_file(), "{name}: there is no package {package}");
        }
    }
    let rust = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(
        rust.contains("rust-version = \"1.90\""),
        "the images build with 1.90"
    );
}

#[test]
fn no_image_gets_what_another_checkout_left_in_the_caches() {
    for (name, lines) in dockerfiles() {
        let build = lines
            .iter()
            .find(|line| line.contains("cargo build"))
            .unwrap();
        let caches = build.matches("--mount=type=cache,").count();
        assert_eq!(caches, 2, "{name}");
        // Builds at the same time would replace each other's programs between `cargo build` and `cp`.
        assert_eq!(build.matches(",sharing=locked").count(), caches, "{name}");
        // COPY keeps the times of the files, which is all that cargo looks at.
        assert!(
            build.contains(
                " find . -path ./target -prune -o -type f -exec touch {} + && cargo build "
            ),
            "{name}: {build}"
        );
    }
}

#[test]
fn images_say_the_version_that_they_are_built_of() {
    let version = env!("CARGO_PKG_VERSION");
    for (name, lines) in dockerfiles() {
        let said = lines.iter().find(|line| line.starts_with("ARG VERSION"));
        let whose = match name.as_str() {
            "service.Dockerfile" => "ARG VERSION".to_owned(),
            _ => format!("ARG VERSION={version}"),
        };
        assert_eq!(said, Some(&whose), "{name}");
    }
    let chart = fs::read_to_string(root().join("deploy/helm/kafmesh-discover/Chart.yaml")).unwrap();
    let image = format!("appVersion: {version}");
    assert!(chart.lines().any(|line| line == image), "{chart}");
}

#[test]
fn programs_with_librdkafka_bring_their_zlib() {
    let with_librdkafka = |(_, lines): &(String, Vec<String>)| {
        let mut words = lines.iter().flat_map(|line| line.split(' '));
        words.any(|word| word == "g++")
    };
    let files: Vec<_> = dockerfiles().into_iter().filter(with_librdkafka).collect();
    assert_eq!(files.len(), 2);
    for (name, lines) in files {
        let set = lines.contains(&"ENV LIBZ_SYS_STATIC=1".to_owned());
        assert!(set, "{name}: the image has no zlib to link to");
    }
}
