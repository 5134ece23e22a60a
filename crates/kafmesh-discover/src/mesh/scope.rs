//! Which part of the cluster is known completely, so that what is missing in it is gone.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The namespaces whose pods were listed, and when. Every pod that was there then, and still is, is
/// known.
///
/// ```
/// use jiff::Timestamp;
/// use kafmesh_discover::mesh::scope::Scope;
///
/// let mut scope = Scope::default();
/// scope.listed(Some("shop".to_owned()), Timestamp::UNIX_EPOCH);
/// assert_eq!(scope.listed_at("shop"), Some(Timestamp::UNIX_EPOCH));
/// assert_eq!(scope.listed_at("warehouse"), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// By namespace; `None` stands for all of them.
    lists: BTreeMap<Option<String>, Timestamp>,
}

impl Scope {
    /// The pods of `namespace`, or with `None` of all, were listed by a request that began at `at`.
    pub fn listed(&mut self, namespace: Option<String>, at: Timestamp) {
        self.lists.insert(namespace, at);
    }

    /// When the pods of `namespace` were listed last; `None` when they never were.
    pub fn listed_at(&self, namespace: &str) -> Option<Timestamp> {
        let alone = self.lists.get(&Some(namespace.to_owned()));
        alone.max(self.lists.get(&None)).copied()
    }
}
