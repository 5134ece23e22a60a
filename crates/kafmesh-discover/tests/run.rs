//! The program as a process: it starts whatever is away, says how it is, and stops when asked to.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures_util::stream::Pending;
use kafmesh_proto::discover::v1::discover_server::{Discover, DiscoverServer};
use kafmesh_proto::discover::v1::{
    Component, GetServiceInfoRequest, GetServiceInfoResponse, Processor, Service,
};
use kafmesh_proto::watch::v1::watch_api_server::{WatchApi, WatchApiServer};
use kafmesh_proto::watch::v1::{ProcessorRequest, ProcessorResponse};
use serde_json::Value;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// A running kafmesh-discover, killed when dropped.
struct Running {
    process: Child,
    log: BufReader<std::process::ChildStderr>,
    address: String,
}

impl Running {
    fn start(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_kafmesh-discover"))
            .args(["--listen=127.0.0.1:0"])
            .args(args)
            .env_clear()
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut running = Self {
            process,
            log,
            address: String::new(),
        };
        let line = running.line_with("listening at ");
        let message = line["message"].as_str().unwrap();
        running.address = message.rsplit('/').next().unwrap().to_owned();
        running
    }

    /// The first line of the log from here on with this in its message.
    fn line_with(&mut self, part: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.log.read_line(&mut line).unwrap(),
                0,
                "it ended before {part:?}"
            );
            let line: Value = serde_json::from_str(&line).expect("a log of JSON");
            if line["message"]
                .as_str()
                .is_some_and(|text| text.contains(part))
            {
                return line;
            }
        }
    }

    /// The status and the body of a path.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test waited for it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that nobody listens at.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn it_lives_without_any_of_its_servers_and_says_why_it_is_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("config");
    let away = nobody();
    fs::write(
        &kubeconfig,
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: \
             {{cluster: c, user: u}}\nclusters:\n- name: c\n  cluster: {{server: \"http://{away}\"}}\n\
             users:\n- name: u\n  user: {{token: t}}\n"
        ),
    )
    .unwrap();
    let mut running = Running::start(
        &[
            "--kubernetes=on",
            &format!("--brokers={away}"),
            &format!("--neo4j=bolt://{away}"),
        ],
        &[("KUBECONFIG", kubeconfig.to_str().unwrap())],
    );
    let mut failing = std::collections::BTreeSet::new();
    while failing.len() < 3 {
        let line = running.line_with("fails, and is tried again");
        failing.insert(line["part"].as_str().unwrap().to_owned());
    }

    assert_eq!(running.get("/health/live").0, 200);
    let (status, body) = running.get("/health/ready");
    assert_eq!(status, 503, "{body}");
    let readiness: Value = serde_json::from_str(&body).unwrap();
    let why = readiness["why"].as_str().unwrap();
    assert!(why.contains("waits for Kubernetes"), "{why}");
    assert_eq!(readiness["parts"]["kubernetes"]["state"], "failing");
    let (status, metrics) = running.get("/metrics");
    assert_eq!(status, 200);
    for line in [
        "kafmesh_discover_healthy{part=\"kubernetes\"} 0",
        "kafmesh_discover_requests_total{path=\"/health/ready\",status=\"503\"} 1",
        "kafmesh_discover_mesh_revision 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/discover.md");
    let page = fs::read_to_string(page).unwrap();
    let told: Vec<&str> = metrics
        .lines()
        .filter_map(|l| l.strip_prefix("# TYPE "))
        .collect();
    assert!(told.len() > 10, "{metrics}");
    for told in told {
        let (name, kind) = told.split_once(' ').unwrap();
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let row = page
            .lines()
            .find(|l| l.starts_with(&format!("| `{name}{suffix}` | {kind} |")));
        assert!(
            row.is_some(),
            "docs/discover.md does not explain {name}{suffix}, {kind}"
        );
    }

    running.signal("-TERM");
    running.line_with("stopping: SIGTERM");
    assert_eq!(running.process.wait().unwrap().code(), Some(0));
}

#[test]
fn it_is_ready_once_everybody_was_asked_even_where_nobody_answers() {
    let away = nobody();
    let mut running = Running::start(&["--target", &away], &[]);
    running.line_with("works");
    let (status, body) = running.get("/health/ready");
    assert_eq!(status, 200, "{body}");
    running.signal("-INT");
    assert_eq!(running.process.wait().unwrap().code(), Some(0));
}

