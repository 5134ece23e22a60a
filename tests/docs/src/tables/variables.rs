//! The environment variables of a service, from the documentation of `Config`, and the fixed properties.

use super::code;

/// A variable as `Config` documents it.
struct Variable {
    name: String,
    meaning: String,
    default: String,
}

/// A row per variable, in the order of `Config`; `source` is the text of config.rs.
pub(super) fn table(source: &str) -> String {
    let rows = variables(source)
        .into_iter()
        .map(|variable| vec![code(variable.name), variable.default, variable.meaning]);
    super::table(&["variable", "default", "meaning"], rows)
}

/// The names of all variables that config.rs documents.
pub fn names(source: &str) -> Vec<String> {
    variables(source)
        .into_iter()
        .map(|variable| variable.name)
        .collect()
}

/// Reads documentation such as ``/// `KAFMESH_X`: what it is. Default `x`.``.
fn variables(source: &str) -> Vec<Variable> {
    let mut variables = Vec::new();
    let mut lines = source.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((name, text)) = line
            .strip_prefix("/// `KAFMESH_")
            .and_then(|rest| rest.split_once("`: "))
        else {
            continue;
        };
        let mut text = text.to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with("///")) {
            text.push_str(&more["///".len()..]);
        }
        let (meaning, default) = match text.split_once(" Default ") {
            Some((meaning, default)) => {
                (meaning.to_owned(), default.trim_end_matches('.').to_owned())
            }
            None => (text, String::new()),
        };
        variables.push(Variable {
            name: format!("KAFMESH_{name}"),
            meaning,
            default,
        });
    }
    variables
}

/// A row per property that cannot be changed; `source` is the text of the client's config.rs.
pub(super) fn reserved(source: &str) -> String {
    let list = source
        .split_once("const RESERVED")
        .and_then(|(_, rest)| rest.split_once("= &["));
    let list = list
        .and_then(|(_, rest)| rest.split_once("];"))
        .expect("the list of fixed properties")
        .0;
    // Each entry is a name, `Some("value")` or `None`, and a reason.
    let mut strings = list.split('"');
    let mut rows = Vec::new();
    while let (Some(_), Some(name), Some(between)) =
        (strings.next(), strings.next(), strings.next())
    {
        let value = if between.contains("Some(") {
            let value = strings.next().expect("a value");
            assert!(
                strings
                    .next()
                    .is_some_and(|after| after.trim_start().starts_with(')'))
            );
            code(value)
        } else {
            assert!(between.contains("None"), "neither Some nor None: {between}");
            String::new()
        };
        let reason = strings.next().expect("a reason");
        rows.push(vec![code(name), value, reason.to_owned()]);
    }
    table_of(rows)
}

fn table_of(rows: Vec<Vec<String>>) -> String {
    super::table(&["property", "always", "because"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_from_their_documentation() {
        let source = "\
            /// `KAFMESH_A`: one thing,\n    /// on two lines. Default `1`; or 2.\n    pub a: u8,\n\
            /// Not a variable.\n    pub b: u8,\n    /// `KAFMESH_C_*`: another.\n";
        assert_eq!(
            table(source),
            "| variable | default | meaning |\n| --- | --- | --- |\n\
             | `KAFMESH_A` | `1`; or 2 | one thing, on two lines. |\n| `KAFMESH_C_*` | | another. |\n"
        );
        assert_eq!(names(source), ["KAFMESH_A", "KAFMESH_C_*"]);
    }

    #[test]
    fn fixed_properties_are_read_however_they_are_formatted() {
        let source = "const RESERVED: &[(&str, Option<&str>, &str)] = &[\n(\"a.b\", None, \"x, y\"),\n    (\n\"c\",\nSome(\"v\"),\n\"z\",\n),\n];";
        assert_eq!(
            reserved(source),
            "| property | always | because |\n| --- | --- | --- |\n| `a.b` | | x, y |\n| `c` | `v` | z |\n"
        );
    }
}
