//! The stores of the graph: what both do alike, and what only a database can get wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod access;
mod database;
mod names;
mod outages;
mod queries;
mod replicas;
mod suite;

/// Runs each function of [`suite`] against both stores.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                let store = kafmesh_discover::store::Memory::default();
                super::suite::$name(|| store.clone()).await;
            })*
        }

        mod neo4j {
            $(#[tokio::test]
            async fn $name() {
                let database = kafmesh_mesh_tests::neo4j::Database::alone().await;
                super::suite::$name(|| database.store()).await;
            })*
        }
    };
}

on_both_stores!(
    what_is_written_is_there,
    a_repeated_scrape_changes_nothing_but_its_run,
    what_a_pod_no_longer_reports_is_removed,
    what_cannot_be_reached_becomes_stale,
    a_pod_that_is_gone_goes,
    two_versions_are_shown_at_once,
    the_last_runs_are_kept,
    what_was_written_is_loaded,
    a_restarted_process_writes_nothing_anew,
    an_unreachable_pod_keeps_the_answer_of_another_replica,
    who_asked_last_is_right,
    a_pod_that_was_not_asked_yet_changes_nothing,
    any_name_is_stored_as_it_is,
    what_kafka_says_is_kept,
    what_kafka_said_stays_while_it_was_not_read,
    what_kafka_said_is_stale_while_it_cannot_be_read,
    what_vanished_unseen_goes_from_the_scope,
    a_target_that_nobody_asks_any_more_goes_after_a_day,
    replicas_write_each_others_runs_once,
);
