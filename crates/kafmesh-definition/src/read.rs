//! Reads files with limits, so that no path can make a run hang or eat the memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::position::{Position, Source};

/// The largest YAML file read, in bytes: a definition of thousands of objects is below it.
pub(crate) const MAX_YAML_BYTES: u64 = 1024 * 1024;
/// The largest protobuf file read, in bytes.
pub(crate) const MAX_PROTO_BYTES: u64 = 4 * 1024 * 1024;

/// Reads `path` as text of at most `limit` bytes.
///
/// # Errors
///
/// The file is missing, not a regular file, too large or not UTF-8. The mistake is placed at
/// `named_at`, where the file is asked for, unless it lies in the text itself.
pub(crate) fn read(
    path: &Path,
    limit: u64,
    named_at: &Position,
) -> Result<Arc<Source>, Box<Diagnostic>> {
    let failed = |code, message: String| Box::new(Diagnostic::new(code, message, named_at));
    let shown = path.display();
    let unreadable = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => failed("missing-file", format!("there is no file `{shown}`")),
        _ => failed(
            "unreadable-file",
            format!("the file `{shown}` cannot be read: {}", reason(error)),
        ),
    };
    // Opening a pipe or a device could block, so ask what it is first.
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() {
            "is a directory"
        } else {
            "is not a regular file"
        };
        return Err(failed(
            "not-a-file",
            format!("`{shown}` {kind}, and a file is needed here"),
        ));
    }
    let too_large = |bytes: u64| {
        let message = format!(
            "the file `{shown}` is too large: {}, the limit is {}",
            sized(bytes),
            sized(limit)
        );
        let mut diagnostic = failed("file-too-large", message);
        diagnostic.help = Some("is this the right file? Otherwise split it".into());
        diagnostic
    };
    if metadata.len() > limit {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    let text = String::from_utf8(bytes).map_err(|error| Box::new(not_utf8(path, &error)))?;
    // Editors on Windows begin files with a byte order mark; it means nothing in UTF-8.
    Ok(Source::new(
        path,
        text.strip_prefix('\u{feff}')
            .map(str::to_owned)
            .unwrap_or(text),
    ))
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Diagnostic {
    let bytes = error.as_bytes();
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        // An excerpt would be unreadable: every other byte is zero.
        let message = format!(
            "the file `{}` is UTF-16, and it has to be UTF-8",
            path.display()
        );
        return Diagnostic::new("invalid-utf8", message, &Position::file_start(path))
            .with_help("save the file as UTF-8");
    }
    let valid = error.utf8_error().valid_up_to();
    let wrong = bytes.get(valid).copied().unwrap_or_default();
    // The excerpt shows U+FFFD in place of the bytes that are wrong.
    let source = Source::new(path, String::from_utf8_lossy(bytes).into_owned());
    let position = source.position(valid..valid + '\u{fffd}'.len_utf8());
    Diagnostic::new(
        "invalid-utf8",
        format!("the file is not UTF-8: byte 0x{wrong:02x} cannot stand here"),
        &position,
    )
    .with_help("save the file as UTF-8")
}

/// Why reading failed, in words that are the same on every system.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotADirectory => "a part of the path is not a directory".into(),
        io::ErrorKind::InvalidFilename => "the name is not one a file can have".into(),
        io::ErrorKind::InvalidInput => "the path is not one a file can have".into(),
        other => other.to_string(),
    }
}

fn sized(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{bytes} bytes")
    }
}

/// What tells a file or directory from all others, however it is reached.
#[cfg(unix)]
pub(crate) fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// What tells a file or directory from all others, however it is reached.
#[cfg(not(unix))]
pub(crate) fn identity(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}

/// `path` without `.`, and with each `..` taken back where a directory stands before it, so that a
/// file is called the same however it was reached.
pub(crate) fn normalized(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(normal.components().next_back(), Some(Component::Normal(_))) =>
            {
                normal.pop();
            }
            Component::ParentDir if normal.has_root() => {}
            other => normal.push(other),
        }
    }
    if normal.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        normal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalized_paths() {
        for (path, normal) in [
            ("docs/definition.yaml", "docs/definition.yaml"),
            ("docs/./components/math.yaml", "docs/components/math.yaml"),
            ("docs/../protos", "protos"),
            ("../a/../b", "../b"),
            ("../../a", "../../a"),
            ("/a/../../b", "/b"),
            ("a/..", "."),
            ("", "."),
        ] {
            assert_eq!(normalized(Path::new(path)), Path::new(normal), "{path}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(sized(MAX_YAML_BYTES), "1 MiB");
        assert_eq!(sized(1_500_000), "1500000 bytes");
    }
}
