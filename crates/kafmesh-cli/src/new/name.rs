//! The names a new project may have.

use std::str::FromStr;

/// The name of a cargo package, which the service's name is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackageName(String);

/// What cargo refuses, or what would shadow a crate the project uses; keywords are in `syn`'s
/// terms those that cannot name a crate.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "kafmesh",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "tokio",
    "tracing-subscriber",
    "tracing_subscriber",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

impl PackageName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackageName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let allowed = |character: char| {
            character.is_ascii_alphanumeric() || character == '-' || character == '_'
        };
        if !name.starts_with(|first: char| first.is_ascii_alphabetic())
            || !name.chars().all(allowed)
        {
            return Err(
                "a name is letters, digits, - and _, and begins with a letter, such as \
                        click-counter"
                    .to_owned(),
            );
        }
        if name.len() > 64 {
            return Err("a name has at most 64 characters".to_owned());
        }
        if TAKEN.contains(&name.to_ascii_lowercase().as_str()) {
            return Err("the name is taken by Rust or by a crate the project uses".to_owned());
        }
        Ok(Self(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_takes() {
        for good in ["clicks", "click-counter", "a1", "Click_Counter"] {
            assert_eq!(good.parse::<PackageName>().unwrap().as_str(), good);
        }
        let long = "a".repeat(65);
        for bad in [
            "", "1a", "-a", "a b", "a/b", "..", "größe", "match", "Self", "tokio", &long,
        ] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad}");
        }
    }
}
