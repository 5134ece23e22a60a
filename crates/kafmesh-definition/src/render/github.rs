//! Diagnostics for GitHub workflow logs, which turn them into annotations.

use crate::diagnostic::Diagnostics;

impl Diagnostics {
    /// The mistakes as [workflow commands], one line each:
    /// `::error file=…,line=…,col=…,title=…::message`.
    ///
    /// [workflow commands]: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    #[must_use]
    pub fn to_github(&self) -> String {
        self.iter()
            .map(|diagnostic| {
                let help = diagnostic
                    .help
                    .as_ref()
                    .map(|help| format!("\n{help}"))
                    .unwrap_or_default();
                format!(
                    "::error file={},line={},col={},title={}::{}\n",
                    property(&diagnostic.file().display().to_string()),
                    diagnostic.line(),
                    diagnostic.column(),
                    property(diagnostic.code),
                    data(&format!("{}{help}", diagnostic.message)),
                )
            })
            .collect()
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{Diagnostic, Diagnostics, Position};

    #[test]
    fn commands_are_escaped() {
        let position = Position::file_start(Path::new("a,b:c%.yaml"));
        let diagnostic =
            Diagnostic::new("rule", "100% wrong, in: two", &position).with_help("do this");
        assert_eq!(
            Diagnostics::from(diagnostic).to_github(),
            "::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,title=rule::100%25 wrong, in: two%0Ado this\n",
        );
    }
}
