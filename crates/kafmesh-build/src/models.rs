//! Models: the Rust types of the definition's protobuf messages, made by prost.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use heck::ToUpperCamelCase;
use kafmesh_definition::model::ProtoType;
use proc_macro2::{Ident, TokenStream};
use prost_types::FileDescriptorSet;
use quote::{format_ident, quote};
use syn::Item;

use crate::module::{self, Module};
use crate::{doc, names};

/// Where generated code finds prost; the user's crate depends on `kafmesh` alone.
const PROST: &str = "::kafmesh::codegen::v1::prost";
const PROST_TYPES: &str = "::kafmesh::codegen::v1::prost_types";

const WELL_KNOWN: &str = "google.protobuf";

/// Lints that prost's code does not heed.
const ALLOWED: &str = "clippy::all, missing_docs";

/// Whether the messages of `package` come with the runtime instead of being generated.
pub(crate) fn is_well_known(package: &str) -> bool {
    package
        .strip_prefix(WELL_KNOWN)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The path of a message's Rust type, as seen from a module that imports `models` and `codegen`.
pub(crate) fn rust_type(proto: &ProtoType) -> TokenStream {
    let name = type_ident(&proto.name);
    if !is_well_known(&proto.package) {
        let modules = package_modules(&proto.package);
        return quote!(models::#(#modules::)*#name);
    }
    if proto.package == WELL_KNOWN {
        // prost maps these to plain Rust types.
        match proto.name.as_str() {
            "BoolValue" => return quote!(bool),
            "BytesValue" => return quote!(::std::vec::Vec<u8>),
            "DoubleValue" => return quote!(f64),
            "Empty" => return quote!(()),
            "FloatValue" => return quote!(f32),
            "Int32Value" => return quote!(i32),
            "Int64Value" => return quote!(i64),
            "StringValue" => return quote!(::std::string::String),
            "UInt32Value" => return quote!(u32),
            "UInt64Value" => return quote!(u64),
            _ => {}
        }
    }
    let modules = package_modules(&proto.package[WELL_KNOWN.len()..]);
    quote!(codegen::prost_types::#(#modules::)*#name)
}

/// The Rust name prost gives to a message or an enum.
pub(crate) fn type_ident(name: &str) -> Ident {
    names::ident(&name.to_upper_camel_case())
}

/// The modules prost puts a package into.
fn package_modules(package: &str) -> Vec<Ident> {
    prost_build::Module::from_protobuf_package_name(package)
        .parts()
        .map(prost_ident)
        .collect()
}

/// An identifier that prost has escaped already.
fn prost_ident(part: &str) -> Ident {
    names::ident(part.strip_prefix("r#").unwrap_or(part))
}

/// The module `models`, or why prost could not make it.
pub(crate) fn emit(protos: &FileDescriptorSet, sources: &str) -> Result<Module, String> {
    let mut root = Package::default();
    for file in &protos.file {
        let module = prost_build::Module::from_protobuf_package_name(file.package());
        if is_well_known(file.package()) {
            continue;
        }
        // Packages around it need not have a file of their own.
        let (mut package, mut written) = (&mut root, String::new());
        for (part, name) in module.parts().zip(file.package().split('.')) {
            written = if written.is_empty() {
                name.to_owned()
            } else {
                format!("{written}.{name}")
            };
            package = package.children.entry(part.to_owned()).or_default();
            package.written.clone_from(&written);
        }
    }
    for (module, text) in prost(protos)? {
        let file = syn::parse_file(&text).map_err(|error| error.to_string())?;
        let mut package = &mut root;
        for part in module.parts() {
            package = package.children.entry(part.to_owned()).or_default();
        }
        package.items = file.items;
    }
    root.items.extend(root.reexports());
    let ident = format_ident!("models");
    let mut models = root.into_module(&ident, "models/mod.rs".to_owned(), "", sources);
    models.public = true;
    models.docs =
        vec!["The messages of the service's topics, and the types they are made of.".to_owned()];
    models.allowed = Some(ALLOWED);
    Ok(models)
}

/// prost's source per module; the order makes no difference.
fn prost(protos: &FileDescriptorSet) -> Result<HashMap<prost_build::Module, String>, String> {
    let requests = protos
        .file
        .iter()
        .map(|file| {
            let mut file = file.clone();
            if let Some(info) = &mut file.source_code_info {
                for location in &mut info.location {
                    for comment in [
                        &mut location.leading_comments,
                        &mut location.trailing_comments,
                    ] {
                        *comment = comment.as_deref().map(doc::proto_comment);
                    }
                }
            }
            (
                prost_build::Module::from_protobuf_package_name(file.package()),
                file,
            )
        })
        .collect();
    prost_build::Config::new()
        .prost_path(PROST)
        .prost_types_path(PROST_TYPES)
        .generate(requests)
        .map_err(|error| error.to_string())
}

/// A protobuf package as a module.
#[derive(Default)]
struct Package {
    /// Its name in the proto files.
    written: String,
    items: Vec<Item>,
    children: BTreeMap<String, Package>,
}

impl Package {
    /// `pub use` of every type whose name is unique over all packages, so that `models::Click` works.
    fn reexports(&self) -> Vec<Item> {
        let mut found = BTreeMap::new();
        for (part, package) in &self.children {
            package.collect_types(&mut vec![prost_ident(part)], &mut found);
        }
        let taken: BTreeSet<String> = type_names(&self.items)
            .map(Ident::to_string)
            .chain(self.children.keys().cloned())
            .collect();
        found
            .into_iter()
            .filter(|(name, places)| places.len() == 1 && !taken.contains(name))
            .flat_map(|(name, places)| {
                let name = prost_ident(&name);
                places
                    .into_iter()
                    .map(move |path| syn::parse_quote!(pub use self::#(#path::)*#name;))
            })
            .collect()
    }

    fn collect_types(&self, path: &mut Vec<Ident>, found: &mut BTreeMap<String, Vec<Vec<Ident>>>) {
        for name in type_names(&self.items) {
            found
                .entry(name.to_string())
                .or_default()
                .push(path.clone());
        }
        for (part, package) in &self.children {
            path.push(prost_ident(part));
            package.collect_types(path, found);
            path.pop();
        }
    }

    /// The module `ident` in the file `path`; `package` is its dotted name in Rust spelling.
    fn into_module(self, ident: &Ident, path: String, package: &str, sources: &str) -> Module {
        let Self {
            mut items,
            children,
            ..
        } = self;
        let mut modules = Vec::new();
        for (part, child) in children {
            // A message with nested types is a module too; where a package has the same name
            // (`user.Click` and `user.click`), both are one module.
            match nested_module(&mut items, &part) {
                Some(content) => content.extend(child.into_items()),
                None => {
                    let ident = prost_ident(&part);
                    let stem = names::file_stem(&ident);
                    let docs = format!(
                        "Types of the protobuf package {}.",
                        doc::code(&child.written)
                    );
                    let package = if package.is_empty() {
                        stem
                    } else {
                        format!("{package}.{stem}")
                    };
                    let path = format!("models/{package}.km.rs");
                    let mut module = child.into_module(&ident, path, &package, sources);
                    module.public = true;
                    module.docs = vec![docs];
                    modules.push(module);
                }
            }
        }
        let file = syn::File {
            shebang: None,
            frontmatter: None,
            attrs: Vec::new(),
            items,
        };
        let mut module = Module::new(
            ident,
            path,
            sources,
            module::spaced(&prettyplease::unparse(&file)),
        );
        module.children = modules;
        module
    }

    /// The package's items with its sub-packages as nested modules.
    fn into_items(self) -> Vec<Item> {
        let Self {
            mut items,
            children,
            ..
        } = self;
        for (part, child) in children {
            let child = child.into_items();
            match nested_module(&mut items, &part) {
                Some(content) => content.extend(child),
                None => {
                    let ident = prost_ident(&part);
                    items.push(syn::parse_quote!(pub mod #ident { #(#child)* }));
                }
            }
        }
        items
    }
}

fn type_names(items: &[Item]) -> impl Iterator<Item = &Ident> {
    items.iter().filter_map(|item| match item {
        Item::Struct(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        _ => None,
    })
}

/// The content of the module `name` among `items`.
fn nested_module<'a>(items: &'a mut [Item], name: &str) -> Option<&'a mut Vec<Item>> {
    items.iter_mut().find_map(|item| match item {
        Item::Mod(item) if item.ident == name => item.content.as_mut().map(|(_, items)| items),
        _ => None,
    })
}
