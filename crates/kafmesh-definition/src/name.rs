//! Names: any spelling split into words, and the forms those words take in Rust and in Kafka.

use unicode_ident::is_xid_continue;

/// A name as written in the YAML and the words it splits into.
///
/// Words end at every character that cannot be part of an identifier (spaces, dots, `-`, `_`, …)
/// and where the case changes; digits stay with the word before them. An acronym is one word.
///
/// ```
/// use kafmesh_definition::Name;
///
/// let name = Name::new("total clicks");
/// assert_eq!(name.pascal(), "TotalClicks");
/// assert_eq!(name.snake(), "total_clicks");
/// assert_eq!(name.lower_camel(), "totalClicks");
/// assert_eq!(Name::new("HTTPServer").snake(), "http_server");
/// assert_eq!(Name::new("userId.click").pascal(), "UserIdClick");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    written: String,
    words: Vec<String>,
}

impl Name {
    /// Splits `written` at spaces, dots, `-`, `_` and case changes.
    #[must_use]
    pub fn new(written: impl Into<String>) -> Self {
        let written = written.into();
        let words = split(&written);
        Self { written, words }
    }

    /// As written in the YAML (`total clicks`).
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The words, lower case (`["total", "clicks"]`); empty when the name has no letter or digit.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// `TotalClicks`: a Rust type name (no keyword escaping; may begin with a digit).
    #[must_use]
    pub fn pascal(&self) -> String {
        self.words.iter().map(|word| capitalized(word)).collect()
    }

    /// `total_clicks`: a Rust module or function name (no keyword escaping; may begin with a digit).
    #[must_use]
    pub fn snake(&self) -> String {
        self.words.join("_")
    }

    /// `totalClicks`: as used in topic and group names.
    #[must_use]
    pub fn lower_camel(&self) -> String {
        let mut words = self.words.iter();
        let first = words.next().cloned().unwrap_or_default();
        words.fold(first, |camel, word| camel + &capitalized(word))
    }
}

