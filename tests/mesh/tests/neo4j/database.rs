//! What shares the database with us, and what becomes of an older or a newer model.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::store::{Error, Store, VERSION};
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::sample::{answered, clicks, mesh};

use crate::suite::{expected, without_runs};

fn sample() -> Mesh {
    mesh(0, [answered("clicks-1", 0, &Arc::new(clicks()))])
}

#[tokio::test]
async fn other_data_in_the_database_is_left_alone() {
    let database = Database::alone().await;
    database
        .run(
            "CREATE (s:Service {name: 'clicks', key: 'clicks'})-[:HAS_COMPONENT]->\
             (:Component {name: 'theirs'}), (:Topic {name: 'clicks.userId.click'}), (:Model)",
        )
        .await;
    let store = database.store();
    store.write(&sample(), &BTreeSet::new()).await.unwrap();
    assert_eq!(store.graph().await.unwrap(), expected(&sample()));
    let gone = sample().pods.into_keys().collect();
    store.write(&mesh(60, []), &gone).await.unwrap();
    assert_eq!(
        without_runs(store.graph().await.unwrap()),
        *mesh(60, []).graph
    );
    let theirs = "MATCH (n) WHERE NOT n:Kafmesh RETURN count(n) AS number";
    assert_eq!(database.number(theirs).await, 4);
    let edges = "MATCH (:Service {key: 'clicks'})-[r]->(:Component) RETURN count(r) AS number";
    assert_eq!(database.number(edges).await, 1);
    assert_eq!(
        database
            .texts("MATCH (s:Service) RETURN s.name AS name")
            .await,
        ["clicks"]
    );
    let kept = "MATCH (n:KafmeshReport) RETURN count(n) AS number";
    assert_eq!(
        database.number(kept).await,
        0,
        "nobody gives that answer any more"
    );
}

#[tokio::test]
async fn an_older_model_is_migrated_and_keeps_what_it_holds() {
    let database = Database::alone().await;
    database
        .store()
        .write(&sample(), &BTreeSet::new())
        .await
        .unwrap();
    // Version 1 had no constraint on reports.
    database.run("DROP CONSTRAINT kafmesh_kafmeshreport").await;
    database
        .run("MATCH (m:KafmeshModel) SET m.version = 1")
        .await;

    let store = database.store();
    store.write(&sample(), &BTreeSet::new()).await.unwrap();
    assert_eq!(store.graph().await.unwrap(), expected(&sample()));
    let version = "MATCH (m:KafmeshModel) RETURN m.version AS number";
    assert_eq!(database.number(version).await, VERSION);
    let constraints = "SHOW CONSTRAINTS YIELD name RETURN name";
    let constraints = database.texts(constraints).await;
    assert!(
        constraints.contains(&"kafmesh_kafmeshreport".to_owned()),
        "{constraints:?}"
    );
    assert_eq!(constraints.len(), 14);
}

#[tokio::test]
async fn a_newer_model_is_not_touched() {
    let database = Database::alone().await;
    let store = database.store();
    store.write(&sample(), &BTreeSet::new()).await.unwrap();
    database
        .run("MATCH (m:KafmeshModel) SET m.version = 99")
        .await;
    // A process that is running already, and one that starts.
    for store in [store, database.store()] {
        let error = store
            .write(&mesh(60, []), &BTreeSet::new())
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::NewerModel { found: 99, .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains("use the newer kafmesh-discover"),
            "{error}"
        );
    }
    let runs = "MATCH (n:ScrapeRun) RETURN count(n) AS number";
    assert_eq!(database.number(runs).await, 1);
}

#[tokio::test]
async fn what_somebody_removed_is_written_anew() {
    let database = Database::alone().await;
    let store = database.store();
    store.write(&sample(), &BTreeSet::new()).await.unwrap();
    database.run("MATCH (n:Kafmesh) DETACH DELETE n").await;
    let error = store.write(&sample(), &BTreeSet::new()).await.unwrap_err();
    assert!(matches!(error, Error::Emptied), "{error}");
    store.write(&sample(), &BTreeSet::new()).await.unwrap();
    assert_eq!(store.graph().await.unwrap(), expected(&sample()));

    // What was changed by hand is put right by the next process.
    database.run("MATCH (n:Topic) DETACH DELETE n").await;
    database.run("MATCH (n:Service) SET n.name = 'wrong'").await;
    let store = database.store();
    store.write(&sample(), &BTreeSet::new()).await.unwrap();
    assert_eq!(store.graph().await.unwrap(), expected(&sample()));
}

#[tokio::test]
async fn a_wrong_password_is_explained() {
    let database = Database::alone().await;
    let mut settings = database.settings();
    settings.uri = "bolt://127.0.0.1:1".into();
    let store = kafmesh_discover::store::Neo4j::new(settings);
    let error = store.write(&sample(), &BTreeSet::new()).await.unwrap_err();
    assert!(matches!(error, Error::Neo4j { .. }), "{error}");
}
