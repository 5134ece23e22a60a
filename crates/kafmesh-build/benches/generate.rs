//! How long a large definition takes from YAML to files, and whether that grows with its size alone.
//!
//! `cargo bench -p kafmesh-build` prints a table of four sizes, the largest with 1,000 components and 5,000
//! objects; the time per object should be the same in all rows, and the last total below a second.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

const COMPONENTS: usize = 1_000;
const OBJECTS_PER_COMPONENT: usize = 5;
/// Components that share a protobuf package, as those of one team would.
const COMPONENTS_PER_PACKAGE: usize = 10;
const ROUNDS: usize = 5;

#[expect(clippy::print_stdout, reason = "a benchmark's result is its output")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "{:>10} {:>8} {:>7} {:>8} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "components",
        "objects",
        "files",
        "MB",
        "load",
        "generate",
        "write",
        "again",
        "total",
        "µs/object"
    );
    // Nothing is deleted before the end: ext4 searches long for room among what was just deleted.
    let root = tempfile::tempdir()?;
    for divisor in [8, 4, 2, 1] {
        let components = COMPONENTS / divisor;
        let directory = root.path().join(components.to_string());
        fs::create_dir(&directory)?;
        lay_out(&directory, components)?;
        let mut best = measure(&directory)?;
        for _ in 1..ROUNDS {
            let next = measure(&directory)?;
            if next.total() < best.total() {
                best = next;
            }
        }
        let objects = components * OBJECTS_PER_COMPONENT;
        println!(
            "{components:>10} {objects:>8} {:>7} {:>8.1} {:>10.1?} {:>10.1?} {:>10.1?} {:>10.1?} {:>10.1?} {:>10.1}",
            best.files,
            best.bytes as f64 / 1e6,
            best.load,
            best.generate,
            best.write,
            best.again,
            best.total(),
            best.total().as_secs_f64() * 1e6 / objects as f64,
        );
    }
    Ok(())
}

struct Measured {
    load: Duration,
    generate: Duration,
    /// Into an empty directory.
    write: Duration,
    /// Over the same output; not part of the total.
    again: Duration,
    files: usize,
    bytes: usize,
}

impl Measured {
    fn total(&self) -> Duration {
        self.load + self.generate + self.write
    }
}

fn measure(directory: &Path) -> Result<Measured, Box<dyn std::error::Error>> {
    let outputs = fs::read_dir(directory)?.count();
    let output = directory.join(format!("output{outputs}"));
    let (load, definition) =
        timed(|| kafmesh_definition::load(&directory.join("definition.yaml")))?;
    let (generate, generated) = timed(|| kafmesh_build::generate(&definition))?;
    let (write, _) = timed(|| kafmesh_build::write(&output, &generated))?;
    let (again, _) = timed(|| kafmesh_build::write(&output, &generated))?;
    let files = generated.files();
    let bytes = files.values().map(String::len).sum();
    Ok(Measured {
        load,
        generate,
        write,
        again,
        files: files.len(),
        bytes,
    })
}

fn timed<T, E>(run: impl FnOnce() -> Result<T, E>) -> Result<(Duration, T), E> {
    let start = Instant::now();
    let result = run()?;
    Ok((start.elapsed(), result))
}

/// Writes a definition of `components` components of five objects each: a source, two processors with states,
/// joins and lookups, and two others, so that every kind of object is there.
fn lay_out(directory: &Path, components: usize) -> io::Result<()> {
    fs::create_dir(directory.join("components"))?;
    fs::create_dir(directory.join("protos"))?;
    fs::write(
        directory.join("definition.yaml"),
        "name: largeService\ndescription: Made for a benchmark.\n\
         output:\n  package: definitions\n  path: output\n  module: large\n\
         messages:\n  protobuf:\n    - protos\ncomponents:\n  - components/*.yaml\n\
         defaults:\n  partition: 10\n  replication: 3\n  retention: 24h\n  segment: 12h\n",
    )?;
    for package in 0..components.div_ceil(COMPONENTS_PER_PACKAGE) {
        let mut proto = format!("syntax = \"proto3\";\n\npackage largeService.team{package};\n");
        let first = package * COMPONENTS_PER_PACKAGE;
        for index in first..(first + COMPONENTS_PER_PACKAGE).min(components) {
            for message in ["Click", "Order", "Total", "State"] {
                let _ = write!(
                    proto,
                    "\n// What {message} of {index} says.\nmessage {message}{index} {{\n  string name = 1;\n  int64 count = 2;\n}}\n"
                );
            }
        }
        fs::write(directory.join(format!("protos/team{package}.proto")), proto)?;
    }
    for index in 0..components {
        let team = index / COMPONENTS_PER_PACKAGE;
        let message = |name: &str| format!("team{team}.{name}{index}");
        let (click, order) = (message("click"), message("order"));
        let (total, state) = (message("total"), message("state"));
        let (own, shared) = match index % 4 {
            3 => (String::new(), format!("persistence:\n  message: {state}\n")),
            _ => (
                format!("    persistence:\n      - message: {state}\n"),
                String::new(),
            ),
        };
        let others = match index % 4 {
            0 => format!("  - message: {order}\nviews:\n  - message: {total}\n"),
            1 => format!(
                "  - message: {order}\nviewSinks:\n  - name: report {index}\n    message: {total}\n"
            ),
            _ => format!(
                "viewSources:\n  - name: orders {index}\n    message: {order}\n\
                 sinks:\n  - name: archive {index}\n    message: {total}\n"
            ),
        };
        fs::write(
            directory.join(format!("components/component{index}.yaml")),
            format!(
                "name: component {index}\ndescription: The component with the number {index}.\n\
                 processors:\n  - name: total clicks {index}\n    description: Adds up.\n    \
                 inputs:\n      - message: {click}\n    joins:\n      - message: {order}\n    \
                 outputs:\n      - message: {total}\n{own}  \
                 - name: orders {index}\n    inputs:\n      - message: {order}\n      - message: {click}\n    \
                 lookups:\n      - message: {total}\n{own}\
                 {shared}sources:\n  - message: {click}\n{others}"
            ),
        )?;
    }
    Ok(())
}
