//! The stores of the graph: what both do alike, and what only a database can get wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

/// Runs each of these functions of a module of [`suite`] against both stores.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                let store = kafmesh_discover::store::Memory::default();
                super::$name(|| store.clone()).await;
            })*
        }

        mod neo4j {
            $(#[tokio::test]
            async fn $name() {
                let database = kafmesh_mesh_tests::neo4j::Database::alone().await;
                super::$name(|| database.store()).await;
            })*
        }
    };
}

mod access;
mod database;
mod names;
mod outages;
mod queries;
mod replicas;
mod suite;
