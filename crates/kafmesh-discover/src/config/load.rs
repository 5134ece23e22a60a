//! Flags over variables over the file over defaults, and the settings that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use super::arguments::{Arguments, KAFKA_KEY, KAFKA_VARIABLES, SECRETS, is_secret_property};
use super::file::{self, Entry, Place, Value};
use super::{Config, Secret, effective, resolve};
use crate::logs::Logs;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What to log, and how.
    pub logs: Logs,
    /// What works, and may not be meant.
    pub warnings: Vec<String>,
    /// With `--check-config`: the settings in effect, as a file that says where each comes from.
    pub effective: Option<String>,
}

/// Why there is no configuration.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The command line is wrong, or asks for help or the version.
    CommandLine(clap::Error),
    /// Variables or the file are wrong: every problem found.
    Settings(Vec<String>),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine(error) => error.fmt(f),
            Self::Settings(problems) => f.write_str(&problems.join("\n")),
        }
    }
}

impl std::error::Error for LoadError {}

/// The values of secrets and of librdkafka's properties, and where they come from.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    pub(super) secrets: BTreeMap<&'static str, (Secret, String)>,
    pub(super) kafka: BTreeMap<String, (Secret, String)>,
}

/// Reads the configuration from `args`, the first of which is the program's name, from `variables`
/// and from the file that they name.
///
/// # Errors
///
/// [`LoadError::CommandLine`] with one problem; [`LoadError::Settings`] with all there are.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, LoadError> {
    let args: Vec<_> = args.into_iter().collect();
    // Names that are not UTF-8 are not ours. An empty variable is one that is not set.
    let variables: BTreeMap<String, OsString> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with("KAFMESH_"))
        .collect();
    let described = Arguments::command().mut_args(|arg| arg.hide_env_values(true));
    // Variables are looked up here, so that their errors name them and the file is below them.
    let plain = described.clone().mut_args(|arg| arg.env(Resettable::Reset));

    let mut layers = Layers::new(&plain);
    let (path, named_by) = config_file(&plain, &args, &variables).map_err(|error| {
        // Help names the variables.
        let shown = matches!(error.kind(), ErrorKind::DisplayHelp)
            .then(|| described.clone().try_get_matches_from(&args).err());
        LoadError::CommandLine(shown.flatten().unwrap_or(error))
    })?;
    if let Some(path) = &path {
        layers.read_file(path, named_by);
    }
    layers.read_variables(&described, &variables);
    let Layers {
        defaults,
        hidden,
        mut problems,
        warnings,
        ..
    } = layers;
    if !problems.is_empty() {
        return Err(LoadError::Settings(problems));
    }

    let layered = plain.mut_args(|arg| match defaults.get(arg.get_id().as_str()) {
        Some((values, _)) => arg.default_values(values.clone()),
        None => arg,
    });
    let matches = layered
        .try_get_matches_from(args)
        .map_err(LoadError::CommandLine)?;
    let arguments = Arguments::from_arg_matches(&matches).map_err(LoadError::CommandLine)?;
    let effective = arguments.run.check_config.then(|| {
        effective::print(&described, &matches, &hidden, |id| {
            source(&described, &matches, &defaults, id)
        })
    });
    let mut warnings = warnings;
    let (config, logs) = resolve::resolve(arguments, hidden, &mut problems, &mut warnings);
    if !problems.is_empty() {
        return Err(LoadError::Settings(problems));
    }
    Ok(Loaded {
        config,
        logs,
        warnings,
        effective,
    })
}

/// Where the value of a setting comes from; `None` when it has none.
fn source(
    command: &Command,
    matches: &ArgMatches,
    defaults: &Defaults,
    id: &str,
) -> Option<String> {
    match (matches.value_source(id)?, defaults.get(id)) {
        (ValueSource::DefaultValue, Some((_, source))) => Some(source.clone()),
        (ValueSource::DefaultValue, None) => Some("default".to_owned()),
        _ => {
            let arg = command.get_arguments().find(|arg| arg.get_id() == id)?;
            Some(format!("--{}", arg.get_long()?))
        }
    }
}

/// The file with settings, if one is named, and by what.
fn config_file(
    plain: &Command,
    args: &[OsString],
    variables: &BTreeMap<String, OsString>,
) -> Result<(Option<PathBuf>, &'static str), clap::Error> {
    // The whole command line, so that --help and mistakes in it come before those in the file.
    let matches = plain.clone().try_get_matches_from(args)?;
    if let Some(path) = matches.get_one::<PathBuf>("config") {
        return Ok((Some(path.clone()), "--config"));
    }
    const VARIABLE: &str = "KAFMESH_DISCOVER_CONFIG";
    let path = variables.get(VARIABLE).filter(|value| !value.is_empty());
    Ok((path.map(PathBuf::from), VARIABLE))
}

