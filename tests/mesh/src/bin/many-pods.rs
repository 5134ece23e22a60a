//! Measures kafmesh-discover, the program, with 1,000 pods that are 1,000 services with 10,000
//! topics: how long a scrape of all takes, how long the API takes, and memory. The pods are on the
//! same machine, behind a real API server (`KUBEBUILDER_ASSETS`); with `KAFMESH_TEST_NEO4J`, whose
//! database is emptied, it writes to Neo4j, too.
//!
//! ```text
//! cargo build --release -p kafmesh-mesh-tests --bins
//! cargo run --release -p kafmesh-mesh-tests --bin many-pods
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "it ends with the first error"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use kafmesh_mesh_tests::api_server::ApiServer;
use kafmesh_mesh_tests::cluster::Cluster;
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::pods::FakePod;
use kafmesh_proto::discover::v1::{Component, Input, Output, Processor, Service, Topic};
use serde_json::Value;

const PODS: usize = 1_000;
const TOPICS_PER_POD: usize = 10;
const SCRAPES: usize = 5;
const NAMESPACE: &str = "mesh";

#[tokio::main]
async fn main() {
    let server = ApiServer::start().await;
    let cluster = Cluster::new(server.admin().await);
    cluster.namespace(NAMESPACE).await;
    let token = server.service_account_token(NAMESPACE, "discover").await;
    cluster
        .allow(NAMESPACE, "discover", &["get", "list", "watch"])
        .await;
    let cluster = &cluster;
    let _pods: Vec<FakePod> = stream::iter((0..PODS).map(|n| async move {
        let pod = FakePod::serving(service(n)).await;
        cluster
            .run(NAMESPACE, &format!("pod-{n}"), pod.address())
            .await;
        pod
    }))
    .buffer_unordered(8)
    .collect()
    .await;

    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let content = serde_json::to_string(&server.kubeconfig(&token)).unwrap();
    std::fs::write(&kubeconfig, content).unwrap();
    let own = std::env::current_exe().unwrap();
    let mut discover = Command::new(own.with_file_name("kafmesh-discover-in-tests"));
    discover
        .args(["--listen=127.0.0.1:0", "--log-format=json"])
        .args(["--scrape-interval=10s", "--namespace", NAMESPACE])
        .env("KUBECONFIG", kubeconfig);
    if std::env::var_os("KAFMESH_TEST_NEO4J").is_some() {
        let settings = Database::alone().await.settings();
        discover
            .args(["--neo4j", &settings.uri, "--neo4j-user", &settings.user])
            .env("KAFMESH_DISCOVER_NEO4J_PASSWORD", settings.password);
    }
    let begun = Instant::now();
    let discover = Discover::start(discover);
    let runs = discover.full_runs(1).await;
    println!(
        "{:.2?} from the start to the end of the first scrape; {}",
        begun.elapsed(),
        discover.memory()
    );
    println!("first scrape: {}", shown(&runs[0]));
    for (what, path) in [
        ("the whole mesh", "/api/v1/mesh"),
        ("the whole mesh again", "/api/v1/mesh"),
        ("one service", "/api/v1/services/service500"),
        ("search", "/api/v1/search?q=service77"),
    ] {
        let begun = Instant::now();
        let bytes = discover.get(path).len();
        println!("{what}: {bytes} bytes in {:.1?}", begun.elapsed());
    }
    let runs = discover.full_runs(SCRAPES).await;
    let mut took: Vec<f64> = runs.iter().map(seconds).collect();
    took.sort_by(f64::total_cmp);
    for run in &runs {
        println!("scrape: {}", shown(run));
        assert_eq!(run["answered"], PODS);
    }
    println!("median of {}: {:.2} s", took.len(), took[took.len() / 2]);
    println!("{}", discover.memory());
}

/// The service of one pod: what each of its processors takes is written by the service before.
fn service(n: usize) -> Service {
    let topic = |n: usize, t: usize| format!("service{n}.key.message{t}");
    let before = (n + PODS - 1) % PODS;
    let processor = |t: usize| Processor {
        name: format!("processor{t}"),
        description: "Takes what the service before writes".to_owned(),
        group_name: format!("service{n}.component.processor{t}"),
        inputs: vec![Input {
            message: format!("key.message{t}"),
            topic: topic(before, t),
        }],
        outputs: vec![Output {
            message: format!("key.message{t}"),
            topic: topic(n, t),
            ..Output::default()
        }],
        ..Processor::default()
    };
    Service {
        name: format!("service{n}"),
        description: "One of many".to_owned(),
        components: vec![Component {
            name: "component".to_owned(),
            processors: (0..TOPICS_PER_POD).map(processor).collect(),
            ..Component::default()
        }],
        topics: (0..TOPICS_PER_POD)
            .map(|t| Topic {
                name: topic(n, t),
                settings: None,
            })
            .collect(),
        ..Service::default()
    }
}

fn seconds(run: &Value) -> f64 {
    let at = |name: &str| run[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    at("ended").duration_since(at("started")).as_secs_f64()
}

fn shown(run: &Value) -> String {
    let took = seconds(run);
    format!(
        "{} of {} pods answered within {took:.2} s",
        run["answered"], run["asked"]
    )
}

/// The program; killed when dropped.
struct Discover {
    child: Child,
    address: String,
}

impl Discover {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended");
            let value: Value = serde_json::from_str(&line).unwrap();
            let message = value["message"].as_str().unwrap_or_default();
            if let Some((_, address)) = message.split_once("listening at http://") {
                break address.to_owned();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::stderr()));
        Self { child, address }
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|at| at == b"\r\n\r\n").unwrap();
        answer.split_off(end + 4)
    }

    /// The scrapes of all pods, once there are `count` of them.
    async fn full_runs(&self, count: usize) -> Vec<Value> {
        loop {
            let answer = self.get("/api/v1/runs?limit=100");
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            let mut runs = answer["items"].as_array().cloned().unwrap_or_default();
            runs.retain(|run| run["kind"] == "full");
            if runs.len() >= count {
                return runs;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn memory(&self) -> String {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            kib / 1024
        };
        format!("memory {} MiB, at most {} MiB", of("VmRSS"), of("VmHWM"))
    }
}

impl Drop for Discover {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
