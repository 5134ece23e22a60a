//! The keys of nodes: names joined by `/`, in a form that tells any two apart and that a database
//! can index.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Longest key in bytes that is written as it is. Neo4j indexes keys of up to 8 kB.
const LONGEST: usize = 4000;

/// The key that the names from the service down make, such as `clicks/math/processor/totalClicks`.
/// A `/` in a name is written `%2F`, and a `%` is written `%25`.
///
/// ```
/// use kafmesh_discover::mesh::key;
///
/// assert_eq!(key::of(&["clicks", "a/b", "100%"]), "clicks/a%2Fb/100%25");
/// ```
pub fn of(names: &[&str]) -> String {
    let mut key = String::with_capacity(names.iter().map(|name| name.len() + 1).sum());
    for (n, name) in names.iter().enumerate() {
        if n > 0 {
            key.push('/');
        }
        for character in name.chars() {
            match character {
                '/' => key.push_str("%2F"),
                '%' => key.push_str("%25"),
                other => key.push(other),
            }
        }
    }
    bounded(key)
}

/// The key that is one name, written as it is: a topic, a message, a pod.
pub fn of_one(name: &str) -> String {
    bounded(name.to_owned())
}

/// A key that is too long for an index ends in a hash of the whole instead. It is then longer than
/// any key that is written as it is, so the two cannot be taken for each other.
fn bounded(mut key: String) -> String {
    if key.len() > LONGEST {
        let hash = fingerprint(key.as_bytes());
        let boundary = |at: &usize| key.is_char_boundary(*at);
        let end = (0..=LONGEST).rev().find(boundary).unwrap_or_default();
        key.truncate(end);
        key.push('…');
        key.push_str(&hash);
    }
    key
}

/// A text that stands for the bytes: the first 128 bits of their SHA-256.
pub fn fingerprint(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_make_keys_that_differ() {
        let keys = [
            of(&["a", "b"]),
            of(&["a/b"]),
            of(&["a%2Fb"]),
            of(&["a", "", "b"]),
            of(&["a", "b", ""]),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[..n].contains(key), "{key}");
        }
    }

    #[test]
    fn a_long_key_is_bounded_and_still_its_own() {
        let long = "ü".repeat(10_000);
        let key = of_one(&long);
        assert!(key.len() > LONGEST - 2 && key.len() < 8_000);
        assert_ne!(key, of_one(&format!("{long}x")));
        assert_ne!(of_one(&key), key, "a key as a name is another name");
        assert_eq!(of_one(&"x".repeat(LONGEST)), "x".repeat(LONGEST));
    }
}
