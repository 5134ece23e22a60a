//! `kafmesh describe`: what a service will say of itself.

mod service;
mod table;

use kafmesh_definition::Definition;
use serde::Serialize;

use crate::args::{Describe, DescribeFormat};
use crate::exit::Failure;
use crate::report::{self, Format};
use crate::terminal;

pub(crate) fn run(args: &Describe) -> Result<(), Failure> {
    let definition = report::findings(kafmesh_definition::load(&args.definition), Format::Text)?;
    let text = match args.format {
        DescribeFormat::Table => table::render(&definition),
        DescribeFormat::Json => json(&definition)?,
    };
    terminal::print(&text)
}

/// The document of the discovery API: `{"service": …}`.
#[derive(Serialize)]
struct Document<'a> {
    service: service::Service<'a>,
}

fn json(definition: &Definition) -> Result<String, Failure> {
    let document = Document {
        service: service::Service::new(definition),
    };
    let mut text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::new("cannot write the description as JSON", error))?;
    text.push('\n');
    Ok(text)
}
