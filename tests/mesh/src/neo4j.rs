//! The Neo4j of the tests: one database, which one test at a time has for itself.

use std::net::SocketAddr;

use kafmesh_discover::store::{Neo4j, Settings};
use neo4rs::{ConfigBuilder, Graph, query};
use tokio::sync::{Mutex, MutexGuard};

use crate::servers::required;

static ONE: Mutex<()> = Mutex::const_new(());

/// The database, without anything of kafmesh in it, until this is dropped.
pub struct Database {
    settings: Settings,
    graph: Graph,
    _alone: MutexGuard<'static, ()>,
}

impl Database {
    /// Waits for the other tests of this program, and removes what they left: every node of the
    /// database, whoever made it, and every constraint. So `KAFMESH_TEST_NEO4J` must name a server that is
    /// there for tests only; one with constraints of somebody else is refused.
    pub async fn alone() -> Self {
        let alone = ONE.lock().await;
        let settings = settings();
        let config = ConfigBuilder::default()
            .uri(&settings.uri)
            .user(&settings.user)
            .password(&settings.password);
        let graph = Graph::connect(config.build().unwrap()).unwrap();
        let database = Self {
            settings,
            graph,
            _alone: alone,
        };
        let constraints = "SHOW CONSTRAINTS YIELD name RETURN name";
        let constraints = database.texts(constraints).await;
        for name in &constraints {
            assert!(name.starts_with("kafmesh_"), "{name} is not ours");
        }
        database.run("MATCH (n) DETACH DELETE n").await;
        for name in constraints {
            database.run(&format!("DROP CONSTRAINT {name}")).await;
        }
        database
    }

    /// Where it is.
    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }

    /// A replica's store in it.
    pub fn store(&self) -> Neo4j {
        Neo4j::new(self.settings())
    }

    /// The address of its Bolt port.
    pub fn address(&self) -> SocketAddr {
        let host = self.settings.uri.trim_start_matches("bolt://");
        host.parse().expect("it is an address with a port")
    }

    /// Runs a statement in another database of the server.
    pub async fn run_on(&self, database: &str, statement: &str) {
        self.graph.run_on(database, statement).await.unwrap();
    }

    /// Runs a statement.
    pub async fn run(&self, statement: &str) {
        self.graph.run(query(statement)).await.unwrap();
    }

    /// The rows that a query gives.
    pub async fn rows(&self, statement: neo4rs::Query) -> Vec<neo4rs::Row> {
        let mut rows = self.graph.execute(statement).await.unwrap();
        let mut all = Vec::new();
        while let Some(row) = rows.next().await.unwrap() {
            all.push(row);
        }
        all
    }

    /// The texts in the column `name` of a query.
    pub async fn texts(&self, statement: &str) -> Vec<String> {
        let rows = self.rows(query(statement)).await;
        rows.iter().map(|row| row.get("name").unwrap()).collect()
    }

    /// The number in the column `number` of a query's only row.
    pub async fn number(&self, statement: &str) -> i64 {
        self.rows(query(statement)).await[0].get("number").unwrap()
    }
}

/// What `KAFMESH_TEST_NEO4J` says: `bolt://USER:PASSWORD@HOST:PORT`.
fn settings() -> Settings {
    let address = required("KAFMESH_TEST_NEO4J", "cargo xtask servers neo4j");
    let rest = address
        .strip_prefix("bolt://")
        .expect("it is a bolt:// address");
    let (credentials, host) = rest.rsplit_once('@').expect("it has a user");
    let (user, password) = credentials.split_once(':').expect("it has a password");
    Settings {
        uri: format!("bolt://{host}"),
        user: user.into(),
        password: password.into(),
        database: None,
        ca: None,
    }
}
