//! What is read back: the pods with their last answers, and the graph as it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use neo4rs::{BoltType, Query, Row, Txn};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{failed, text};
use crate::mesh::description::Description;
use crate::mesh::graph::{
    Edge, Graph, Label, NodeKey, Properties, Property, Relation, Role, property_name,
};
use crate::mesh::pod::{Answer, Failure, Instance, Observed, Pod};
use crate::store::Error;
use crate::store::merge::{Kept, KeptPods};
use crate::store::runs::RunKey;

/// What is kept of a pod besides its description, as JSON.
#[derive(Serialize, Deserialize)]
struct Stored {
    pod: Pod,
    answer: Option<StoredAnswer>,
    failure: Option<Failure>,
}

#[derive(Serialize, Deserialize)]
struct StoredAnswer {
    at: Timestamp,
    instance: Instance,
}

/// A pod without its description, as it is kept.
pub(super) fn stored(observed: &Observed) -> String {
    let stored = Stored {
        pod: observed.pod.clone(),
        answer: observed.answer.as_ref().map(|answer| StoredAnswer {
            at: answer.at,
            instance: answer.instance.clone(),
        }),
        failure: observed.failure.clone(),
    };
    json(&stored)
}

/// Something as JSON.
pub(super) fn json(value: &impl Serialize) -> String {
    #[allow(
        clippy::expect_used,
        reason = "texts, numbers, times and lists of them always become JSON"
    )]
    serde_json::to_string(value).expect("it becomes JSON")
}

/// The pods, and the fingerprints of their answers. What cannot be read is an error: left out, it would
/// be taken for gone, and removed by the next write.
pub(super) async fn pods(
    transaction: &mut Txn,
) -> Result<(KeptPods, BTreeMap<crate::mesh::pod::PodKey, Arc<str>>), Error> {
    let statement = "MATCH (r:KafmeshReport:Kafmesh) RETURN r.kafmeshKey AS key, r.json AS json";
    let mut descriptions: HashMap<String, Arc<Description>> = HashMap::new();
    let mut unreadable = None;
    each(transaction, text(statement), |row| {
        let key: String = get(&row, "key")?;
        match parsed(&row, "json") {
            Ok(description) => {
                descriptions.insert(key, Arc::new(description));
            }
            Err(why) => {
                unreadable.get_or_insert(("KafmeshReport", key, why));
            }
        }
        Some(())
    })
    .await?;

    let statement = "MATCH (p:Pod:Kafmesh) WHERE p.observed IS NOT NULL \
                     RETURN p.kafmeshKey AS key, p.observed AS observed, p.report AS report, \
                            p.found AS found";
    let mut kept = KeptPods::new();
    let mut reports = BTreeMap::new();
    each(transaction, text(statement), |row| {
        let report: Option<String> = row.get("report").ok();
        let read = parsed(&row, "observed").and_then(|stored| Ok((stored, time(&row, "found")?)));
        let (stored, found): (Stored, Timestamp) = match read {
            Ok(read) => read,
            Err(why) => {
                unreadable.get_or_insert(("Pod", get(&row, "key")?, why));
                return None;
            }
        };
        let description = report.as_ref().and_then(|report| descriptions.get(report));
        let answer = match (stored.answer, description) {
            (Some(answer), Some(description)) => Some(Answer {
                at: answer.at,
                instance: answer.instance,
                description: description.clone(),
            }),
            (Some(_), None) => {
                let report = report.unwrap_or_default();
                let why = format!("the KafmeshReport {report:?} with its answer is missing");
                // After one that cannot be read, this follows from it.
                unreadable.get_or_insert(("Pod", get(&row, "key")?, why));
                return None;
            }
            (None, _) => None,
        };
        let key = stored.pod.key.clone();
        if let (Some(report), Some(_)) = (report, &answer) {
            reports.insert(key.clone(), report.into());
        }
        let observed = Arc::new(Observed {
            pod: stored.pod,
            answer,
            failure: stored.failure,
        });
        kept.insert(key, Kept { observed, found });
        Some(())
    })
    .await?;
    match unreadable {
        Some((label, key, why)) => Err(Error::Unreadable { label, key, why }),
        None => Ok((kept, reports)),
    }
}

