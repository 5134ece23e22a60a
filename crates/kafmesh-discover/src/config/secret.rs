//! Values that are neither printed nor logged.

use std::fmt;
use std::fs;
use std::path::Path;

/// A password or a token.
///
/// ```
/// use kafmesh_discover::config::Secret;
///
/// let secret = Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "***");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// `value`, hidden from now on.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// What is in the file at `path`, without the end of its line.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text =
            fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return Err(format!("{shown} is empty; it must hold the secret"));
        }
        Ok(Self::new(text))
    }

    /// The value, for whom it is meant.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