/// Values of settings below the command line, by their id, and where they come from.
type Defaults = BTreeMap<String, (Vec<String>, String)>;

/// Collects the values of the file and of the variables, and what is wrong with them.
struct Layers<'a> {
    plain: &'a Command,
    defaults: Defaults,
    hidden: Hidden,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> Layers<'a> {
    fn new(plain: &'a Command) -> Self {
        Self {
            plain,
            defaults: BTreeMap::new(),
            hidden: Hidden::default(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn read_file(&mut self, path: &Path, named_by: &str) {
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

    fn read_variables(&mut self, described: &Command, variables: &BTreeMap<String, OsString>) {
        let mut known = BTreeSet::new();
        for arg in settings(described) {
            let Some(variable) = arg.get_env().and_then(|name| name.to_str()) else {
                continue;
            };
            known.insert(variable);
            let Some(text) = self.variable(variable, variables) else {
                continue;
            };
            if !text.is_empty() {
                let id = arg.get_id().to_string();
                let values: Vec<_> = if is_list(arg) {
                    text.split(',').map(|part| part.trim().to_owned()).collect()
                } else {
                    vec![text]
                };
                let key = arg.get_long().unwrap_or_default();
                self.check(&id, key, &values, variable);
                self.defaults.insert(id, (values, variable.to_owned()));
            }
        }
        for secret in SECRETS {
            known.insert(secret.variable);
            if let Some(text) = self.variable(secret.variable, variables) {
                self.secret(secret.key, text, secret.variable.to_owned());
            }
        }
        known.insert("KAFMESH_DISCOVER_CONFIG");
        for name in variables.keys() {
            if let Some(property) = name.strip_prefix(KAFKA_VARIABLES) {
                let property = property.to_lowercase().replace('_', ".");
                if let Some(text) = self.variable(name, variables) {
                    self.property(&property, text, name.clone());
                }
            } else if name.starts_with("KAFMESH_DISCOVER_")
                && !known.contains(name.as_str())
                && !is_of_a_kubernetes_service(name)
            {
                let meant = nearest(name, known.iter().copied());
                let meant = meant.map_or_else(
                    || "is it misspelt?".to_owned(),
                    |meant| format!("is {meant} meant?"),
                );
                self.warnings
                    .push(format!("the variable {name} means nothing here; {meant}"));
            }
        }
    }

    fn variable(&mut self, name: &str, variables: &BTreeMap<String, OsString>) -> Option<String> {
        let value = variables.get(name)?;
        match value.to_str() {
            Some(text) => Some(text.to_owned()),
            None => {
                self.problems.push(format!("{name} is not UTF-8"));
                None
            }
        }
    }

    fn secret(&mut self, key: &'static str, text: String, source: String) {
        if text.is_empty() {
            self.problems.push(format!(
                "{source}: the {key} is empty; set it, or leave it out to have none"
            ));
        }
        self.hidden.secrets.insert(key, (Secret::new(text), source));
    }

    /// A property of librdkafka; what ends in `.file` names the file with a secret one.
    fn property(&mut self, name: &str, text: String, source: String) {
        let secret = name
            .strip_suffix(".file")
            .filter(|name| is_secret_property(name));
        let Some(secret) = secret else {
            let value = (Secret::new(text), source);
            self.hidden.kafka.insert(name.to_owned(), value);
            return;
        };
        match read_secret(Path::new(&text)) {
            Ok(value) => {
                let source = format!("{source}, {text}");
                self.hidden.kafka.insert(secret.to_owned(), (value, source));
            }
            Err(problem) => self.problems.push(format!("{source}: {problem}")),
        }
    }

    /// Whether the setting takes the values; what it says otherwise.
    fn check(&mut self, id: &str, key: &str, values: &[String], source: &str) {
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

/// The secret in the file at `path`, without the end of its line.
pub(super) fn read_secret(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(format!("{shown} is empty; it must hold the secret"));
    }
    Ok(Secret::new(text))
}

/// Whether Kubernetes sets the variable for a Service whose name begins with `kafmesh-discover`.
fn is_of_a_kubernetes_service(name: &str) -> bool {
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_PORT_")
}

/// The known name most like `wrong`, if any is alike enough to be what was meant.
fn nearest<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
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