/// The words run together, so that `userId`, `user_id` and `userid` compare equal.
pub(crate) fn folded(written: &str) -> String {
    written
        .chars()
        .filter(|c| is_word_character(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

fn is_word_character(c: char) -> bool {
    c != '_' && is_xid_continue(c)
}

/// Whether lower case changes it; mathematical capitals, for one, have no lower case.
fn is_capital(c: char) -> bool {
    c.is_uppercase() && !c.to_lowercase().eq([c])
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

fn split(written: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before: Option<char> = None;
    let mut characters = written.chars().peekable();
    while let Some(c) = characters.next() {
        if !is_word_character(c) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            before = None;
            continue;
        }
        let next_is_lower = characters.peek().is_some_and(|next| next.is_lowercase());
        let starts_word = match before {
            // The last capital of an acronym belongs to the word that follows: HTTPServer.
            Some(previous) if is_capital(previous) => is_capital(c) && next_is_lower,
            Some(_) => is_capital(c),
            None => false,
        };
        if starts_word {
            words.push(std::mem::take(&mut word));
        }
        word.extend(c.to_lowercase());
        before = Some(c);
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_of_names() {
        // written, pascal, snake, lower camel
        let cases = [
            ("math", "Math", "math", "math"),
            ("total clicks", "TotalClicks", "total_clicks", "totalClicks"),
            ("totalClicks", "TotalClicks", "total_clicks", "totalClicks"),
            ("TotalClicks", "TotalClicks", "total_clicks", "totalClicks"),
            ("total-clicks", "TotalClicks", "total_clicks", "totalClicks"),
            ("total_clicks", "TotalClicks", "total_clicks", "totalClicks"),
            (
                "__total--clicks  ",
                "TotalClicks",
                "total_clicks",
                "totalClicks",
            ),
            ("TOTAL_CLICKS", "TotalClicks", "total_clicks", "totalClicks"),
            (
                "userId.click",
                "UserIdClick",
                "user_id_click",
                "userIdClick",
            ),
            ("userid.click", "UseridClick", "userid_click", "useridClick"),
            (
                "vehiclesService.vehicleId.details",
                "VehiclesServiceVehicleIdDetails",
                "vehicles_service_vehicle_id_details",
                "vehiclesServiceVehicleIdDetails",
            ),
            ("HTTPServer", "HttpServer", "http_server", "httpServer"),
            ("userID", "UserId", "user_id", "userId"),
            (
                "XMLHTTPRequest",
                "XmlhttpRequest",
                "xmlhttp_request",
                "xmlhttpRequest",
            ),
            ("HTTP2Server", "Http2Server", "http2_server", "http2Server"),
            ("sha256Hash", "Sha256Hash", "sha256_hash", "sha256Hash"),
            ("s3 bucket", "S3Bucket", "s3_bucket", "s3Bucket"),
            ("2fa codes", "2faCodes", "2fa_codes", "2faCodes"),
            ("last 24h", "Last24h", "last_24h", "last24h"),
            ("a", "A", "a", "a"),
            ("A", "A", "a", "a"),
            ("AB", "Ab", "ab", "ab"),
            ("a.b", "AB", "a_b", "aB"),
            ("type", "Type", "type", "type"),
            ("Größe in cm", "GrößeInCm", "größe_in_cm", "größeInCm"),
            ("ÜberSicht", "ÜberSicht", "über_sicht", "überSicht"),
            ("Кликов всего", "КликовВсего", "кликов_всего", "кликовВсего"),
            ("点击 数", "点击数", "点击_数", "点击数"),
            // A letter with a combining accent is one word character, not a place to split at.
            (
                "cafe\u{301}s",
                "Cafe\u{301}s",
                "cafe\u{301}s",
                "cafe\u{301}s",
            ),
            (
                "clicks 🎉 total",
                "ClicksTotal",
                "clicks_total",
                "clicksTotal",
            ),
            ("", "", "", ""),
            (" .-_ ", "", "", ""),
            ("🎉", "", "", ""),
        ];
        for (written, pascal, snake, lower_camel) in cases {
            let name = Name::new(written);
            assert_eq!(name.written(), written);
            let forms = (name.pascal(), name.snake(), name.lower_camel());
            let wanted = (pascal.to_owned(), snake.to_owned(), lower_camel.to_owned());
            assert_eq!(forms, wanted, "forms of {written:?}");
        }
    }

    #[test]
    fn spellings_of_one_name_fold_together() {
        for written in [
            "userId", "user_id", "userid", "UserID", "user id", "user-id",
        ] {
            assert_eq!(folded(written), "userid", "{written}");
        }
        assert_ne!(folded("userId"), folded("usersId"));
    }

    proptest! {
        #[test]
        fn snake_form_splits_into_the_same_words(written in any::<String>()) {
            let name = Name::new(written);
            let again = Name::new(name.snake());
            prop_assert_eq!(again.words(), name.words());
            prop_assert_eq!(again.pascal(), name.pascal());
            prop_assert_eq!(again.lower_camel(), name.lower_camel());
        }

        // A one-letter word runs into the next one in camel case (`a.b` is `AB`, one acronym),
        // so only names of longer words come back from there.
        #[test]
        fn camel_forms_are_fixed_points(words in proptest::collection::vec("[a-z][a-z][a-z0-9]{0,6}", 1..5)) {
            let name = Name::new(words.join(" "));
            prop_assert_eq!(Name::new(name.pascal()).pascal(), name.pascal());
            let again = Name::new(name.pascal());
            prop_assert_eq!(again.words(), name.words());
            prop_assert_eq!(Name::new(name.lower_camel()).lower_camel(), name.lower_camel());
        }

        #[test]
        fn folding_ignores_how_words_are_separated(written in "[a-zA-Z0-9 ._-]{0,20}") {
            prop_assert_eq!(folded(&written), Name::new(written.as_str()).words().concat());
        }
    }
}
