//! What shares the database with us, and what becomes of an older or a newer model.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::store::{Error, Store, VERSION};
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::sample::{answered, clicks, mesh, unreachable};
use neo4rs::query;

use crate::names::ODD;
use crate::suite::{expected, without_runs, written};

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
    // Version 1 had no constraint on reports, version 2 none on what Kafka says.
    let added = [
        "kafmesh_kafmeshreport",
        "kafmesh_consumergroup",
        "kafmesh_kafka",
    ];
    for name in added {
        database.run(&format!("DROP CONSTRAINT {name}")).await;
    }
    database
        .run("MATCH (m:KafmeshModel) SET m.version = 1")
        .await;
    // Until version 3 it was called so.
    database
        .run("MATCH (p:Pod) SET p.answeredAt = p.answerSince REMOVE p.answerSince")
        .await;

    let store = database.store();
    store.write(&sample(), &BTreeSet::new()).await.unwrap();
    assert_eq!(store.graph().await.unwrap(), expected(&sample()));
    let old = "MATCH (p:Pod) WHERE p.answeredAt IS NOT NULL RETURN count(p) AS number";
    assert_eq!(database.number(old).await, 0);
    let version = "MATCH (m:KafmeshModel) RETURN m.version AS number";
    assert_eq!(database.number(version).await, VERSION);
    let constraints = "SHOW CONSTRAINTS YIELD name RETURN name";
    let constraints = database.texts(constraints).await;
    for name in added {
        assert!(constraints.contains(&name.to_owned()), "{constraints:?}");
    }
    assert_eq!(constraints.len(), 16);
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
async fn what_cannot_be_read_is_said_and_not_removed() {
    let database = Database::alone().await;
    let store = database.store();
    store.write(&sample(), &BTreeSet::new()).await.unwrap();
    let reports = "MATCH (r:KafmeshReport) RETURN count(r) AS number";
    for (break_it, mend_it, label) in [
        (
            "MATCH (p:Pod) SET p.was = p.observed, p.observed = '{\"pod\": 7}'",
            "MATCH (p:Pod) SET p.observed = p.was, p.was = null",
            "Pod",
        ),
        (
            "MATCH (p:Pod) SET p.was = p.found, p.found = 'yesterday'",
            "MATCH (p:Pod) SET p.found = p.was, p.was = null",
            "Pod",
        ),
        (
            "MATCH (r:KafmeshReport) SET r.was = r.json, r.json = '7'",
            "MATCH (r:KafmeshReport) SET r.json = r.was, r.was = null",
            "KafmeshReport",
        ),
        (
            "MATCH (p:Pod) SET p.was = p.report, p.report = 'none'",
            "MATCH (p:Pod) SET p.report = p.was, p.was = null",
            "Pod",
        ),
    ] {
        database.run(break_it).await;
        // Somebody else, who knows nothing of that pod.
        let other = database.store();
        for error in [
            other
                .write(&mesh(60, []), &BTreeSet::new())
                .await
                .unwrap_err(),
            other.load().await.unwrap_err(),
        ] {
            let Error::Unreadable { label: of, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(*of, label);
            assert!(error.to_string().contains("nothing is written"), "{error}");
        }
        assert_eq!(database.number(reports).await, 1, "{break_it}");
        database.run(mend_it).await;
        assert_eq!(other.load().await.unwrap(), sample().pods);
    }
}

#[tokio::test]
async fn a_failure_of_a_kind_that_a_newer_replica_knows_removes_nothing() {
    let database = Database::alone().await;
    let failing = unreachable(answered("clicks-1", 0, &Arc::new(clicks())), 30);
    let failing = mesh(30, [failing]);
    let store = database.store();
    store.write(&failing, &BTreeSet::new()).await.unwrap();
    let newer = "MATCH (p:Pod) SET p.observed = replace(p.observed, 'unreachable', 'brand-new')";
    database.run(newer).await;

    let other = database.store();
    let loaded = other.load().await.unwrap();
    let (observed, expected) = (loaded.values().next(), failing.pods.values().next());
    assert_eq!(observed.unwrap().answer, expected.unwrap().answer);
    let written = other.write(&mesh(60, []), &BTreeSet::new()).await.unwrap();
    assert_eq!((written.removed_nodes, written.removed_edges), (0, 0));
    let stored = "MATCH (p:Pod) WHERE p.observed CONTAINS 'brand-new' RETURN count(p) AS number";
    assert_eq!(database.number(stored).await, 1, "it stays what it was");
}

/// Nodes of somebody else, called what would be removed or changed if a name were taken for a statement.
#[tokio::test]
async fn no_name_reaches_what_is_not_ours() {
    let database = Database::alone().await;
    for name in ODD() {
        let create = "CREATE (:Topic {name: $name})-[:OF_TYPE {name: $name}]->(:Message {name: $name}),\
                      (:Pod {name: $name, key: $name}), (:Theirs {name: $name})";
        database
            .rows(query(create).param("name", name.as_str()))
            .await;
    }
    let theirs = async || {
        let nodes = "MATCH (n) WHERE NOT n:Kafmesh \
                     OPTIONAL MATCH (n)-[r]-() \
                     RETURN labels(n)[0] + ' ' + n.name + ' ' + size(keys(n)) + ' ' + \
                            size(labels(n)) + ' ' + coalesce(r.name, '-') AS name ORDER BY name";
        database.texts(nodes).await
    };
    let before = theirs().await;
    assert_eq!(before.len(), 4 * ODD().len());
    written::any_name_is_stored_as_it_is(|| database.store()).await;
    assert_eq!(theirs().await, before);
    // And when all of it goes.
    let store = database.store();
    let gone = store.load().await.unwrap().into_keys().collect();
    store.write(&mesh(60, []), &gone).await.unwrap();
    assert_eq!(theirs().await, before);
    let ours =
        "MATCH (n:Kafmesh) WHERE NOT n:KafmeshModel AND NOT n:ScrapeRun RETURN count(n) AS number";
    assert_eq!(database.number(ours).await, 0);
}
