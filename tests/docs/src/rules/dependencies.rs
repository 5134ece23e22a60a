//! Which crate may depend on which, and that each says what it is.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::repository;

/// A package of the workspace, as cargo describes it.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its licence.
    pub license: String,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

/// A dependency of a [`Package`].
#[derive(Debug, Clone)]
pub struct Dependency {
    /// The name of the package depended on.
    pub name: String,
    /// Whether only tests, examples and benchmarks need it.
    pub dev: bool,
}

/// The packages of the workspace each may depend on, tests aside.
///
/// Whoever adds a package decides here where it belongs.
const LAYERS: &[(&str, &[&str])] = &[
    ("kafmesh-definition", &[]),
    ("kafmesh-build", &["kafmesh-definition"]),
    (
        "kafmesh-cli",
        &["kafmesh-build", "kafmesh-definition", "kafmesh-discover"],
    ),
    ("kafmesh-proto", &[]),
    ("kafmesh-port", &[]),
    ("kafmesh", &["kafmesh-port", "kafmesh-proto"]),
    ("kafmesh-discover", &["kafmesh-port", "kafmesh-proto"]),
    ("clicks", &["kafmesh"]),
    ("devices", &["kafmesh"]),
    ("xtask", &[]),
    (
        "kafmesh-bench",
        &["kafmesh", "kafmesh-build", "kafmesh-proto"],
    ),
    ("kafmesh-test-tls", &[]),
    ("kafmesh-objects", &["kafmesh", "kafmesh-build"]),
    ("kafmesh-runtime-tests", &["kafmesh"]),
    (
        "kafmesh-mesh-tests",
        &[
            "kafmesh",
            "kafmesh-discover",
            "kafmesh-objects",
            "kafmesh-proto",
            "kafmesh-test-tls",
        ],
    ),
    (
        "kafmesh-docs-tests",
        &["kafmesh-cli", "kafmesh-definition", "kafmesh-discover"],
    ),
];

/// Crates whose subject belongs to one package, and who may depend on them; tests may on any.
const CONFINED: &[(&str, &[&str], &str)] = &[
    (
        "rdkafka",
        &[
            "kafmesh",
            "kafmesh-bench",
            "kafmesh-discover",
            "kafmesh-mesh-tests",
            "kafmesh-runtime-tests",
        ],
        "the Kafka client sits behind one module of the runtime",
    ),
    (
        "lsm-tree",
        &["kafmesh"],
        "the local store sits behind one module of the runtime",
    ),
    (
        "serde-saphyr",
        &["kafmesh-definition", "kafmesh-discover"],
        "only the definition and the configuration of kafmesh-discover are YAML",
    ),
    (
        "protox",
        // The example compiles its own gRPC interface with it, as any user may.
        &["devices", "kafmesh-definition", "kafmesh-proto"],
        "only the definition compiles a user's protos",
    ),
    (
        "prost-build",
        &["kafmesh-build"],
        "only the generator writes Rust",
    ),
    (
        "prettyplease",
        &["kafmesh-build"],
        "only the generator writes Rust",
    ),
    (
        "tansu-broker",
        &["kafmesh-cli"],
        "only `kafmesh dev` has a broker",
    ),
];

/// The workspace's packages.
pub fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(repository::root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let package = |package: Value| Package {
        name: text(&package["name"]),
        description: text(&package["description"]),
        license: text(&package["license"]),
        dependencies: list(&package["dependencies"])
            .iter()
            .map(|dependency| Dependency {
                name: text(&dependency["name"]),
                dev: dependency["kind"] == "dev",
            })
            .collect(),
    };
    list(&metadata["packages"])
        .into_iter()
        .map(package)
        .collect()
}

/// Dependencies that point the wrong way, and packages that nobody has placed.
pub fn wrong_ways(packages: &[Package]) -> Vec<String> {
    let members: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = &package.name;
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| layer == name) else {
            wrong.push(format!("{name} has no place among the layers; give it one"));
            continue;
        };
        let used = package
            .dependencies
            .iter()
            .filter(|dependency| !dependency.dev);
        for dependency in used.filter(|dependency| members.contains(dependency.name.as_str())) {
            if !allowed.contains(&dependency.name.as_str()) {
                wrong.push(format!(
                    "{name} depends on {}, which points the wrong way",
                    dependency.name
                ));
            }
        }
    }
    wrong
}

/// Dependencies on crates that belong to another package.
pub fn strays(packages: &[Package]) -> Vec<String> {
    let mut strays = Vec::new();
    for (confined, allowed, why) in CONFINED {
        for package in packages {
            let uses = package
                .dependencies
                .iter()
                .any(|dependency| !dependency.dev && dependency.name == *confined);
            if uses && !allowed.contains(&package.name.as_str()) {
                strays.push(format!("{} depends on {confined}: {why}", package.name));
            }
        }
    }
    strays
}

/// Packages without a description or under another licence.
pub fn unlabelled(packages: &[Package]) -> Vec<String> {
    let mut unlabelled = Vec::new();
    for package in packages {
        if package.description.trim().is_empty() {
            unlabelled.push(format!("{} has no description", package.name));
        }
        if package.license != "MIT" {
            unlabelled.push(format!(
                "{} has the licence {:?}, not MIT",
                package.name, package.license
            ));
        }
    }
    unlabelled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            description: "A package.".to_owned(),
            license: "MIT".to_owned(),
            dependencies: dependencies
                .iter()
                .map(|name| {
                    let dev = name.strip_prefix("dev ");
                    Dependency {
                        name: dev.unwrap_or(name).to_owned(),
                        dev: dev.is_some(),
                    }
                })
                .collect(),
        }
    }

    #[test]
    fn a_dependency_the_wrong_way_is_found() {
        let packages = [
            package("kafmesh", &["kafmesh-proto", "kafmesh-definition", "tokio"]),
            package("kafmesh-build", &["kafmesh-definition", "dev kafmesh"]),
            package("kafmesh-definition", &["kafmesh-build"]),
            package("kafmesh-proto", &[]),
            package("newcomer", &[]),
        ];
        assert_eq!(
            wrong_ways(&packages),
            [
                "kafmesh depends on kafmesh-definition, which points the wrong way",
                "kafmesh-definition depends on kafmesh-build, which points the wrong way",
                "newcomer has no place among the layers; give it one",
            ]
        );
    }

    #[test]
    fn a_crate_outside_of_its_package_is_found() {
        let packages = [
            package("kafmesh", &["rdkafka", "serde-saphyr"]),
            package("kafmesh-cli", &["dev rdkafka", "tansu-broker"]),
            package("clicks", &["rdkafka"]),
        ];
        let strays = strays(&packages);
        assert_eq!(strays.len(), 2, "{strays:?}");
        assert!(strays[0].starts_with("clicks depends on rdkafka: "));
        assert!(strays[1].starts_with("kafmesh depends on serde-saphyr: "));
    }

    #[test]
    fn a_package_without_label_is_found() {
        let nameless = Package {
            description: " ".to_owned(),
            license: String::new(),
            ..package("a", &[])
        };
        assert_eq!(
            unlabelled(&[nameless]),
            ["a has no description", "a has the licence \"\", not MIT"]
        );
    }
}
