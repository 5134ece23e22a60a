//! Suggestions: the known name nearest to a misspelt one, and lists of names for messages.

/// The candidate most like `wrong`, if any is alike enough to be what was meant.
pub(crate) fn nearest<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Comparing is quadratic in the length; no field or message name is this long.
    if wrong.len() > 200 {
        return None;
    }
    let wrong = wrong.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&wrong, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<_> = names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_is_found_within_a_third_of_its_letters() {
        let fields = ["name", "description", "inputs", "outputs", "groupName"];
        for (wrong, near) in [
            ("input", Some("inputs")),
            ("inptus", Some("inputs")),
            ("desc", None),
            ("descriptoin", Some("description")),
            ("groupname", Some("groupName")),
            ("nmae", Some("name")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, fields), near, "{wrong}");
        }
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "`a`");
        assert_eq!(listed(&["a", "b"]), "`a` and `b`");
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
