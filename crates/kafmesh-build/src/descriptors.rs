//! Descriptors: the protobuf files of a service's messages as bytes in its code, for who looks at it from
//! outside.

use std::collections::BTreeSet;

use kafmesh_definition::Definition;
use kafmesh_definition::model::Component;
use prost::Message as _;
use prost_types::FileDescriptorProto;
use quote::format_ident;

use crate::module::Module;

/// Where a line of bytes ends.
const WIDTH: usize = 100;

/// The module of the service's module in which they are.
pub(crate) const MODULE: &str = "files";

/// An encoded `FileDescriptorSet` whose files are left as they are: options that the types here do not know
/// stay in them.
#[derive(Clone, PartialEq, prost::Message)]
struct EncodedFiles {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// The module with the files, or why they cannot be read.
pub(crate) fn emit(definition: &Definition, sources: &str) -> Result<Module, String> {
    let files = needed(definition).map_err(|error| error.to_string())?;
    let body = format!(
        "/// An encoded `FileDescriptorSet`.\npub(super) static FILES: &[u8] = b\"{}\";\n",
        literal(&files)
    );
    let ident = format_ident!("{MODULE}");
    let mut module = Module::new(&ident, format!("{MODULE}.km.rs"), sources, body);
    module.docs = vec!["The protobuf files of the service's messages.".to_owned()];
    Ok(module)
}

/// The files with messages of the definition's topics and what those import, as an encoded set.
fn needed(definition: &Definition) -> Result<Vec<u8>, prost::DecodeError> {
    let used: BTreeSet<(&str, &str)> = definition
        .components
        .iter()
        .flat_map(Component::topic_uses)
        .map(|topic| (topic.proto.package.as_str(), topic.proto.name.as_str()))
        .collect();
    let all = EncodedFiles::decode(definition.encoded_protos.as_slice())?;
    let mut imported = BTreeSet::new();
    let mut file = Vec::new();
    // Whoever imports a file comes after it.
    for encoded in all.file.into_iter().rev() {
        let described = FileDescriptorProto::decode(encoded.as_slice())?;
        let mut messages = described.message_type.iter();
        let holds_used =
            messages.any(|message| used.contains(&(described.package(), message.name())));
        if holds_used || imported.contains(described.name()) {
            imported.extend(described.dependency);
            file.push(encoded);
        }
    }
    file.reverse();
    Ok(EncodedFiles { file }.encode_to_vec())
}

/// What stands between the quotes of a byte string.
fn literal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3 / 2);
    let mut line = WIDTH;
    for &byte in bytes {
        let is_first = line >= WIDTH;
        if is_first {
            text.push_str("\\\n");
            line = 0;
        }
        let before = text.len();
        match byte {
            // A space would be taken for the line's indentation.
            b' ' if is_first => text.push_str("\\x20"),
            b'\'' => text.push('\''),
            byte => text.extend(byte.escape_ascii().map(char::from)),
        }
        line += text.len() - before;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_reads_back_from_its_literal() {
        let bytes: Vec<u8> = (0..=255).chain([b' '; 300]).chain(0..=255).collect();
        let source = format!("b\"{}\"", literal(&bytes));
        let read: syn::LitByteStr = syn::parse_str(&source).unwrap();
        assert_eq!(read.value(), bytes);
        assert!(
            source.lines().all(|line| line.len() < WIDTH + 5),
            "{source}"
        );
    }
}
