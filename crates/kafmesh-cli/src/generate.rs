//! `kafmesh generate` and `kafmesh-gen`: from definitions to files.

use std::path::PathBuf;

use kafmesh_build::{Difference, DifferenceKind, Generated};
use kafmesh_definition::{Definition, Diagnostic, Diagnostics, Position};

use crate::args::Generate;
use crate::exit::Failure;
use crate::report::{self, Format};
use crate::{definitions, terminal, watch};

pub(crate) fn run(args: &Generate) -> Result<(), Failure> {
    if args.check {
        check(&args.definitions, args.format)
    } else if args.watch {
        watch::run(&args.definitions, args.format)
    } else {
        write(&args.definitions, args.format)
    }
}

/// Generates and writes the code of all of `paths`, or nothing when one of them has a mistake.
pub(crate) fn write(paths: &[PathBuf], format: Format) -> Result<(), Failure> {
    write_all(&report::findings(generate(paths), format)?)
}

/// Writes what was generated.
pub(crate) fn write_all(generated: &[(Definition, Generated)]) -> Result<(), Failure> {
    for (definition, code) in generated {
        write_one(definition, code)?;
    }
    Ok(())
}

/// Loads and generates all of `paths`.
///
/// # Errors
/// The mistakes of all of them.
pub(crate) fn generate(paths: &[PathBuf]) -> Result<Vec<(Definition, Generated)>, Diagnostics> {
    let mut generated: Vec<(Definition, Generated)> = Vec::new();
    let mut mistakes = Diagnostics::default();
    for definition in definitions::load(paths)? {
        // Two services in one directory would each remove the other's files.
        if let Some((other, _)) = generated
            .iter()
            .find(|(other, _)| other.output.path == definition.output.path)
        {
            mistakes = mistakes.merged(same_output(&definition, other));
        }
        match kafmesh_build::generate(&definition) {
            Ok(code) => generated.push((definition, code)),
            Err(diagnostics) => mistakes = mistakes.merged(diagnostics),
        }
    }
    if mistakes.is_empty() {
        Ok(generated)
    } else {
        Err(mistakes)
    }
}

fn same_output(definition: &Definition, other: &Definition) -> Diagnostics {
    let message = format!(
        "output.path {} is also that of {}",
        definition.output.path.display(),
        other.file.display()
    );
    Diagnostic::new("output-conflict", message, &definition.position)
        .with_related(&other.position, "the other service is here")
        .with_help("give each service its own output.path")
        .into()
}

/// Writes one definition's code and says what that changed; whether it changed anything.
pub(crate) fn write_one(definition: &Definition, code: &Generated) -> Result<bool, Failure> {
    let output = &definition.output.path;
    let report = kafmesh_build::write(output, code)
        .map_err(|error| Failure::new(format!("cannot generate {}", output.display()), error))?;
    let (written, removed) = (report.written.len(), report.removed.len());
    let changed = written + removed > 0;
    if changed {
        let mut text = format!("{}: {written} written", output.display());
        for (number, what) in [(report.unchanged.len(), "unchanged"), (removed, "removed")] {
            if number > 0 {
                text.push_str(&format!(", {number} {what}"));
            }
        }
        terminal::done("generated", &text);
    } else {
        terminal::done("up to date", &output.display().to_string());
    }
    Ok(changed)
}

/// Whether the files are what generation would write.
fn check(paths: &[PathBuf], format: Format) -> Result<(), Failure> {
    let generated = match generate(paths) {
        Ok(generated) => generated,
        Err(mistakes) => return report::findings(Err(mistakes), format),
    };
    let mut differing = Vec::new();
    for (definition, code) in &generated {
        let output = &definition.output.path;
        let differences = kafmesh_build::compare(output, code)
            .map_err(|error| Failure::new(format!("cannot compare {}", output.display()), error))?;
        differing.extend(
            differences
                .into_iter()
                .map(|difference| (definition, difference)),
        );
    }
    if differing.is_empty() {
        report::findings(Ok(()), format)?;
        for (definition, _) in &generated {
            terminal::done("up to date", &definition.output.path.display().to_string());
        }
        return Ok(());
    }
    if format == Format::Text {
        // There is nothing in these files to show an excerpt of, and often there are many.
        for (definition, difference) in &differing {
            let output = definition.output.path.display();
            terminal::say(&format!("{output}/{difference}"));
        }
        let files = terminal::count(differing.len(), "generated file");
        let text = format!("{files} not up to date; run `kafmesh generate`");
        return Err(Failure::Error(text));
    }
    let findings = differing
        .iter()
        .map(|(definition, difference)| finding(definition, difference));
    report::findings(Err(findings.collect()), format)
}

/// A difference as a finding, for programs.
fn finding(definition: &Definition, difference: &Difference) -> Diagnostic {
    let file = definition.output.path.join(&difference.path);
    let (code, what) = match difference.kind {
        DifferenceKind::Missing => ("generated-missing", "the generated file is missing"),
        DifferenceKind::Stale => (
            "generated-stale",
            "the generated file no longer belongs to the definition",
        ),
        _ => (
            "generated-outdated",
            "the generated file is not what the definition says",
        ),
    };
    Diagnostic::new(code, what, &Position::file_start(&file)).with_help(format!(
        "run `kafmesh generate {}`",
        definition.file.display()
    ))
}
