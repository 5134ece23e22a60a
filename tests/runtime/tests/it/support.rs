//! What every test here uses: names of its own, and services as processes.

use std::io::{BufRead as _, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use kafmesh::codegen::v1::Service;
use kafmesh::{Config, Stopper};
use kafmesh_runtime_tests::kafka::{self, brokers};
use kafmesh_runtime_tests::{Count, Handle, Handler, Mesh, Shape, millis};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes; a hang fails instead of blocking the run.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A name nobody else uses: tests run side by side and again on the same Kafka.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = millis(SystemTime::now());
    format!("{what}{now}n{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A time that is not now, and recent enough for brokers not to delete what is from then.
pub(crate) fn an_hour_ago() -> i64 {
    millis(SystemTime::now()) - 3_600_000
}

/// What a service in the test's own process runs with.
pub(crate) fn config(state: &Path) -> Config {
    config_without_group(state)
        .with_kafka("session.timeout.ms", "6000")
        .with_kafka("heartbeat.interval.ms", "500")
}

/// The same in groups of the protocol `consumer` (KIP-848), where the broker knows the timeouts.
pub(crate) fn incremental(state: &Path) -> Config {
    config_without_group(state).with_kafka("group.protocol", "consumer")
}

fn config_without_group(state: &Path) -> Config {
    Config::new(brokers())
        .with_listen("127.0.0.1:0".parse().unwrap())
        .with_state_dir(state)
        .with_commit_interval(Duration::from_millis(200))
}

/// An address that was free a moment ago.
pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Asks for a page as any HTTP/1.1 client does: the status and the body.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let asked = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = timeout(PATIENCE, asked).await.expect("no answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    let status = head.strip_prefix("HTTP/1.1 ").expect(head);
    (status[..3].parse().unwrap(), body.to_owned())
}

/// Waits until `holds`.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// A service that runs in the test's own process.
pub(crate) struct Running {
    stopper: Stopper,
    task: JoinHandle<kafmesh::Result<()>>,
    /// Outlives the service, which writes to it until its very end.
    state: Option<TempDir>,
}

impl Running {
    pub(crate) fn start(service: Service) -> Self {
        Self {
            stopper: service.stopper(),
            task: tokio::spawn(service.run()),
            state: None,
        }
    }

    /// Keeps the directory of its state for as long as it runs.
    pub(crate) fn keeping(self, state: TempDir) -> Self {
        Self {
            state: Some(state),
            ..self
        }
    }

    /// Connects, registers `handler`, runs.
    pub(crate) async fn handling<F>(mesh: Mesh, config: Config, handler: F) -> Self
    where
        F: Handler<Count>,
    {
        let mut service = Service::connect(config, mesh.service).await.unwrap();
        service
            .registry()
            .register_processor(mesh.component, Handle::new(mesh.processor, handler))
            .unwrap();
        Self::start(service)
    }

    /// Tells it to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.stopper.stop();
    }

    /// Stops it, which must succeed.
    pub(crate) async fn stop(self) {
        self.stopped().await.unwrap();
    }

    /// Stops it, and how it ended.
    pub(crate) async fn stopped(self) -> kafmesh::Result<()> {
        self.stopper.stop();
        self.ended().await
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(self) -> kafmesh::Result<()> {
        let ended = timeout(PATIENCE, self.task)
            .await
            .expect("the service does not end")
            .unwrap();
        drop(self.state);
        ended
    }
}

/// Lets handlers through while it is open, as it is at first.
#[derive(Default)]
pub(crate) struct Gate {
    /// Whether it is closed, and how many wait.
    closed: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn close(&self, closed: bool) {
        self.closed.lock().unwrap().0 = closed;
        self.changed.notify_all();
    }

    /// Waits, blocking the thread, until it is open.
    pub(crate) fn pass(&self) {
        let mut gate = self.closed.lock().unwrap();
        gate.1 += 1;
        let mut gate = self.changed.wait_while(gate, |gate| gate.0).unwrap();
        gate.1 -= 1;
    }

    pub(crate) fn waiting(&self) -> usize {
        self.closed.lock().unwrap().1
    }
}

/// Waits for all, side by side.
pub(crate) async fn all<F: Future<Output = ()>>(futures: impl IntoIterator<Item = F>) {
    let mut waiting: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if waiting.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Lets a `counter` be in groups of the protocol `consumer` (KIP-848).
pub(crate) const INCREMENTAL: (&str, &str) = ("KAFMESH_KAFKA_GROUP_PROTOCOL", "consumer");

/// A running `counter`, or another program of these tests; killed when dropped.
pub(crate) struct Counter {
    child: Child,
    output: Arc<Mutex<Vec<String>>>,
}

impl Counter {
    /// Starts one; `variables` add to and win over what it needs.
    pub(crate) fn start(shape: &Shape, state: &Path, variables: &[(&str, &str)]) -> Self {
        let (partitions, replication, retention) = (
            shape.partitions.to_string(),
            shape.replication.to_string(),
            shape.retention_ms.to_string(),
        );
        let mut all = vec![
            ("COUNTER_PREFIX", &*shape.prefix),
            ("COUNTER_PARTITIONS", &partitions),
            ("COUNTER_REPLICATION", &replication),
            ("COUNTER_RETENTION_MS", &retention),
        ];
        all.extend(variables);
        Self::program(env!("CARGO_BIN_EXE_counter"), state, &all)
    }

    /// Starts a program; `variables` add to and win over what every service needs.
    pub(crate) fn program(program: &str, state: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command
            .env("KAFMESH_BROKERS", brokers())
            .env("KAFMESH_LISTEN", "127.0.0.1:0")
            .env("KAFMESH_STATE_DIR", state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !variables.contains(&INCREMENTAL) {
            command
                .env("KAFMESH_KAFKA_SESSION_TIMEOUT_MS", "6000")
                .env("KAFMESH_KAFKA_HEARTBEAT_INTERVAL_MS", "500");
        }
        let mut child = command.envs(variables.iter().copied()).spawn().unwrap();
        let output = Arc::default();
        collect(child.stdout.take().unwrap(), &output);
        collect(child.stderr.take().unwrap(), &output);
        Self { child, output }
    }

    /// Everything it printed and logged so far.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().join("\n")
    }

    /// Waits for a line that contains `text` and returns it.
    pub(crate) async fn says(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self
                .output
                .lock()
                .unwrap()
                .iter()
                .find(|line| line.contains(text))
            {
                return line.clone();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "it never said {text:?}, {ended:?}:\n{}",
                self.output()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The most memory that it ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kilobytes.parse::<u64>().unwrap() << 10
    }

    /// `kill -9`, and everything it said before.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.output()
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn terminate(self) -> (ExitStatus, String) {
        kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        )
        .unwrap();
        self.ended().await
    }

    /// SIGTERM, which must end it in order.
    pub(crate) async fn stop(self) {
        let (status, output) = self.terminate().await;
        assert!(status.success(), "{status}:\n{output}");
    }

    /// Waits for its end: how it ended, and everything it said.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // The last lines may still be in the pipes.
                while Arc::strong_count(&self.output) > 1 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                return (status, self.output());
            }
            assert!(
                Instant::now() < deadline,
                "it does not end:\n{}",
                self.output()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(from: impl Read + Send + 'static, to: &Arc<Mutex<Vec<String>>>) {
    let to = Arc::clone(to);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            to.lock().unwrap().push(line);
        }
    });
}

/// Records over keys `k0`, `k1`, …, one click each.
pub(crate) struct Clicks {
    pub(crate) topic: String,
    pub(crate) keys: u64,
    pub(crate) written: u64,
}

impl Clicks {
    pub(crate) fn new(shape: &Shape, keys: u64) -> Self {
        Self {
            topic: shape.topic("clicks"),
            keys,
            written: 0,
        }
    }

    /// Writes `count` more.
    pub(crate) fn write(&mut self, count: u64) {
        let writer = kafka::Writer::new();
        for _ in 0..count {
            let key = format!("k{}", self.written % self.keys);
            writer.put(
                &self.topic,
                kafka::Put {
                    key: Some(key.as_bytes()),
                    value: Some(&[8, 1]),
                    ..kafka::Put::default()
                },
            );
            self.written += 1;
        }
        writer.finish();
    }

    /// The true count of every key.
    pub(crate) fn truth(&self) -> std::collections::BTreeMap<String, u64> {
        let of = |key| self.written / self.keys + u64::from(key < self.written % self.keys);
        (0..self.keys.min(self.written))
            .map(|key| (format!("k{key}"), of(key)))
            .collect()
    }
}
