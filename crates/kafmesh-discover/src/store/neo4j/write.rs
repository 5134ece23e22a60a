//! The statements that change nodes and edges. Labels, relations and names of properties come from
//! enums and constants of this crate; everything else is a parameter.

use std::collections::BTreeMap;
use std::sync::Arc;

use neo4rs::{BoltMap, BoltNull, BoltType, Txn};

use super::{failed, text};
use crate::mesh::graph::{Edge, Label, NodeKey, Property};
use crate::store::Error;
use crate::store::changes::{Changes, Set};
use crate::store::runs::Runs;

/// How many rows a statement takes at most: bounds the size of a message.
const ROWS: usize = 5_000;

/// Makes `changes`.
pub(super) async fn changes(transaction: &mut Txn, changes: Changes<'_>) -> Result<(), Error> {
    let mut removed: BTreeMap<_, Vec<BoltType>> = BTreeMap::new();
    for edge in changes.removed_edges {
        removed
            .entry(Between::of(edge))
            .or_default()
            .push(ends(edge, None));
    }
    for (between, rows) in removed {
        run(transaction, &between.remove(), rows).await?;
    }
    let mut removed: BTreeMap<Label, Vec<BoltType>> = BTreeMap::new();
    for node in changes.removed_nodes {
        removed
            .entry(node.label)
            .or_default()
            .push((&*node.key).into());
    }
    for (label, keys) in removed {
        let statement = format!(
            "UNWIND $rows AS key MATCH (n:{label}:Kafmesh {{kafmeshKey: key}}) DETACH DELETE n"
        );
        run(transaction, &statement, keys).await?;
    }
    let mut nodes: BTreeMap<Label, Vec<BoltType>> = BTreeMap::new();
    for (node, set) in changes.nodes {
        nodes
            .entry(node.label)
            .or_default()
            .push(node_row(node, set));
    }
    for (label, rows) in nodes {
        run(transaction, &merge_nodes(label), rows).await?;
    }
    let mut edges: BTreeMap<_, Vec<BoltType>> = BTreeMap::new();
    for (edge, set) in changes.edges {
        edges
            .entry(Between::of(edge))
            .or_default()
            .push(ends(edge, Some(set)));
    }
    for (between, rows) in edges {
        run(transaction, &between.merge(), rows).await?;
    }
    Ok(())
}

/// A pod as it is kept, besides what the graph shows of it.
pub(super) struct PodRow {
    pub(super) node: NodeKey,
    pub(super) observed: String,
    pub(super) report: Option<Arc<str>>,
    pub(super) found: String,
}

/// Keeps pods, and answers by fingerprint; forgets answers that no pod gives any more.
pub(super) async fn pods(
    transaction: &mut Txn,
    pods: Vec<PodRow>,
    reports: Vec<(Arc<str>, String)>,
    forgotten: Vec<Arc<str>>,
) -> Result<(), Error> {
    let rows = reports
        .into_iter()
        .map(|(key, json)| map([("key", (&*key).into()), ("json", json.into())]))
        .collect();
    let statement = "UNWIND $rows AS row MERGE (r:KafmeshReport {kafmeshKey: row.key}) \
                     SET r:Kafmesh, r.json = row.json";
    run(transaction, statement, rows).await?;

    let rows = pods
        .into_iter()
        .map(|pod| {
            map([
                ("key", (&*pod.node.key).into()),
                ("observed", pod.observed.into()),
                ("report", pod.report.as_deref().into()),
                ("found", pod.found.into()),
            ])
        })
        .collect();
    let statement = "UNWIND $rows AS row MATCH (p:Pod {kafmeshKey: row.key}) \
                     SET p.observed = row.observed, p.report = row.report, p.found = row.found";
    run(transaction, statement, rows).await?;

    let rows = forgotten.iter().map(|key| (&**key).into()).collect();
    let statement = "UNWIND $rows AS key MATCH (r:KafmeshReport {kafmeshKey: key}) DELETE r";
    run(transaction, statement, rows).await
}

