//! Bounds the nesting of .proto files, since the values of options are compiled recursively.

/// The deepest nesting of brackets compiled; messages themselves may nest 31 deep.
pub(super) const MAX_NESTING: usize = 64;

/// The byte at which brackets nest deeper than [`MAX_NESTING`], outside of comments and strings.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'{' | b'[' | b'<' | b'(' => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Some(at);
                }
            }
            b'}' | b']' | b'>' | b')' => depth = depth.saturating_sub(1),
            b'"' | b'\'' => {
                // A string ends at its quote, and a broken one at the end of its line.
                while let Some((_, inner)) =
                    bytes.next_if(|(_, inner)| *inner != byte && *inner != b'\n')
                {
                    if inner == b'\\' {
                        bytes.next();
                    }
                }
                bytes.next();
            }
            b'/' if bytes.next_if(|(_, next)| *next == b'/').is_some() => {
                while bytes.next_if(|(_, inner)| *inner != b'\n').is_some() {}
            }
            b'/' if bytes.next_if(|(_, next)| *next == b'*').is_some() => {
                let mut before = 0;
                for (_, inner) in bytes.by_ref() {
                    if before == b'*' && inner == b'/' {
                        break;
                    }
                    before = inner;
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_of_comments_and_strings() {
        let deep = |open: &str| open.repeat(MAX_NESTING + 1);
        assert_eq!(too_deep(&deep("{")), Some(MAX_NESTING));
        assert_eq!(too_deep(&deep("a: [")), Some(4 * MAX_NESTING + 3));
        assert_eq!(too_deep(&"{".repeat(MAX_NESTING)), None);
        assert_eq!(too_deep(&"{}".repeat(1_000)), None);
        assert_eq!(too_deep(&format!("// {}\n", deep("{"))), None);
        assert_eq!(too_deep(&format!("/* {} */", deep("{"))), None);
        assert_eq!(too_deep(&format!("\"\\\"{}\"", deep("{"))), None);
        assert_eq!(too_deep(&format!("'{}'", deep("{"))), None);
        assert!(too_deep(&format!("'it''s' // '\n{}", deep("{"))).is_some());
        assert!(too_deep(&format!("/**/{}", deep("{"))).is_some());
        assert!(too_deep(&format!("'unclosed\n{}", deep("{"))).is_some());
        assert!(too_deep(&format!("1 / 2 {}", deep("{"))).is_some());
    }
}
