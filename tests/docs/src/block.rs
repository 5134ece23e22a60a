//! What a block of code is for: its info string behind the language.

use crate::page::RawBlock;

/// A block of code whose purpose is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// `file=PATH`: the whole file, in the page's project.
    File(String),
    /// `append=PATH`: goes to the end of the file.
    Append(String),
    /// `excerpt=PATH`: stands in this file of the repository, however that is laid out.
    Excerpt(String),
    /// `run`: a shell runs it in the page's project; with `fails`, its last line must fail.
    Run {
        /// Whether it must fail.
        fails: bool,
    },
    /// `output`: each line occurs, in this order, in what the last `run` printed.
    Output,
    /// `manual`: for the reader to type; checked, but not run.
    Manual,
    /// A picture.
    Mermaid,
    /// A query, which the tests of `kafmesh-mesh-tests` run on Neo4j.
    Cypher,
}

impl Block {
    /// The purpose of `block`.
    ///
    /// # Errors
    ///
    /// When there is none: every block has to be checked somehow.
    pub fn of(block: &RawBlock) -> Result<Self, String> {
        let mut words = block.info.split_whitespace();
        let language = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        let kind = match (language, rest.as_slice()) {
            ("mermaid", []) => Self::Mermaid,
            ("cypher", []) => Self::Cypher,
            ("sh", ["run"]) => Self::Run { fails: false },
            ("sh", ["run", "fails"]) => Self::Run { fails: true },
            ("sh", ["manual"]) => Self::Manual,
            ("text", ["output"]) => Self::Output,
            ("rust" | "yaml" | "proto" | "toml" | "json", [what]) => match what.split_once('=') {
                Some(("file", path)) => Self::File(path.to_owned()),
                Some(("append", path)) => Self::Append(path.to_owned()),
                Some(("excerpt", path)) => Self::Excerpt(path.to_owned()),
                _ => return Err(unknown(block)),
            },
            _ => return Err(unknown(block)),
        };
        Ok(kind)
    }
}

fn unknown(block: &RawBlock) -> String {
    format!(
        "line {}: nothing checks a block of the kind `{}`",
        block.line, block.info
    )
}

/// Whether `block` stands in `text`, however rustfmt breaks the lines of either.
pub fn is_excerpt(block: &str, text: &str) -> bool {
    let block = squeezed(block);
    !block.is_empty() && squeezed(text).contains(&block)
}

/// `text` without white space, and without the commas that lists get when they are broken into lines.
fn squeezed(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    text.replace(",)", ")")
        .replace(",]", "]")
        .replace(",}", "}")
}

/// The lines of `wanted` that do not occur, in this order, in `output`.
pub fn missing_output<'a>(wanted: &'a str, output: &str) -> Option<&'a str> {
    let mut lines = output.lines();
    wanted
        .lines()
        .find(|wanted| !lines.any(|line| line.contains(wanted.trim())))
}

/// What is wrong with a picture, if anything: GitHub shows an error in its place.
pub fn broken_mermaid(text: &str) -> Option<String> {
    let kind = text.split_whitespace().next().unwrap_or_default();
    if !["flowchart", "stateDiagram-v2", "sequenceDiagram"].contains(&kind) {
        return Some(format!("`{kind}` is no kind of picture used here"));
    }
    text.lines().find_map(|line| {
        let mut open = Vec::new();
        for c in line.chars() {
            match c {
                '(' => open.push(')'),
                '[' => open.push(']'),
                '{' => open.push('}'),
                ')' | ']' | '}' if open.pop() != Some(c) => {
                    return Some(format!("`{}`: brackets do not match", line.trim()));
                }
                _ => {}
            }
        }
        (!open.is_empty()).then(|| format!("`{}`: a bracket is open", line.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(info: &str) -> Result<Block, String> {
        Block::of(&RawBlock {
            info: info.into(),
            text: String::new(),
            line: 7,
        })
    }

    #[test]
    fn purposes() {
        assert_eq!(of("rust file=src/a.rs"), Ok(Block::File("src/a.rs".into())));
        assert_eq!(
            of("toml append=Cargo.toml"),
            Ok(Block::Append("Cargo.toml".into()))
        );
        assert_eq!(of("sh run fails"), Ok(Block::Run { fails: true }));
    }

    #[test]
    fn a_block_that_nothing_checks_is_found() {
        for info in [
            "rust",
            "",
            "sh",
            "indented",
            "yaml ignore",
            "rust run",
            "ini file=a.ini",
            "sh run maybe",
        ] {
            assert_eq!(
                of(info),
                Err(format!(
                    "line 7: nothing checks a block of the kind `{info}`"
                ))
            );
        }
    }

    #[test]
    fn excerpts_stand_there_as_a_whole() {
        let text = "a\nb(c, d)\ne\n";
        assert!(is_excerpt("b(\n  c,\n  d,\n)\ne\n", text));
        assert!(!is_excerpt("a\ne\n", text));
        assert!(!is_excerpt("b(c)\n", text));
        assert!(!is_excerpt("\n", text));
    }

    #[test]
    fn output_is_compared_line_by_line_in_order() {
        assert_eq!(missing_output("b\nd\n", "a b\nc\nd e\n"), None);
        assert_eq!(missing_output("d\nb\n", "a b\nc\nd e\n"), Some("b"));
    }

    #[test]
    fn broken_pictures_are_found() {
        assert_eq!(broken_mermaid("flowchart LR\n  a[(b)] --> c([d])\n"), None);
        assert!(broken_mermaid("flow LR\n").is_some());
        assert!(broken_mermaid("flowchart LR\n  a[(b]) --> c\n").is_some());
        assert!(broken_mermaid("flowchart LR\n  a[b --> c\n").is_some());
    }
}