/// Adds scrape runs that are not there, and removes others.
pub(super) async fn runs(transaction: &mut Txn, runs: Runs<'_>) -> Result<(), Error> {
    let removed = runs.removed.iter().map(|(_, key)| (&**key).into());
    let statement =
        "UNWIND $rows AS key MATCH (n:ScrapeRun:Kafmesh {kafmeshKey: key}) DETACH DELETE n";
    run(transaction, statement, removed.collect()).await?;

    let mut added = Vec::new();
    let mut observed = Vec::new();
    for (_, run) in runs.added {
        let (node, properties) = run.node();
        for pod in run.pods() {
            observed.push(map([
                ("from", (&*node.key).into()),
                ("to", (&*pod.key).into()),
            ]));
        }
        let set = properties.iter().map(|(name, value)| (*name, Some(value)));
        added.push(node_row(&node, set.collect()));
    }
    run(transaction, &merge_nodes(Label::ScrapeRun), added).await?;
    // The runs are new, so no such edge can be there.
    let statement = "UNWIND $rows AS row MATCH (a:ScrapeRun {kafmeshKey: row.from}) \
                     MATCH (b:Pod {kafmeshKey: row.to}) CREATE (a)-[:OBSERVED]->(b)";
    run(transaction, statement, observed).await
}

/// What edges have in common that are changed by one statement.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Between {
    from: Label,
    relation: crate::mesh::graph::Relation,
    has_role: bool,
    to: Label,
}

impl Between {
    fn of(edge: &Edge) -> Self {
        Self {
            from: edge.from.label,
            relation: edge.relation,
            has_role: edge.role.is_some(),
            to: edge.to.label,
        }
    }

    fn role(&self) -> &'static str {
        if self.has_role {
            " {role: row.role}"
        } else {
            ""
        }
    }

    fn merge(&self) -> String {
        let (from, to, relation, role) = (self.from, self.to, self.relation, self.role());
        format!(
            "UNWIND $rows AS row MATCH (a:{from} {{kafmeshKey: row.from}}) \
             MATCH (b:{to} {{kafmeshKey: row.to}}) \
             MERGE (a)-[r:{relation}{role}]->(b) SET r += row.set"
        )
    }

    fn remove(&self) -> String {
        let (from, to, relation, role) = (self.from, self.to, self.relation, self.role());
        format!(
            "UNWIND $rows AS row MATCH (a:{from}:Kafmesh {{kafmeshKey: row.from}})\
             -[r:{relation}{role}]->(b:{to}:Kafmesh {{kafmeshKey: row.to}}) DELETE r"
        )
    }
}

fn merge_nodes(label: Label) -> String {
    format!(
        "UNWIND $rows AS row MERGE (n:{label} {{kafmeshKey: row.key}}) \
         SET n:Kafmesh, n += row.set"
    )
}

fn node_row(node: &NodeKey, set: Set<'_>) -> BoltType {
    map([("key", (&*node.key).into()), ("set", properties(set))])
}

fn ends(edge: &Edge, set: Option<Set<'_>>) -> BoltType {
    map([
        ("from", (&*edge.from.key).into()),
        ("to", (&*edge.to.key).into()),
        ("role", edge.role.map(|role| role.name()).into()),
        ("set", set.map(properties).into()),
    ])
}

fn properties(set: Set<'_>) -> BoltType {
    map(set.into_iter().map(|(name, value)| {
        let value = match value {
            None => BoltType::Null(BoltNull),
            Some(Property::Text(text)) => text.as_str().into(),
            Some(Property::Number(number)) => (*number).into(),
            Some(Property::Flag(flag)) => (*flag).into(),
            Some(Property::Texts(texts)) => texts.iter().map(String::as_str).collect(),
        };
        (name, value)
    }))
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a str, BoltType)>) -> BoltType {
    let entries = entries.into_iter();
    let entries = entries.map(|(name, value)| (name.into(), value));
    BoltType::Map(entries.collect::<BoltMap>())
}

/// Runs a statement over `$rows`, some at a time.
async fn run(transaction: &mut Txn, statement: &str, rows: Vec<BoltType>) -> Result<(), Error> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<BoltType> = rows.by_ref().take(ROWS).collect();
        transaction
            .run(text(statement).param("rows", some))
            .await
            .map_err(failed("writing the graph"))?;
    }
    Ok(())
}
