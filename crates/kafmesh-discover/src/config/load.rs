//! Flags over variables over the file over defaults, and the settings that follow.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use super::arguments::Arguments;
use super::layers::{Defaults, Layers};
use super::{Config, effective, resolve, variables};
use crate::logs::Logs;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What to log, and how.
    pub(crate) logs: Logs,
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
        .filter(|(name, _)| name.starts_with(variables::FAMILY))
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
    let given = |id: &str| {
        defaults.contains_key(id) || matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let (config, logs) = resolve::resolve(arguments, given, hidden, &mut problems, &mut warnings);
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
