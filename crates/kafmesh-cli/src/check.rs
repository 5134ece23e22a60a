//! `kafmesh check`: mistakes in definitions, and nothing else.

use crate::args::Check;
use crate::exit::Failure;
use crate::{definitions, report, terminal};

pub(crate) fn run(args: &Check) -> Result<(), Failure> {
    let definitions = report::findings(definitions::load(&args.definitions), args.format)?;
    for definition in &definitions {
        let components = terminal::count(definition.components.len(), "component");
        let topics = terminal::count(definition.topics.len(), "topic");
        let name = terminal::printable(definition.name.written());
        terminal::done(
            "checked",
            &format!(
                "{}: {name}, {components}, {topics}",
                definition.file.display()
            ),
        );
    }
    Ok(())
}