/// The JSON in a column.
fn parsed<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, String> {
    let json: String = row.get(column).map_err(|error| error.to_string())?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

/// The time in a column.
fn time(row: &Row, column: &str) -> Result<Timestamp, String> {
    let text: String = row.get(column).map_err(|error| error.to_string())?;
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

/// The scrape runs.
pub(super) async fn runs(transaction: &mut Txn) -> Result<BTreeSet<RunKey>, Error> {
    let mut runs = BTreeSet::new();
    let statement = "MATCH (n:ScrapeRun:Kafmesh) \
                     RETURN coalesce(n.started, '') AS started, n.kafmeshKey AS key";
    each(transaction, text(statement), |row| {
        let (started, key): (String, String) = (get(&row, "started")?, get(&row, "key")?);
        runs.insert((started, key.into()));
        Some(())
    })
    .await?;
    Ok(runs)
}

/// The graph as it is, whoever wrote it; with scrape runs or without.
pub(super) async fn graph(transaction: &mut Txn, with_runs: bool) -> Result<Graph, Error> {
    let mut graph = Graph::default();
    let mut keys: HashMap<(Label, String), NodeKey> = HashMap::new();
    for &label in Label::ALL {
        if label == Label::ScrapeRun && !with_runs {
            continue;
        }
        let statement = format!(
            "MATCH (n:{label}:Kafmesh) RETURN n.kafmeshKey AS key, properties(n) AS properties"
        );
        each(transaction, text(&statement), |row| {
            let key: String = get(&row, "key")?;
            let node = NodeKey::new(label, key.as_str());
            graph.nodes.insert(node.clone(), properties(&row));
            keys.insert((label, key), node);
            Some(())
        })
        .await?;
    }
    for &relation in Relation::ALL {
        if relation == Relation::Observed && !with_runs {
            continue;
        }
        let statement = format!(
            "MATCH (a:Kafmesh)-[r:{relation}]->(b:Kafmesh) \
             RETURN labels(a) AS fromLabels, a.kafmeshKey AS from, labels(b) AS toLabels, \
                    b.kafmeshKey AS to, properties(r) AS properties, r.role AS role"
        );
        each(transaction, text(&statement), |row| {
            let node = |labels: &str, key: &str| {
                let labels: Vec<String> = get(&row, labels)?;
                let label = labels.iter().find_map(|label| Label::of_name(label))?;
                keys.get(&(label, get(&row, key)?)).cloned()
            };
            let (from, to) = (node("fromLabels", "from")?, node("toLabels", "to")?);
            let role: Option<String> = row.get("role").ok();
            let edge = Edge {
                from,
                relation,
                role: role.and_then(|role| Role::of_name(&role)),
                to,
            };
            graph.edges.insert(edge, properties(&row));
            Some(())
        })
        .await?;
    }
    Ok(graph)
}

/// The column `properties`; what this program does not write is left out.
fn properties(row: &Row) -> Properties {
    let Some(BoltType::Map(map)) = get(row, "properties") else {
        return Properties::new();
    };
    let entries = map.value.into_iter();
    entries
        .filter_map(|(name, value)| {
            let value = match value {
                BoltType::String(text) => Property::Text(text.value),
                BoltType::Integer(number) => Property::Number(number.value),
                BoltType::Boolean(flag) => Property::Flag(flag.value),
                BoltType::List(texts) => {
                    let texts = texts.value.into_iter();
                    Property::Texts(
                        texts
                            .filter_map(|text| String::try_from(text).ok())
                            .collect(),
                    )
                }
                _ => return None,
            };
            Some((property_name(&name.value)?, value))
        })
        .collect()
}

fn get<'a, T: Deserialize<'a>>(row: &'a Row, column: &str) -> Option<T> {
    row.get(column).ok()
}

/// Hands on every row; those that are not as expected (`None`) are not ours.
async fn each(
    transaction: &mut Txn,
    query: Query,
    mut row: impl FnMut(Row) -> Option<()>,
) -> Result<(), Error> {
    let failed = || failed("reading the graph");
    let mut rows = transaction.execute(query).await.map_err(failed())?;
    while let Some(next) = rows.next(transaction.handle()).await.map_err(failed())? {
        row(next);
    }
    Ok(())
}
