//! Broken definitions that are too large or too odd for the repository: each is made in a temporary
//! directory, and what is said about it is compared with `tests/broken_generated/<case>.txt`.
//!
//! This is one test, since it changes the directory it runs in: so do rendered paths stay the same on
//! every machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod golden;

use std::fs::{File, create_dir, create_dir_all, write};
use std::path::Path;
use std::time::{Duration, Instant};

use kafmesh_definition::TextStyle;

const DEFINITION: &str = "\
name: exampleService
output:
  path: internal/definitions
messages:
  protobuf: ./protos
components: ./components/*.yaml
";

const PROTO: &str = "\
syntax = \"proto3\";
package userId;
message Click {}
";

/// Far more than any case takes, far less than a hang.
const LONGEST: Duration = Duration::from_secs(20);

type Case = (&'static str, fn());

const CASES: &[Case] = &[
    ("fifty_megabytes_definition", || {
        let file = File::create("definition.yaml").unwrap();
        file.set_len(50 * 1024 * 1024).unwrap();
    }),
    ("fifty_megabytes_component", || {
        let line = "  - message: userId.click\n";
        write(
            "components/math.yaml",
            format!(
                "name: math\nsources:\n{}",
                line.repeat(50_000_000 / line.len())
            ),
        )
        .unwrap();
    }),
    ("five_megabytes_proto", || {
        write(
            "protos/user_id.proto",
            format!("syntax = \"proto3\";\n{}", " ".repeat(5 * 1024 * 1024)),
        )
        .unwrap();
    }),
    ("nesting_in_brackets", || {
        write("components/math.yaml", "[".repeat(10_000)).unwrap()
    }),
    ("nesting_closed_again", || {
        write(
            "components/math.yaml",
            format!("name: {}{}", "[".repeat(10_000), "]".repeat(10_000)),
        )
        .unwrap();
    }),
    ("nesting_in_braces", || {
        write("components/math.yaml", "{a: ".repeat(10_000)).unwrap()
    }),
    ("nesting_by_dashes", || {
        write("components/math.yaml", "- ".repeat(10_000)).unwrap()
    }),
    ("nesting_by_indentation", || {
        let lines = (0..1_000).map(|depth| format!("{}a:\n", " ".repeat(depth)));
        write("components/math.yaml", lines.collect::<String>()).unwrap();
    }),
    ("alias_bomb", || {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        write("components/math.yaml", text).unwrap();
    }),
    ("alias_to_itself", || {
        write("components/math.yaml", "name: math\nsources: &s [*s]\n").unwrap()
    }),
    ("merge_key_bomb", || {
        let mut text = String::from("m0: &m0 {k0: x, k1: x, k2: x, k3: x, k4: x}\n");
        for level in 1..12 {
            let aliases = vec![format!("*m{}", level - 1); 9].join(", ");
            text.push_str(&format!(
                "m{level}: &m{level}\n  <<: [{aliases}]\n  own{level}: x\n"
            ));
        }
        write("components/math.yaml", text).unwrap();
    }),
    ("proto_nesting", || {
        let text = format!(
            "syntax = \"proto3\";\n{}{}",
            "message M {\n".repeat(10_000),
            "}".repeat(10_000)
        );
        write("protos/user_id.proto", text).unwrap();
    }),
    ("proto_nesting_in_an_option", || {
        let text = format!(
            "syntax = \"proto3\";\noption (a) = {}{};\n",
            "{ a ".repeat(50_000),
            "}".repeat(50_000)
        );
        write("protos/user_id.proto", text).unwrap();
    }),
    ("proto_nesting_in_a_known_option", || {
        let text = format!(
            "syntax = \"proto3\";\npackage userId;\nimport \"google/protobuf/descriptor.proto\";\n\
             message Click {{ Click a = 1; }}\nextend google.protobuf.FileOptions {{ Click a = 50000; }}\n\
             option (a) = {}{};\n",
            "{ a ".repeat(50_000),
            "}".repeat(50_000),
        );
        write("protos/user_id.proto", text).unwrap();
    }),
    ("proto_import_chain_into_a_cycle", || {
        for file in 0..2_000 {
            let text = format!(
                "syntax = \"proto3\";\nimport \"p{:04}.proto\";\n",
                (file + 1) % 2_000
            );
            write(format!("protos/p{file:04}.proto"), text).unwrap();
        }
    }),
    ("no_proto_in_directory", || {
        std::fs::remove_file("protos/user_id.proto").unwrap()
    }),
    ("one_line_of_a_megabyte", || {
        let sources = vec!["{message: userId.clik}"; 40_000].join(", ");
        write(
            "components/math.yaml",
            format!("{{name: math, sources: [{sources}]}}\n"),
        )
        .unwrap();
    }),
    ("escapes_for_a_terminal", || {
        let text =
            "name: \"ma\\eth\\u202e\\n\"\n\"sour\u{202e}ces\": []\nviews: \"\\e[31m\"\n# \u{85}\n";
        write("components/math.yaml", text).unwrap();
    }),
    #[cfg(unix)]
    ("links_in_a_circle", || {
        std::os::unix::fs::symlink("b.yaml", "components/a.yaml").unwrap();
        std::os::unix::fs::symlink("a.yaml", "components/b.yaml").unwrap();
        std::os::unix::fs::symlink("..", "protos/up").unwrap();
        std::os::unix::fs::symlink("../protos", "protos/again").unwrap();
    }),
    #[cfg(unix)]
    ("pattern_over_links_in_a_circle", || {
        for name in ["a", "b", "c"] {
            std::os::unix::fs::symlink(".", format!("components/{name}")).unwrap();
        }
        write(
            "definition.yaml",
            DEFINITION.replace("./components/*.yaml", "./**/*.yml"),
        )
        .unwrap();
    }),
    #[cfg(unix)]
    ("not_regular_files", || {
        std::os::unix::fs::symlink("/dev/zero", "components/zero.yaml").unwrap();
        std::os::unix::fs::symlink("/dev/zero", "protos/zero.proto").unwrap();
    }),
    ("definition_is_a_directory", || {
        std::fs::remove_file("definition.yaml").unwrap();
        create_dir("definition.yaml").unwrap();
    }),
];

