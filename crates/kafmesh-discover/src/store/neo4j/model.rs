//! The version of the model in the database, and how an older one becomes the present one.

use neo4rs::{Graph, query};

use super::{failed, text};
use crate::mesh::graph::Label;
use crate::store::Error;

/// What makes version n + 1 of version n. Each statement may have been run before: a migration that
/// was cut off is run again as a whole. What has been released is never changed; what changes the
/// model is a further entry.
const MIGRATIONS: &[fn() -> Vec<String>] = &[unique_nodes, unique_reports];

/// The version of the model that this program reads and writes.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// 1: a node of each label per key.
fn unique_nodes() -> Vec<String> {
    Label::ALL
        .iter()
        .map(|label| unique(label.name()))
        .collect()
}

/// 2: answers are kept once for all pods that gave them.
fn unique_reports() -> Vec<String> {
    vec![unique("KafmeshReport")]
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

async fn run(client: &Graph, statement: &str) -> Result<(), Error> {
    client
        .run(text(statement))
        .await
        .map_err(failed("migrating the model"))?;
    Ok(())
}
