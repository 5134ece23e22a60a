//! Names that must differ: what two things of one place would both be called in generated code.

use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::position::Position;

/// The names taken in one place, and by what.
#[derive(Default)]
pub(super) struct Taken {
    names: HashMap<String, (String, Position)>,
}

impl Taken {
    /// Takes every one of `names` for `what`, written at `position`.
    ///
    /// `names` are alternatives of one thing, such as its type and its module; only the first that
    /// is taken already is reported.
    pub(super) fn take(
        &mut self,
        names: &[String],
        what: &str,
        position: &Position,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let clash = names
            .iter()
            .find_map(|name| self.names.get(name).map(|first| (name, first)));
        if let Some((name, (first, first_position))) = clash {
            let message = if what == first {
                format!("{what} is declared twice")
            } else {
                format!("{what} and {first} would both be `{name}`")
            };
            diagnostics.push(
                Diagnostic::new("name-collision", message, position)
                    .with_related(
                        first_position,
                        if what == first {
                            "first here".into()
                        } else {
                            format!("{first} is here")
                        },
                    )
                    .with_help(if what == first {
                        "keep one of them, or name them differently"
                    } else {
                        "rename one of them"
                    }),
            );
        }
        for name in names {
            self.names
                .entry(name.clone())
                .or_insert_with(|| (what.to_owned(), position.clone()));
        }
    }
}
