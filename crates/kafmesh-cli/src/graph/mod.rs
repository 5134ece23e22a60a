//! `kafmesh graph`: who writes and who reads which topic, drawn.

mod dot;
mod mermaid;
mod model;

use crate::args::{Graph, GraphFormat};
use crate::exit::Failure;
use crate::report::{self, Format};
use crate::{definitions, terminal};

pub(crate) fn run(args: &Graph) -> Result<(), Failure> {
    let definitions = report::findings(definitions::load(&args.definitions), Format::Text)?;
    let graph = model::Graph::new(&definitions);
    terminal::print(&match args.format {
        GraphFormat::Mermaid => mermaid::render(&graph),
        GraphFormat::Dot => dot::render(&graph),
    })
}