#[test]
fn until_the_shutdown_delay_is_over_it_answers_and_is_not_ready() {
    let away = nobody();
    let mut running = Running::start(&["--target", &away, "--shutdown-delay=1h"], &[]);
    running.line_with("works");
    running.signal("-TERM");
    running.line_with("stopping: SIGTERM");
    loop {
        let (status, body) = running.get("/health/ready");
        if status == 503 {
            assert!(body.contains("it is stopping"), "{body}");
            break;
        }
    }
    assert_eq!(running.get("/health/live").0, 200);
    assert_eq!(running.get("/api/v1/services").0, 200);
    // Asked twice, it does not wait.
    running.signal("-TERM");
    assert_eq!(running.process.wait().unwrap().code(), Some(1));

    let mut running = Running::start(&["--target", &away, "--shutdown-delay=200ms"], &[]);
    running.signal("-TERM");
    assert_eq!(running.process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_request_that_does_not_end_holds_it_up_for_the_shutdown_timeout_only() {
    let mut running = Running::start(&["--kubernetes=off", "--shutdown-timeout=200ms"], &[]);
    let mut stalled = TcpStream::connect(&running.address).unwrap();
    stalled.write_all(b"GET /health/live HTTP/1.1\r\n").unwrap();
    running.get("/health/live");
    running.signal("-TERM");
    assert_eq!(running.process.wait().unwrap().code(), Some(0));
}

#[test]
fn what_keeps_it_from_starting_is_said_with_what_to_do() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    for (args, variables, wanted) in [
        (
            vec!["--kubernetes=off".to_owned(), format!("--listen={taken}")],
            vec![],
            "choose another address with --listen",
        ),
        (
            vec![
                "--kubernetes=on".to_owned(),
                "--listen=127.0.0.1:0".to_owned(),
            ],
            vec![("KUBECONFIG", "/none")],
            "cannot look for pods",
        ),
        (
            vec!["--listen=127.0.0.1:0".to_owned()],
            vec![("KUBECONFIG", "/none")],
            "nothing to ask: no --target is named",
        ),
        (
            vec![
                "--kubernetes=off".to_owned(),
                "--listen=127.0.0.1:0".to_owned(),
                "--brokers=a:1".to_owned(),
            ],
            vec![("KAFMESH_KAFKA_RECONNECT_BACKOFF_MS", "20000")],
            "the Kafka client cannot be configured",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_kafmesh-discover"))
            .args(args)
            .env_clear()
            .envs(variables)
            .output()
            .unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{log}");
        assert!(log.contains(wanted), "{log}");
    }
}

/// A process of the service `shop`, in which nothing happens.
struct Idle;

#[tonic::async_trait]
impl Discover for Idle {
    async fn get_service_info(
        &self,
        _: Request<GetServiceInfoRequest>,
    ) -> Result<Response<GetServiceInfoResponse>, Status> {
        let processor = Processor {
            name: "totals".to_owned(),
            ..Processor::default()
        };
        let component = Component {
            name: "orders".to_owned(),
            processors: vec![processor],
            ..Component::default()
        };
        let service = Service {
            name: "shop".to_owned(),
            components: vec![component],
            ..Service::default()
        };
        Ok(Response::new(GetServiceInfoResponse {
            service: Some(service),
            ..GetServiceInfoResponse::default()
        }))
    }
}

#[tonic::async_trait]
impl WatchApi for Idle {
    type ProcessorStream = Pending<Result<ProcessorResponse, Status>>;

    async fn processor(
        &self,
        _: Request<ProcessorRequest>,
    ) -> Result<Response<Self::ProcessorStream>, Status> {
        Ok(Response::new(futures_util::stream::pending()))
    }
}

#[test]
fn a_stop_ends_watches_in_order() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let socket = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
    let socket = socket.unwrap();
    let target = socket.local_addr().unwrap().to_string();
    runtime.spawn(
        tonic::transport::Server::builder()
            .add_service(DiscoverServer::new(Idle))
            .add_service(WatchApiServer::new(Idle))
            .serve_with_incoming(TcpListenerStream::new(socket)),
    );
    let mut running = Running::start(&["--target", &target, "--shutdown-timeout=1m"], &[]);
    while running.get("/health/ready").0 != 200 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let mut stream = TcpStream::connect(&running.address).unwrap();
    let path = "/api/v1/services/shop/components/orders/processors/totals/watch";
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut told = Vec::new();
    let mut part = [0; 1024];
    while !String::from_utf8_lossy(&told).contains("event: joined") {
        let read = stream.read(&mut part).unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&told));
        told.extend_from_slice(&part[..read]);
    }
    running.signal("-TERM");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ends in order");
    assert_eq!(running.process.wait().unwrap().code(), Some(0));
}
