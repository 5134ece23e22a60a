//! Looks up the protobuf types of messages, each once, and says why one has none.

use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::model::ProtoType;
use crate::position::Position;
use crate::protos::{Messages, Unresolved};
use crate::suggest;
use crate::yaml::shortened;

/// How many unknown messages are compared with all there are.
const MAX_SUGGESTIONS: usize = 20;

/// The messages that are known.
pub(super) enum Known {
    /// All there are.
    Complete(Messages),
    /// Those of the files that could be compiled.
    Incomplete(Messages),
    /// `messages.protobuf` is missing.
    NoProtos,
}

/// The messages of one run that were looked up.
pub(super) struct Lookup {
    service: String,
    known: Known,
    resolved: HashMap<String, Resolution>,
    /// How many messages were compared with all there are.
    suggestions: usize,
    /// The first message that is used although no protos are named.
    without_protos: Option<(String, Position)>,
}

/// What became of looking up a message.
enum Resolution {
    Found(ProtoType),
    Mistake {
        code: &'static str,
        message: String,
        help: String,
    },
    /// Whether there is such a message cannot be said; why is reported elsewhere.
    Unknowable,
}

impl Lookup {
    pub(super) fn new(service: &str, known: Known) -> Self {
        Self {
            service: service.to_owned(),
            known,
            resolved: HashMap::new(),
            suggestions: 0,
            without_protos: None,
        }
    }

    /// Says once that `messages.protobuf` is missing, if a message was looked up without it.
    /// `definition` is where the definition begins.
    pub(super) fn finish(self, definition: &Position, diagnostics: &mut Vec<Diagnostic>) {
        if let Some((message, position)) = self.without_protos {
            let missing = "a definition needs the field `messages.protobuf`";
            diagnostics.push(
                Diagnostic::new("missing-field", missing, definition)
                    .with_related(&position, format!("`{message}` must be defined somewhere"))
                    .with_help("name the directory of the .proto files, relative to this file"),
            );
        }
    }

    /// The type of `message`; a message that has none is reported wherever it is used.
    pub(super) fn proto(
        &mut self,
        message: &str,
        position: &Position,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<ProtoType> {
        if !self.resolved.contains_key(message) {
            let resolution = self.look_up(message, position);
            self.resolved.insert(message.to_owned(), resolution);
        }
        match self.resolved.get(message)? {
            Resolution::Found(proto) => Some(proto.clone()),
            Resolution::Mistake {
                code,
                message,
                help,
            } => {
                diagnostics.push(Diagnostic::new(code, message, position).with_help(help));
                None
            }
            Resolution::Unknowable => None,
        }
    }

    fn look_up(&mut self, message: &str, position: &Position) -> Resolution {
        let (messages, complete) = match &self.known {
            Known::Complete(messages) => (messages, true),
            Known::Incomplete(messages) => (messages, false),
            Known::NoProtos => {
                self.without_protos
                    .get_or_insert_with(|| (message.to_owned(), position.clone()));
                return Resolution::Unknowable;
            }
        };
        let shown = shortened(message);
        match messages.resolve(&self.service, message) {
            Ok(proto) => Resolution::Found(proto.clone()),
            Err(Unresolved::Ambiguous(candidates)) => {
                let candidates: Vec<_> = candidates.iter().map(ToString::to_string).collect();
                Resolution::Mistake {
                    code: "ambiguous-message",
                    message: format!(
                        "`{shown}` could be any of the messages {}",
                        suggest::listed(&candidates)
                    ),
                    help: "rename all but one of them: only their spelling differs".into(),
                }
            }
            // It may be in a file that could not be compiled, which is reported already.
            Err(Unresolved::Absent { .. }) if !complete => Resolution::Unknowable,
            Err(Unresolved::Absent { wanted }) => {
                let looked = format!("looked for {}", suggest::listed(&wanted));
                self.suggestions += 1;
                let near = (self.suggestions <= MAX_SUGGESTIONS)
                    .then(|| messages.nearest(&self.service, message))
                    .flatten();
                Resolution::Mistake {
                    code: "unknown-message",
                    message: format!("there is no protobuf message for `{shown}`"),
                    help: match near {
                        Some(near) => format!("did you mean `{near}`? ({looked})"),
                        None => looked,
                    },
                }
            }
        }
    }
}
