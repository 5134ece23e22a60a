//! The tests that pages name exist, and each invariant of ARCHITECTURE.md names one.

use crate::repository::File;

/// Where the invariants begin, and where they end.
const HEADING: &str = "\n## Invariants\n";

/// The invariants of `architecture`: each numbered item's text.
pub fn items(architecture: &str) -> Vec<String> {
    let Some((_, rest)) = architecture.split_once(HEADING) else {
        return Vec::new();
    };
    let section = rest.split("\n## ").next().unwrap_or_default();
    let mut items: Vec<String> = Vec::new();
    for line in section.lines() {
        let numbered = line
            .split_once(". ")
            .is_some_and(|(number, _)| number.parse::<usize>().is_ok());
        if numbered {
            items.push(line.to_owned());
        } else if line.starts_with("   ")
            && let Some(item) = items.last_mut()
        {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    items
}

/// Invariants that no test guards, or whose tests are not among `files`.
pub fn unguarded(architecture: &str, files: &[File]) -> Vec<String> {
    let mut unguarded = Vec::new();
    for item in items(architecture) {
        let tests = tests(&item);
        if tests.is_empty() {
            unguarded.push(format!("no test is named by: {item}"));
        }
        for test in tests {
            if !files.iter().any(|file| holds(file, &test)) {
                unguarded.push(format!("there is no test {test}"));
            }
        }
    }
    unguarded
}

/// Tests named on `page`, in code that begins with a package for tests, that are not among `files`.
pub fn missing(page: &str, files: &[File]) -> Vec<String> {
    let spans = page
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let named = spans.filter(|span| {
        span.split("::")
            .next()
            .is_some_and(|package| package.starts_with("kafmesh_"))
    });
    let absent =
        named.filter(|test| test.contains("::") && !files.iter().any(|file| holds(file, test)));
    absent
        .map(|test| format!("there is no test {test}"))
        .collect()
}

/// The tests that `item` names: code such as `kafmesh::processor::task::tests::name`, behind "Guarded by".
fn tests(item: &str) -> Vec<String> {
    let Some((_, guards)) = item.split_once("Guarded by ") else {
        return Vec::new();
    };
    let code = guards.split('`').skip(1).step_by(2);
    code.filter(|code| code.contains("::"))
        .map(str::to_owned)
        .collect()
}

/// Whether `file` is where `test` should be, and holds it.
fn holds(file: &File, test: &str) -> bool {
    let mut parts: Vec<&str> = test.split("::").collect();
    let (Some(function), Some(package)) = (parts.pop(), parts.first().copied()) else {
        return false;
    };
    let modules: Vec<&str> = parts[1..]
        .iter()
        .copied()
        .filter(|part| *part != "tests")
        .collect();
    let Some(directory) = directory(package) else {
        return false;
    };
    let Some(below) = file.path.strip_prefix(&directory) else {
        return false;
    };
    let Some((_, path)) = below.split_once('/') else {
        return false;
    };
    let path = path
        .trim_end_matches(".rs")
        .trim_end_matches("/mod")
        .trim_end_matches("/tests");
    let place: Vec<&str> = path
        .split('/')
        .filter(|part| !["lib", "main", "tests", "mod"].contains(part))
        .collect();
    let is_test = |line: &str| {
        let line = line.trim_start();
        // What several tests share; clippy refuses one that none of them calls.
        let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
        ["fn ", "async fn "].iter().any(|kind| {
            line.strip_prefix(kind)
                .and_then(|rest| rest.strip_prefix(function))
                .is_some_and(|rest| rest.starts_with(['(', '<']))
        })
    };
    file.path.ends_with(".rs") && place == modules && file.text.lines().any(is_test)
}

/// The directory of the package that Rust calls `package`, with a `/` at its end.
fn directory(package: &str) -> Option<String> {
    let name = package.replace('_', "-");
    Some(match name.as_str() {
        "kafmesh-docs-tests" => "tests/docs/".to_owned(),
        "kafmesh-runtime-tests" => "tests/runtime/".to_owned(),
        "kafmesh-mesh-tests" => "tests/mesh/".to_owned(),
        "kafmesh-bench" => "bench/".to_owned(),
        "clicks" => "examples/clicks/".to_owned(),
        "xtask" => "xtask/".to_owned(),
        name if name.starts_with("kafmesh") => format!("crates/{name}/"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A\n\n## Invariants\n\n1. One thing.\n   Guarded by `kafmesh::store::disk::tests::one` and\n   `kafmesh_build::golden::two`.\n\n2. Another.\n\n## Else\n\n3. No invariant.\n";

    #[test]
    fn an_invariant_without_its_test_is_found() {
        let one = "mod tests {\n    #[test]\n    fn one() {}\n}\n";
        let two = "#[test]\nasync fn two() {}\n";
        let disk = File::new("crates/kafmesh/src/store/disk.rs", one);
        let golden = File::new("crates/kafmesh-build/tests/golden.rs", two);
        assert_eq!(
            unguarded(PAGE, &[disk.clone(), golden.clone()]),
            ["no test is named by: 2. Another."]
        );

        let elsewhere = File::new("crates/kafmesh/src/store/memory.rs", one);
        let found = unguarded(PAGE, &[elsewhere, golden]);
        assert_eq!(
            found[0],
            "there is no test kafmesh::store::disk::tests::one"
        );
        let renamed = File::new(
            "crates/kafmesh-build/tests/golden.rs",
            "fn two_things() {}\n",
        );
        let found = unguarded(PAGE, &[disk, renamed]);
        assert_eq!(found[0], "there is no test kafmesh_build::golden::two");
    }

    #[test]
    fn a_test_that_is_named_and_gone_is_found() {
        let page = "| a | `kafmesh_build::golden::two`, `kafmesh_build::golden::gone` | `kafmesh::codegen::v1` |\n";
        let golden = File::new(
            "crates/kafmesh-build/tests/golden.rs",
            "async fn two() {}\n",
        );
        assert_eq!(
            missing(page, &[golden]),
            ["there is no test kafmesh_build::golden::gone"]
        );
    }

    #[test]
    fn a_page_without_invariants_has_none() {
        assert_eq!(items("# A\n"), Vec::<String>::new());
        assert_eq!(items(PAGE).len(), 2);
    }
}
