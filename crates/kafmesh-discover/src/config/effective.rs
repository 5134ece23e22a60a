//! The settings in effect, as a file that says where each comes from.

use std::fmt::Write as _;

use clap::{ArgMatches, Command};

use super::arguments::{KAFKA_KEY, SECRETS, is_secret_property};
use super::layers::{Hidden, is_list, settings};

/// What secrets are shown as.
const MASK: &str = "***";

/// Every setting in the order of the help; what is not set is a comment.
pub(super) fn print(
    command: &Command,
    matches: &ArgMatches,
    hidden: &Hidden,
    source: impl Fn(&str) -> Option<String>,
) -> String {
    let mut text = String::from("# The settings in effect, and where each comes from.\n");
    for arg in settings(command) {
        let key = arg.get_long().unwrap_or_default();
        let id = arg.get_id().as_str();
        if let Some(secret) = SECRETS
            .iter()
            .find(|secret| key == format!("{}-file", secret.key))
        {
            let source = hidden.secrets.get(secret.key).map(|(_, source)| source);
            line(
                &mut text,
                secret.key,
                source.map(|source| (MASK, source.as_str())),
            );
        }
        let values = matches.get_raw(id).into_iter().flatten();
        let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        match (values.as_slice(), source(id)) {
            ([], _) | (_, None) => line(&mut text, key, None),
            ([value], Some(source)) if !is_list(arg) => {
                line(&mut text, key, Some((value, &source)));
            }
            (values, Some(source)) => {
                let _ = writeln!(text, "{key}: # {source}");
                for value in values {
                    let _ = writeln!(text, "  - {}", quoted(value));
                }
            }
        }
    }
    if hidden.kafka.is_empty() {
        line(&mut text, KAFKA_KEY, None);
    } else {
        let _ = writeln!(text, "{KAFKA_KEY}:");
        for (property, (value, source)) in &hidden.kafka {
            let value = match is_secret_property(property) {
                true => MASK,
                false => value.expose(),
            };
            let _ = writeln!(text, "  {}: {} # {source}", quoted(property), quoted(value));
        }
    }
    text
}

/// One setting. Writing to a `String` cannot fail.
fn line(text: &mut String, key: &str, value: Option<(&str, &str)>) {
    let _ = match value {
        Some((value, source)) => writeln!(text, "{key}: {} # {source}", quoted(value)),
        None => writeln!(text, "# {key}:"),
    };
}

/// A text as YAML, in quotes where it needs them.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/-+:@,=".contains(c);
    let begins = |c: char| c.is_ascii_alphanumeric() || "./".contains(c);
    if text.starts_with(begins) && text.chars().all(plain) && !text.ends_with(':') {
        text.to_owned()
    } else {
        // JSON's strings are YAML's.
        serde_json::Value::from(text).to_string()
    }
}
