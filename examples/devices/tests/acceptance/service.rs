//! The service as a process.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use devices::api::v1::devices_api_client::DevicesApiClient;
use tonic::transport::Channel;

/// How long anything may take that has to happen at some time; only a failing test takes that long.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// Where the one service of these tests listens.
static ADDRESS: OnceLock<String> = OnceLock::new();

/// Ends the service however the test ends.
pub(crate) struct Process {
    child: Child,
    _state: tempfile::TempDir,
}

impl Process {
    /// Asks the service to stop, and returns when it has done so in order.
    pub(crate) fn stop(mut self) {
        let asked = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(asked.unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The database that `KAFMESH_TEST_POSTGRES` names.
pub(crate) fn database() -> String {
    std::env::var("KAFMESH_TEST_POSTGRES")
        .expect("KAFMESH_TEST_POSTGRES names a PostgreSQL: `cargo xtask test` starts one, `cargo xtask servers postgres` too")
}

/// Starts the service, and returns when it answers.
pub(crate) async fn start() -> Process {
    let brokers = std::env::var("KAFMESH_TEST_BROKERS")
        .expect("KAFMESH_TEST_BROKERS names a Kafka of three or more brokers: `cargo xtask test` starts one, `cargo xtask servers kafka` too");
    let state = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap().to_string();
    drop(port);
    let child = Command::new(env!("CARGO_BIN_EXE_devices"))
        .env_clear()
        .env("KAFMESH_BROKERS", brokers)
        .env("KAFMESH_LISTEN", &address)
        .env("DATABASE_URL", database())
        .current_dir(state.path())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut process = Process {
        child,
        _state: state,
    };
    let began = Instant::now();
    while DevicesApiClient::connect(format!("http://{address}"))
        .await
        .is_err()
    {
        assert!(
            process.child.try_wait().unwrap().is_none() && began.elapsed() < LIMIT,
            "the service does not answer at {address}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ADDRESS.set(address).expect("there is one service");
    process
}

/// A connection to the service.
pub(crate) async fn connect() -> DevicesApiClient<Channel> {
    let address = ADDRESS.get().expect("the service has been started");
    DevicesApiClient::connect(format!("http://{address}"))
        .await
        .unwrap()
}
