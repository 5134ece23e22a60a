//! The service as a process on real Kafka, with nothing set but the brokers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clicks::definitions::Service;
use clicks::definitions::models::Click;

const USERS: u64 = 50;
const CLICKS_PER_USER: u64 = 20;

/// Ends the service however the test ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn clicks_are_counted_with_only_the_brokers_set() {
    let brokers = std::env::var("KAFMESH_TEST_BROKERS")
        .expect("KAFMESH_TEST_BROKERS names a Kafka of three or more brokers; `cargo xtask test` starts one");
    let dir = tempfile::tempdir().unwrap();
    let mut service = Process(
        Command::new(env!("CARGO_BIN_EXE_clicks"))
            .env_clear()
            .env("KAFMESH_BROKERS", &brokers)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap(),
    );

    let config = kafmesh::Config::new(brokers)
        .with_listen("127.0.0.1:0".parse().unwrap())
        .with_state_dir(dir.path().join("test"));
    let mut client = Service::connect(config).await.unwrap();
    let clicks = client.math().user_id_click_source();
    let totals = client.math().user_id_total_clicks_view().unwrap();
    totals.ready().await.unwrap();

    // The topics may hold the clicks of earlier runs; these users are new.
    let run = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let users: Vec<String> = (0..USERS).map(|n| format!("user-{n}-{run}")).collect();
    for _ in 0..CLICKS_PER_USER {
        clicks
            .emit_all(users.iter().map(|user| {
                (
                    user,
                    Click {
                        page: "/".to_owned(),
                    },
                )
            }))
            .await
            .unwrap();
    }
    let counted = async {
        for user in &users {
            while totals
                .get(user)
                .unwrap()
                .is_none_or(|total| total.count < CLICKS_PER_USER)
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), counted)
        .await
        .expect("every click is counted within a minute");
    for user in &users {
        assert_eq!(
            totals.get(user).unwrap().unwrap().count,
            CLICKS_PER_USER,
            "{user}"
        );
    }

    assert!(
        Command::new("kill")
            .args(["-TERM", &service.0.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    assert!(
        service.0.wait().unwrap().success(),
        "SIGTERM is a request to stop, not a failure"
    );
}
