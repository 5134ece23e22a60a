//! Nodes and edges as the API shows them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::mesh::graph::{Edge, Label, NodeKey, Properties, Relation, Role};

/// What a node is told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NodeKey, example = json!({"label": "Topic", "key": "shop.orders"}))]
pub(super) struct NodeKeyView<'a> {
    /// What it is.
    pub(super) label: Label,
    /// Which one. Parts of it are joined by `/`; those within a part are `%2F`, and `%` is `%25`.
    pub(super) key: &'a str,
}

/// What an edge is told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EdgeKey)]
pub(super) struct LinkKey<'a> {
    /// Where it begins.
    pub(super) from: NodeKeyView<'a>,
    /// What it means.
    pub(super) relation: Relation,
    /// How a topic is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    /// Where it ends.
    pub(super) to: NodeKeyView<'a>,
}

/// A node.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Node)]
pub(super) struct NodeView<'a> {
    /// What it is.
    pub(super) label: Label,
    /// Which one.
    pub(super) key: &'a str,
    /// What else is known of it: `name`, `description`, `stale` and more, by what it is.
    #[schema(value_type = std::collections::BTreeMap<String, crate::mesh::graph::Property>)]
    pub(super) properties: &'a Properties,
}

/// An edge.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Edge)]
pub(super) struct EdgeView<'a> {
    /// Where it begins.
    pub(super) from: NodeKeyView<'a>,
    /// What it means.
    pub(super) relation: Relation,
    /// How a topic is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    /// Where it ends.
    pub(super) to: NodeKeyView<'a>,
    /// What else is known of it.
    #[schema(value_type = std::collections::BTreeMap<String, crate::mesh::graph::Property>)]
    pub(super) properties: &'a Properties,
}

impl<'a> From<(&'a NodeKey, &'a Properties)> for NodeView<'a> {
    fn from((key, properties): (&'a NodeKey, &'a Properties)) -> Self {
        Self {
            label: key.label,
            key: &key.key,
            properties,
        }
    }
}

impl<'a> From<(&'a Edge, &'a Properties)> for EdgeView<'a> {
    fn from((edge, properties): (&'a Edge, &'a Properties)) -> Self {
        Self {
            from: (&edge.from).into(),
            relation: edge.relation,
            role: edge.role,
            to: (&edge.to).into(),
            properties,
        }
    }
}

impl<'a> From<&'a NodeKey> for NodeKeyView<'a> {
    fn from(key: &'a NodeKey) -> Self {
        Self {
            label: key.label,
            key: &key.key,
        }
    }
}

impl<'a> From<&'a Edge> for LinkKey<'a> {
    fn from(edge: &'a Edge) -> Self {
        Self {
            from: (&edge.from).into(),
            relation: edge.relation,
            role: edge.role,
            to: (&edge.to).into(),
        }
    }
}