#[test]
fn each_generated_definition_is_explained() {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken_generated");
    let mut golden = golden::Golden::default();
    for (name, make) in CASES {
        let directory = tempfile::tempdir().unwrap();
        std::env::set_current_dir(directory.path()).unwrap();
        create_dir_all("components").unwrap();
        create_dir_all("protos").unwrap();
        write("definition.yaml", DEFINITION).unwrap();
        write(
            "components/math.yaml",
            "name: math\nsources:\n  - message: userId.click\n",
        )
        .unwrap();
        write("protos/user_id.proto", PROTO).unwrap();
        make();
        let started = Instant::now();
        let rendered = match kafmesh_definition::load(Path::new("definition.yaml")) {
            Ok(_) => panic!("{name} loads, and it should not"),
            Err(diagnostics) => diagnostics.to_text(TextStyle::Plain),
        };
        let took = started.elapsed();
        assert!(took < LONGEST, "{name} took {took:?}");
        golden.check(
            &goldens.join(name).with_extension("txt"),
            &shortened(&rendered),
        );
        std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
    }
    golden.finish();
}

/// At most the first lines: one case has as many mistakes as its file has entries.
fn shortened(rendered: &str) -> String {
    const LINES: usize = 60;
    let mut lines: Vec<&str> = rendered.lines().collect();
    if lines.len() > LINES {
        let last = lines.pop().unwrap_or_default();
        lines.truncate(LINES);
        lines.extend(["[…]", last]);
    }
    lines.join("\n") + "\n"
}
