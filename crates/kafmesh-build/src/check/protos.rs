//! Protobuf that prost cannot turn into Rust: it would panic, or write what does not compile.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use heck::{ToSnakeCase, ToUpperCamelCase};
use kafmesh_definition::{Definition, Diagnostic, Position};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

use crate::models;

/// Numbers of the fields in `FileDescriptorProto`, `DescriptorProto` and `EnumDescriptorProto` that a
/// `SourceCodeInfo` path is made of (google/protobuf/descriptor.proto).
const FILE_MESSAGE: i32 = 4;
const FILE_ENUM: i32 = 5;
const MESSAGE_FIELD: i32 = 2;
const MESSAGE_NESTED: i32 = 3;
const MESSAGE_ENUM: i32 = 4;
const ENUM_VALUE: i32 = 2;

/// Reports everything in the definition's protos that prost cannot generate.
pub(super) fn check(definition: &Definition, diagnostics: &mut Vec<Diagnostic>) {
    // Types of one package may come from many files, and packages may share a Rust module.
    let mut types: HashMap<(prost_build::Module, String), String> = HashMap::new();
    for file in &definition.protos.file {
        if models::is_well_known(file.package()) {
            continue;
        }
        let mut check = Check {
            definition,
            file,
            path: Vec::new(),
            diagnostics,
        };
        if !matches!(file.syntax(), "" | "proto2" | "proto3") {
            check.report(format!(
                "protobuf syntax `{}` is not supported",
                file.syntax()
            ));
        }
        let module = prost_build::Module::from_protobuf_package_name(file.package());
        let full = |name: &str| match file.package() {
            "" => name.to_owned(),
            package => format!("{package}.{name}"),
        };
        let mut add = |check: &mut Check<'_>, name: &str| {
            let key = (module.clone(), name.to_upper_camel_case());
            if let Some(first) = types.insert(key, full(name)) {
                check.report(format!(
                    "`{}` and `{first}` would become one Rust type",
                    full(name)
                ));
            }
        };
        for (index, message) in file.message_type.iter().enumerate() {
            check.within([FILE_MESSAGE, as_path(index)], |check| {
                add(check, message.name());
                check.message(message);
            });
        }
        for (index, declared) in file.enum_type.iter().enumerate() {
            check.within([FILE_ENUM, as_path(index)], |check| {
                add(check, declared.name());
                check.declared_enum(declared);
            });
        }
    }
}

struct Check<'a> {
    definition: &'a Definition,
    file: &'a FileDescriptorProto,
    path: Vec<i32>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn within(&mut self, path: [i32; 2], check: impl FnOnce(&mut Self)) {
        self.path.extend(path);
        check(self);
        self.path.truncate(self.path.len() - path.len());
    }

    fn message(&mut self, message: &DescriptorProto) {
        let mut fields = HashMap::new();
        for (index, field) in message.field.iter().enumerate() {
            self.within([MESSAGE_FIELD, as_path(index)], |check| {
                check.distinct(
                    &mut fields,
                    "field",
                    field.name(),
                    field.name().to_snake_case(),
                );
            });
        }
        let mut types = HashMap::new();
        for (index, nested) in message.nested_type.iter().enumerate() {
            let is_map_entry = nested
                .options
                .as_ref()
                .is_some_and(|options| options.map_entry());
            if !is_map_entry {
                self.within([MESSAGE_NESTED, as_path(index)], |check| {
                    let name = nested.name();
                    check.distinct(&mut types, "type", name, name.to_upper_camel_case());
                    check.message(nested);
                });
            }
        }
        for (index, declared) in message.enum_type.iter().enumerate() {
            self.within([MESSAGE_ENUM, as_path(index)], |check| {
                let name = declared.name();
                check.distinct(&mut types, "type", name, name.to_upper_camel_case());
                check.declared_enum(declared);
            });
        }
    }

    fn declared_enum(&mut self, declared: &EnumDescriptorProto) {
        let prefix = declared.name().to_upper_camel_case();
        let mut numbers = HashSet::new();
        let mut variants = HashMap::new();
        for (index, value) in declared.value.iter().enumerate() {
            // prost leaves out aliases.
            if numbers.insert(value.number()) {
                let camel = value.name().to_upper_camel_case();
                let variant = match camel.strip_prefix(&prefix) {
                    Some(rest) if rest.starts_with(char::is_uppercase) => rest.to_owned(),
                    _ => camel,
                };
                self.within([ENUM_VALUE, as_path(index)], |check| {
                    check.distinct(&mut variants, "variant", value.name(), variant);
                });
            }
        }
    }

    fn distinct(
        &mut self,
        seen: &mut HashMap<String, String>,
        kind: &str,
        written: &str,
        rust: String,
    ) {
        if let Some(first) = seen.insert(rust, written.to_owned()) {
            self.report(format!(
                "`{written}` and `{first}` would become one Rust {kind}"
            ));
        }
    }

    fn report(&mut self, message: String) {
        let diagnostic = Diagnostic::new("proto-name-collision", message, &self.position())
            .with_help("rename one of them in the .proto file");
        self.diagnostics.push(diagnostic);
    }

    fn position(&self) -> Position {
        let mut position = Position::file_start(&proto_file(self.definition, self.file.name()));
        let locations = self
            .file
            .source_code_info
            .iter()
            .flat_map(|info| &info.location);
        let span = locations
            .filter(|location| location.path == self.path)
            .find_map(|location| match location.span.as_slice() {
                [line, column, ..] => Some((*line, *column)),
                _ => None,
            });
        if let Some((line, column)) = span {
            // Spans count from zero.
            position.line = usize::try_from(line).unwrap_or(0) + 1;
            position.column = usize::try_from(column).unwrap_or(0) + 1;
        }
        position
    }
}

/// The file that was read for the import path `name`.
fn proto_file(definition: &Definition, name: &str) -> PathBuf {
    let read = definition
        .files
        .iter()
        .find(|file| file.ends_with(Path::new(name)));
    read.cloned().unwrap_or_else(|| PathBuf::from(name))
}

/// Indices in a path are `i32`; a file with more declarations than that cannot be read.
fn as_path(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
