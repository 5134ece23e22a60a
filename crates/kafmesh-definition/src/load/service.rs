//! The definition file itself: the service's name, where code goes, and the defaults of topics.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::settings::{self, Defaults};
use super::{Located, Run, required, required_name};
use crate::diagnostic::Diagnostic;
use crate::model::Output;
use crate::name::Name;
use crate::position::Position;
use crate::raw::RawDefinition;

/// Stands in for a missing or unusable service name, so that the rest is checked too.
const UNNAMED: &str = "unnamed";

impl Run {
    pub(super) fn service_name(&mut self, definition: &Located<RawDefinition>) -> (Name, Position) {
        let object = definition.position();
        let named = required_name(
            &definition.raw.name,
            "a definition",
            &object,
            &definition.source,
            &mut self.diagnostics,
        );
        let Some((name, position)) = named else {
            return (Name::new(UNNAMED), object);
        };
        if !name.lower_camel().is_ascii() {
            let message = format!(
                "the service name `{}` has letters that a topic name cannot have",
                name.written()
            );
            self.diagnostics.push(
                Diagnostic::new("invalid-name", message, &position).with_help(
                    "topic names begin with the service name; use the letters a to z and digits",
                ),
            );
            return (Name::new(UNNAMED), object);
        }
        (name, position)
    }

    pub(super) fn output(&mut self, definition: &Located<RawDefinition>) -> Option<Output> {
        let object = definition.position();
        let (output, span) = required(
            &definition.raw.output,
            "output",
            "a definition",
            &object,
            &mut self.diagnostics,
        )?;
        let object = definition.source.position(span.clone());
        if let Some((package, span)) = output.package.given()
            && Name::new(package.as_str()).words().is_empty()
        {
            let message = "the name of the package has neither a letter nor a digit";
            self.diagnostics.push(Diagnostic::new(
                "invalid-name",
                message,
                &definition.source.position(span.clone()),
            ));
        }
        let (path, span) = required(
            &output.path,
            "path",
            "`output`",
            &object,
            &mut self.diagnostics,
        )?;
        if let Err(wrong) = inside(path) {
            let message = format!("the output path `{path}` {wrong}");
            self.diagnostics.push(
                Diagnostic::new("output-path", message, &definition.source.position(span.clone()))
                    .with_help("name a directory inside the one the command runs in, such as `internal/definitions`"),
            );
        }
        Some(Output {
            package: output
                .package
                .value()
                .cloned()
                .unwrap_or_else(|| "definitions".into()),
            path: PathBuf::from(path),
            module: output.module.value().cloned().unwrap_or_default(),
        })
    }

    pub(super) fn defaults(&mut self, definition: &Located<RawDefinition>) -> Defaults {
        let mut defaults = Defaults {
            partitions: 10,
            replication: 1,
            retention: Duration::from_secs(24 * 3_600),
            segment: Duration::from_secs(12 * 3_600),
        };
        let Some(given) = definition.raw.defaults.value() else {
            return defaults;
        };
        let source = &definition.source;
        settings::message_type(&given.message_type, source, &mut self.diagnostics);
        let mut read = settings::Reader {
            source,
            diagnostics: &mut self.diagnostics,
        };
        if let Some((value, _)) = read.count(&given.partition, "partition", i32::MAX) {
            defaults.partitions = value;
        }
        if let Some((value, _)) = read.count(&given.replication, "replication", i16::MAX) {
            defaults.replication = value;
        }
        if let Some((value, _)) = read.duration(&given.retention, "retention") {
            defaults.retention = value;
        }
        if let Some((value, _)) = read.duration(&given.segment, "segment") {
            defaults.segment = value;
        }
        defaults
    }
}

/// Whether `path` names a directory below the current one, whatever the system.
fn inside(path: &str) -> Result<(), &'static str> {
    if path.contains('\0') {
        return Err("has a character that no path can have");
    }
    if path.contains('\\') {
        return Err("has a backslash; directories are separated by `/`");
    }
    if path.starts_with('/') || path.as_bytes().get(1) == Some(&b':') {
        return Err("is absolute");
    }
    let mut below = false;
    for component in Path::new(path).components() {
        match component {
            Component::Normal(_) => below = true,
            Component::CurDir => {}
            _ => return Err("leaves the directory the command runs in"),
        }
    }
    if below {
        Ok(())
    } else {
        Err("is the directory the command runs in itself")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_paths() {
        for path in [
            "internal/definitions",
            "./definitions",
            "a/./b/",
            "src/größe",
            "..a/b..",
        ] {
            assert_eq!(inside(path), Ok(()), "{path}");
        }
        for (path, wrong) in [
            ("/etc", "is absolute"),
            ("C:/definitions", "is absolute"),
            ("..", "leaves the directory the command runs in"),
            ("a/../../b", "leaves the directory the command runs in"),
            ("a/../b", "leaves the directory the command runs in"),
            ("..\\b", "has a backslash; directories are separated by `/`"),
            ("", "is the directory the command runs in itself"),
            ("./.", "is the directory the command runs in itself"),
            ("a\0b", "has a character that no path can have"),
        ] {
            assert_eq!(inside(path), Err(wrong), "{path}");
        }
    }
}
