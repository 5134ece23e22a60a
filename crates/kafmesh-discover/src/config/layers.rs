//! What the file and the variables say below the command line, and what is wrong with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};

use super::Secret;
use super::arguments::{KAFKA_KEY, SECRETS, is_secret_property};
use super::file::{self, Entry, Place, Value};

/// Values of settings below the command line, by their id, and where they come from.
pub(super) type Defaults = BTreeMap<String, (Vec<String>, String)>;

/// The values of secrets and of librdkafka's properties, and where they come from.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    pub(super) secrets: BTreeMap<&'static str, (Secret, String)>,
    pub(super) kafka: BTreeMap<String, (Secret, String)>,
}

/// Collects the values of the file and of the variables, and what is wrong with them.
pub(super) struct Layers<'a> {
    plain: &'a Command,
    pub(super) defaults: Defaults,
    pub(super) hidden: Hidden,
    pub(super) problems: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(plain: &'a Command) -> Self {
        Self {
            plain,
            defaults: BTreeMap::new(),
            hidden: Hidden::default(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn read_file(&mut self, path: &Path, named_by: &str) {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let shown = path.display();
                self.problems.push(format!(
                    "cannot read {shown}: {error}; {named_by} must name a readable YAML file"
                ));
                return;
            }
        };
        match file::parse(path, &text) {
            Ok(entries) => {
                for entry in entries {
                    self.entry(entry);
                }
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn entry(&mut self, entry: Entry) {
        let Entry {
            key,
            place,
            value,
            value_place,
        } = entry;
        if let Some(secret) = SECRETS.iter().find(|secret| secret.key == key) {
            if let Some(text) = self.text(&key, value, &value_place) {
                self.secret(secret.key, text, place.to_string());
            }
            return;
        }
        if key == KAFKA_KEY {
            self.kafka_entry(value, &value_place);
            return;
        }
        let Some(arg) = self.setting(&key) else {
            self.problems.push(self.unknown(&key, &place));
            return;
        };
        let id = arg.get_id().to_string();
        let many = arg.get_action().takes_values() && is_list(arg);
        let values = match value {
            // As if the line were not there.
            Value::Nothing => return,
            Value::One(text) => vec![text],
            Value::Many(texts) if many => texts,
            Value::Many(_) | Value::Map(_) => {
                self.problems.push(format!(
                    "{value_place}: `{key}` has {}",
                    if many {
                        "a text or a list of texts"
                    } else {
                        "one value"
                    }
                ));
                return;
            }
        };
        self.check(&id, &key, &values, &value_place.to_string());
        self.defaults.insert(id, (values, place.to_string()));
    }

    /// The setting of that key in files.
    fn setting(&self, key: &str) -> Option<&'a Arg> {
        settings(self.plain).find(|arg| arg.get_long() == Some(key))
    }

    fn unknown(&self, key: &str, place: &Place) -> String {
        let known = settings(self.plain)
            .filter_map(Arg::get_long)
            .chain(SECRETS.iter().map(|secret| secret.key))
            .chain([KAFKA_KEY]);
        let what = format!("{place}: there is no setting `{key}`");
        match nearest(key, known) {
            Some(meant) => format!("{what}; is `{meant}` meant?"),
            None => format!("{what}; `kafmesh-discover --help` lists them"),
        }
    }

    fn kafka_entry(&mut self, value: Value, place: &Place) {
        let entries = match value {
            Value::Nothing => return,
            Value::Map(entries) => entries,
            Value::One(_) | Value::Many(_) => {
                self.problems.push(format!(
                    "{place}: `{KAFKA_KEY}` is a mapping of librdkafka's properties, such as \
                     `security.protocol: SASL_SSL`"
                ));
                return;
            }
        };
        for entry in entries {
            if let Some(text) = self.text(&entry.key, entry.value, &entry.value_place) {
                self.property(&entry.key, text, entry.place.to_string());
            }
        }
    }

    /// The one text that is the value of `key`.
    fn text(&mut self, key: &str, value: Value, place: &Place) -> Option<String> {
        match value {
            Value::One(text) => Some(text),
            Value::Nothing => None,
            Value::Many(_) | Value::Map(_) => {
                self.problems
                    .push(format!("{place}: `{key}` has one value"));
                None
            }
        }
    }

    pub(super) fn secret(&mut self, key: &'static str, text: String, source: String) {
        if text.is_empty() {
            self.problems.push(format!(
                "{source}: the {key} is empty; set it, or leave it out to have none"
            ));
        }
        self.hidden.secrets.insert(key, (Secret::new(text), source));
    }

    /// A property of librdkafka; what ends in `.file` names the file with a secret one.
    pub(super) fn property(&mut self, name: &str, text: String, source: String) {
        let secret = name
            .strip_suffix(".file")
            .filter(|name| is_secret_property(name));
        let Some(secret) = secret else {
            let value = (Secret::new(text), source);
            self.hidden.kafka.insert(name.to_owned(), value);
            return;
        };
        match Secret::read(Path::new(&text)) {
            Ok(value) => {
                let source = format!("{source}, {text}");
                self.hidden.kafka.insert(secret.to_owned(), (value, source));
            }
            Err(problem) => self.problems.push(format!("{source}: {problem}")),
        }
    }

    /// Whether the setting takes the values; what it says otherwise.
    pub(super) fn check(&mut self, id: &str, key: &str, values: &[String], source: &str) {
        let name = self.plain.get_name().to_owned();
        let flags = values.iter().map(|value| format!("--{key}={value}"));
        let result = self
            .plain
            .clone()
            .try_get_matches_from(std::iter::once(name).chain(flags));
        if let Err(error) = result {
            let wrong = match error.get(ContextKind::InvalidValue) {
                Some(ContextValue::String(value)) => value.clone(),
                _ => values.join(","),
            };
            let accepted = std::error::Error::source(&error).map(ToString::to_string);
            let accepted = accepted.unwrap_or_else(|| self.possible(id));
            self.problems.push(format!(
                "{source}: {wrong:?} is no value of `{key}`; {accepted}"
            ));
        }
    }

    fn possible(&self, id: &str) -> String {
        let arg = self.plain.get_arguments().find(|arg| arg.get_id() == id);
        let values = arg.map(Arg::get_possible_values).unwrap_or_default();
        let names: Vec<_> = values.iter().map(|value| value.get_name()).collect();
        format!("write one of: {}", names.join(", "))
    }
}

/// The arguments that are settings: all but those about this run of the program.
pub(super) fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        !["help", "version", "config", "check_config"].contains(&arg.get_id().as_str())
    })
}

/// Whether a setting has several values.
pub(super) fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), clap::ArgAction::Append)
}

/// The known name most like `wrong`, if any is alike enough to be what was meant.
pub(super) fn nearest<'n>(
    wrong: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    if wrong.len() > 100 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
