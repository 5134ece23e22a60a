//! The token that pods ask of who watches them, and which pods are given it.

use std::collections::BTreeSet;

use crate::config::Secret;
use crate::mesh::pod::Pod;

/// What pods ask of those who watch their processors.
///
/// Whoever may annotate a pod makes it one of the mesh, and of any service of it. So the token goes only to
/// who has proven to be of the mesh, or was named: to processes that speak TLS, whose certificates are
/// verified; to those of the configuration; and to pods of namespaces that are.
#[derive(Debug, Clone)]
pub struct WatchToken {
    /// The token.
    pub token: Secret,
    /// The namespaces whose pods are given it without TLS, too.
    pub namespaces: BTreeSet<String>,
}

impl WatchToken {
    /// Whether `pod` is given it.
    pub(super) fn is_for(&self, pod: &Pod) -> bool {
        pod.tls
            || match &pod.namespace {
                // Of the configuration.
                None => true,
                Some(namespace) => self.namespaces.contains(namespace),
            }
    }
}
