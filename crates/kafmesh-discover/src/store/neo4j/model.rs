//! The version of the model in the database, and how an older one becomes the present one.

use std::time::Duration;

use neo4rs::{Graph, query};

use super::{failed, text};
use crate::store::Error;

/// What makes version n + 1 of version n. Each statement may have been run before: a migration that
/// was cut off is run again as a whole. What has been released is never changed; what changes the
/// model is a further entry.
const MIGRATIONS: &[fn() -> Vec<String>] =
    &[unique_nodes, unique_reports, unique_groups, answer_since];

/// The version of the model that this program reads and writes.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// How often a statement of a migration is tried, and how long after the first failure.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// 1: a node of each label per key.
fn unique_nodes() -> Vec<String> {
    let labels = [
        "Service",
        "Component",
        "Source",
        "Processor",
        "Sink",
        "View",
        "ViewSource",
        "ViewSink",
        "Topic",
        "Message",
        "Pod",
        "ScrapeRun",
    ];
    labels.into_iter().map(unique).collect()
}

/// 2: answers are kept once for all pods that gave them.
fn unique_reports() -> Vec<String> {
    vec![unique("KafmeshReport")]
}

/// 3: what Kafka says has nodes of its own.
fn unique_groups() -> Vec<String> {
    vec![unique("ConsumerGroup"), unique("Kafka")]
}

/// 4: `answeredAt` of pods is called what it is, `answerSince`; who reads the graph next adds that.
fn answer_since() -> Vec<String> {
    let statement = "MATCH (p:Pod:Kafmesh) WHERE p.answeredAt IS NOT NULL REMOVE p.answeredAt";
    vec![statement.to_owned()]
}

fn unique(label: &str) -> String {
    format!(
        "CREATE CONSTRAINT kafmesh_{} IF NOT EXISTS FOR (n:{label}) REQUIRE n.kafmeshKey IS UNIQUE",
        label.to_lowercase()
    )
}

/// Brings the database to the present version; touches nothing if it is newer.
pub(super) async fn migrate(client: &Graph) -> Result<(), Error> {
    let found = version(client).await?.unwrap_or(0);
    check(found)?;
    if found == VERSION {
        return Ok(());
    }
    run(client, &unique("KafmeshModel")).await?;
    run(
        client,
        "MERGE (m:KafmeshModel {kafmeshKey: 'model'}) \
         ON CREATE SET m:Kafmesh, m.version = 0, m.revision = 0",
    )
    .await?;
    for (version, statements) in (1_i64..).zip(MIGRATIONS) {
        if version <= found {
            continue;
        }
        for statement in statements() {
            run(client, &statement).await?;
        }
        // Another replica may have been faster.
        let set = "MATCH (m:KafmeshModel {kafmeshKey: 'model'}) \
                   WHERE m.version < $version SET m.version = $version";
        client
            .run(query(set).param("version", version))
            .await
            .map_err(failed("migrating the model"))?;
        tracing::info!(version, "migrated the model in Neo4j");
    }
    Ok(())
}

/// An error if `found` is a version that this program does not know.
pub(super) fn check(found: i64) -> Result<(), Error> {
    if found > VERSION {
        return Err(Error::NewerModel {
            found,
            known: VERSION,
        });
    }
    Ok(())
}

async fn version(client: &Graph) -> Result<Option<i64>, Error> {
    let failed = || failed("reading the version of the model");
    let mut rows = client
        .execute(query(
            "MATCH (m:KafmeshModel) RETURN max(m.version) AS version",
        ))
        .await
        .map_err(failed())?;
    let row = rows.next().await.map_err(failed())?;
    Ok(row.and_then(|row| row.get("version").ok()))
}

/// Runs a statement, and again if it fails: of replicas that create one constraint at once, Neo4j lets some fail,
/// and what one of them has made, the others need not make.
async fn run(client: &Graph, statement: &str) -> Result<(), Error> {
    let mut attempt = 1;
    loop {
        match client.run(text(statement)).await {
            Err(neo4rs::Error::Neo4j(error)) if attempt < ATTEMPTS => {
                tracing::debug!(attempt, "migrating the model failed: {}", error.message());
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
            }
            done => return done.map_err(failed("migrating the model")),
        }
    }
}
