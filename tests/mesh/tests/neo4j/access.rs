//! How Neo4j is reached, and what is said when it lets nobody in.

use std::collections::BTreeSet;

use kafmesh_discover::store::{Neo4j, Settings, Store};
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::sample::mesh;
use kafmesh_mesh_tests::tls::TlsFront;

async fn write(settings: Settings) -> Result<(), String> {
    let store = Neo4j::new(settings);
    let written = store.write(&mesh(0, []), &BTreeSet::new()).await;
    written.map(drop).map_err(|error| error.to_string())
}

#[track_caller]
fn assert_says(error: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(error.contains(wanted), "{wanted:?} is missing: {error}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_explained() {
    let database = Database::alone().await;
    // A user of the test's own, since wrong passwords lock one.
    let create = "CREATE OR REPLACE USER kafmesh_tried SET PASSWORD 'the-right-one'";
    database.run_on("system", create).await;
    let mut settings = database.settings();
    settings.user = "kafmesh_tried".into();
    settings.password = "the-wrong-one".into();
    let error = write(settings).await.unwrap_err();
    database.run_on("system", "DROP USER kafmesh_tried").await;
    assert_says(
        &error,
        &["authentication", "--neo4j-user", "--neo4j-password-file"],
    );
}

#[tokio::test]
async fn a_password_that_must_be_changed_first_is_explained() {
    let database = Database::alone().await;
    let create = "CREATE OR REPLACE USER kafmesh_new SET PASSWORD 'to-be-changed' CHANGE REQUIRED";
    database.run_on("system", create).await;
    let mut settings = database.settings();
    settings.user = "kafmesh_new".into();
    settings.password = "to-be-changed".into();
    let error = write(settings).await.unwrap_err();
    database.run_on("system", "DROP USER kafmesh_new").await;
    assert_says(
        &error,
        &["choose another password", "--neo4j-password-file"],
    );
}

#[tokio::test]
async fn an_unknown_database_is_explained() {
    let database = Database::alone().await;
    let mut settings = database.settings();
    settings.database = Some("nowhere".into());
    let error = write(settings).await.unwrap_err();
    assert_says(&error, &["nowhere", "--neo4j-database"]);
}

#[tokio::test]
async fn a_database_is_written_that_is_named() {
    let database = Database::alone().await;
    let mut settings = database.settings();
    settings.database = Some("neo4j".into());
    write(settings).await.unwrap();
    let runs = "MATCH (n:ScrapeRun) RETURN count(n) AS number";
    assert_eq!(database.number(runs).await, 1);
}

#[tokio::test]
async fn nobody_at_the_address_is_said() {
    let settings = Settings {
        uri: "bolt://127.0.0.1:1".into(),
        user: "neo4j".into(),
        password: "any".into(),
        database: None,
        ca: None,
    };
    let error = write(settings).await.unwrap_err();
    assert_says(&error, &["in Neo4j: ", "Connection refused"]);
}

#[tokio::test]
async fn a_server_whose_authority_is_named_is_written_over_tls() {
    let database = Database::alone().await;
    let mut settings = database.settings();
    let front = TlsFront::start(database.address()).await;
    settings.ca = Some(front.ca());
    for scheme in ["bolt+s", "neo4j+s"] {
        settings.uri = format!("{scheme}://localhost:{}", front.port());
        write(settings.clone()).await.unwrap();
    }
    let runs = "MATCH (n:ScrapeRun) RETURN count(n) AS number";
    assert_eq!(database.number(runs).await, 1);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_is_explained() {
    let database = Database::alone().await;
    let mut settings = database.settings();
    let front = TlsFront::start(database.address()).await;
    settings.uri = format!("bolt+s://localhost:{}", front.port());
    let error = write(settings.clone()).await.unwrap_err();
    assert_says(&error, &["certificate", "with --neo4j-ca"]);

    settings.ca = Some(front.ca());
    settings.uri = format!("bolt+s://127.0.0.1:{}", front.port());
    let error = write(settings.clone()).await.unwrap_err();
    assert_says(&error, &["certificate", "--neo4j must have a name"]);

    // The port of Neo4j itself, which speaks no TLS here.
    settings.uri = format!("bolt+s://{}", database.address());
    let error = write(settings.clone()).await.unwrap_err();
    assert_says(&error, &["in Neo4j: ", "may not speak TLS"]);

    settings.uri = format!("bolt+s://localhost:{}", front.port());
    settings.ca = Some("/nowhere.pem".into());
    let error = write(settings).await.unwrap_err();
    assert_says(
        &error,
        &["cannot use Neo4j at bolt+s://localhost", "No such file"],
    );
}

#[tokio::test]
async fn a_single_server_is_written_with_the_scheme_of_clusters() {
    let database = Database::alone().await;
    let mut settings = database.settings();
    settings.uri = settings.uri.replace("bolt://", "neo4j://");
    write(settings).await.unwrap();
    let runs = "MATCH (n:ScrapeRun) RETURN count(n) AS number";
    assert_eq!(database.number(runs).await, 1);
}
