//! The shop of `tests/objects` as a process of the mesh: on Kafka, with a port that answers.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, SystemTime};

use kafmesh::{Config, Stopper};
use kafmesh_objects::definitions::Service;
use kafmesh_objects::{Outside, open};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::servers::required;

/// Longer than anything here takes; a hang fails instead of blocking the run.
const PATIENCE: Duration = Duration::from_secs(60);

/// The topics of other services that the shop reads.
const OTHERS: [&str; 2] = [
    "taxService.countryCode.rate",
    "carrierService.customerId.delivery",
];

/// Shops that run share their groups, so tests take turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// Waits until no other test runs a shop, and for as long as this lives, none does.
pub async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// A name that no other test, or run of it, uses.
pub fn unique(name: &str) -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    format!("{name}-{}", now.as_nanos())
}

fn client() -> ClientConfig {
    let brokers = required("KAFMESH_TEST_BROKERS", "cargo xtask servers kafka");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

/// Writes what the other services tell the shop: to `country`, the tax is `percent`.
pub async fn tax(country: &str, percent: u8) {
    let admin: AdminClient<DefaultClientContext> = client().create().unwrap();
    let topics = OTHERS.map(|name| {
        let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        topic.set("cleanup.policy", "compact")
    });
    let created = admin.create_topics(&topics, &AdminOptions::new()).await;
    for result in created.unwrap() {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    let producer: FutureProducer = client()
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    // The first field of a `Rate`.
    let rate = [1 << 3, percent];
    let record = FutureRecord::to(OTHERS[0]).key(country).payload(&rate);
    producer.send(record, PATIENCE).await.unwrap();
}

/// A shop with all of its objects registered, which does not run yet.
pub struct Shop {
    /// Where its port is.
    pub address: SocketAddr,
    /// The systems outside of Kafka that it works with.
    pub outside: Outside,
    /// It; what is asked of it now is there when it runs.
    pub service: Service,
    state: TempDir,
}

impl Shop {
    /// Opens one called `instance`.
    pub async fn open(instance: &str, configured: impl FnOnce(Config) -> Config) -> Self {
        let brokers = required("KAFMESH_TEST_BROKERS", "cargo xtask servers kafka");
        let state = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let config = Config::new(brokers)
            .with_dev(true)
            .with_instance(instance)
            .with_listen(address)
            .with_state_dir(state.path())
            .with_commit_interval(Duration::from_millis(200))
            // A test that fails leaves members behind, which the next one has to wait for.
            .with_kafka("session.timeout.ms", "6000")
            .with_kafka("heartbeat.interval.ms", "500");
        let outside = Outside::default();
        let service = open(configured(config), &outside).await.unwrap();
        Self {
            address,
            outside,
            service,
            state,
        }
    }

    /// Lets it run.
    pub fn run(self) -> Running {
        Running {
            address: self.address,
            outside: self.outside,
            stopper: self.service.stopper(),
            task: tokio::spawn(self.service.run()),
            state: self.state,
        }
    }
}

/// A shop at work.
pub struct Running {
    /// Where its port is.
    pub address: SocketAddr,
    /// The systems outside of Kafka that it works with.
    pub outside: Outside,
    stopper: Stopper,
    task: JoinHandle<kafmesh::Result<()>>,
    /// Outlives the service, which writes to it until its very end.
    state: TempDir,
}

impl Running {
    /// Stops it, which must succeed.
    pub async fn stop(self) {
        self.stopper.stop();
        let ended = timeout(PATIENCE, self.task).await;
        ended.expect("the shop does not end").unwrap().unwrap();
        drop(self.state);
    }
}
