//! The program, as the chart would run it, against a cluster with a few pods.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kafmesh_mesh_tests::cluster::Cluster;
use kafmesh_mesh_tests::http;
use kafmesh_mesh_tests::pods::{FakePod, service};
use serde_json::Value;

use crate::applied::{apply, server};
use crate::chart;

/// Killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The status and the JSON of what `path` answers.
async fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    let (status, body) = http::get(address, path).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_with_the_charts_settings_and_rights_shows_the_services_of_the_pods() {
    let server = server().await;
    let client = server.admin().await;
    let cluster = Cluster::new(client.clone());
    for namespace in ["discovers", "runs"] {
        cluster.namespace(namespace).await;
    }
    let objects = chart::objects("discovers", "open: true\nnamespaces: [runs]");
    apply(&client, &objects).await;
    let (clicks, devices) = (
        FakePod::serving(service("clicks")).await,
        FakePod::serving(service("devices")).await,
    );
    cluster.run("runs", "clicks-0", clicks.address()).await;
    cluster.run("runs", "devices-0", devices.address()).await;

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let token = server
        .service_account_token("discovers", "kafmesh-discover")
        .await;
    let kubeconfig = server.kubeconfig(&token);
    let kubeconfig = file("kubeconfig", serde_json::to_string(&kubeconfig).unwrap());
    let settings = file("discover.yaml", chart::settings(&objects));
    let mut running = Running(
        Command::new(env!("CARGO_BIN_EXE_kafmesh-discover-in-tests"))
            .arg("--config")
            .arg(settings)
            .args(["--listen=127.0.0.1:0", "--log-format=json"])
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    let address: SocketAddr = loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended");
        let line: Value = serde_json::from_str(&line).unwrap();
        let message = line["message"].as_str().unwrap_or_default();
        if let Some((_, address)) = message.split_once("listening at http://") {
            break address.parse().unwrap();
        }
    };
    // What it logs from now on has a reader, so that it never waits for one.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));

    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let (status, readiness) = get(address, "/health/ready").await;
        if status == 200 {
            assert_eq!(readiness["parts"]["kubernetes"]["state"], "working");
            break;
        }
        assert!(Instant::now() < until, "not ready: {readiness}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Who is ready has something to show.
    let (status, services) = get(address, "/api/v1/services").await;
    assert_eq!(status, 200);
    let text = services.to_string();
    assert!(
        text.contains("\"clicks\"") && text.contains("\"devices\""),
        "{text}"
    );
    let (status, pods) = get(address, "/api/v1/pods").await;
    assert_eq!(status, 200);
    assert!(pods.to_string().contains("runs/clicks-0"), "{pods}");
}
