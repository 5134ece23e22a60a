//! Gives users of Kafka rights, by a request in Kafka's own protocol: rdkafka has none for that.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// What a user may describe all of.
#[derive(Debug, Clone, Copy)]
pub enum Resource {
    /// All topics.
    Topics,
    /// All consumer groups.
    Groups,
    /// The cluster itself.
    Cluster,
}

/// Allows `user` the operation `Describe` on `resources`, as `kafka-acls --add` does. Whoever does that has to be
/// allowed it by the listener at `broker`, without a password.
///
/// # Panics
///
/// When Kafka does not do so.
pub fn allow_describe(broker: &str, user: &str, resources: &[Resource]) {
    let mut request = Vec::new();
    // CreateAcls, version 1, which needs no tagged fields; a number to find the answer by; the client's name.
    request.extend(30_i16.to_be_bytes());
    request.extend(1_i16.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    text(&mut request, "kafmesh-mesh-tests");
    request.extend(i32::try_from(resources.len()).unwrap().to_be_bytes());
    for resource in resources {
        let (kind, name) = match resource {
            Resource::Topics => (2_u8, "*"),
            Resource::Groups => (3, "*"),
            Resource::Cluster => (4, "kafka-cluster"),
        };
        request.push(kind);
        text(&mut request, name);
        request.push(LITERAL);
        text(&mut request, &format!("User:{user}"));
        text(&mut request, "*");
        request.extend([DESCRIBE, ALLOW]);
    }
    let mut stream = TcpStream::connect(broker).unwrap();
    let length = i32::try_from(request.len()).unwrap();
    stream.write_all(&length.to_be_bytes()).unwrap();
    stream.write_all(&request).unwrap();

    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    // The request's number, for how long to wait, how many results; each an error, and its text, which may be null.
    let mut results = &answer[12..];
    for resource in resources {
        let error = i16::from_be_bytes([results[0], results[1]]);
        let length = i16::from_be_bytes([results[2], results[3]]);
        let (said, rest) = results[4..].split_at(usize::try_from(length).unwrap_or(0));
        let said = String::from_utf8_lossy(said);
        assert_eq!(error, 0, "{user}, {resource:?}: {said}");
        results = rest;
    }
    assert!(results.is_empty(), "{results:?}");
}

/// The only pattern that a name of `*` is one for everything with.
const LITERAL: u8 = 3;
const DESCRIBE: u8 = 8;
const ALLOW: u8 = 3;

fn text(request: &mut Vec<u8>, text: &str) {
    request.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
    request.extend(text.as_bytes());
}
