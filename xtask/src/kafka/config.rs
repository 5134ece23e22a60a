//! The settings of a small KRaft cluster in which every node is both broker and controller.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::tls::Keys;

/// Log4j's settings: everything to the output, which goes into the node's log file.
pub(super) const LOG4J: &str = "\
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = Out
appender.out.type = Console
appender.out.name = Out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n%throwable
";

/// One node's place in a cluster.
#[derive(Debug)]
pub(super) struct NodeConfig {
    pub(super) id: u16,
    pub(super) broker_port: u16,
    /// Of the listener that wants TLS and a password.
    pub(super) sasl_port: u16,
    /// The same for all nodes of the cluster.
    pub(super) cluster_id: String,
    /// Every controller: `id@host:port:directory`, as `kafka-storage format --initial-controllers` wants them.
    pub(super) voters: String,
    controller_port: u16,
    bootstrap: String,
    nodes: usize,
}

/// How many ports a node takes.
pub(super) const PORTS: usize = 3;

/// The nodes of one cluster; `ports` holds for each a broker's, a controller's, and that of SASL_SSL.
pub(super) fn cluster(ports: &[u16]) -> Vec<NodeConfig> {
    let nodes: Vec<(u16, u16, u16, u16)> = (1..)
        .zip(ports.chunks_exact(PORTS))
        .map(|(id, ports)| (id, ports[0], ports[1], ports[2]))
        .collect();
    let list = |voter: fn(&(u16, u16, u16, u16)) -> String| {
        nodes.iter().map(voter).collect::<Vec<_>>().join(",")
    };
    let voters = list(|(id, _, controller, _)| {
        format!(
            "{id}@127.0.0.1:{controller}:{}",
            uuid("node", u64::from(*id))
        )
    });
    let bootstrap = list(|(_, _, controller, _)| format!("127.0.0.1:{controller}"));
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let cluster_id = uuid("mesh", since_epoch.as_micros() as u64);
    nodes
        .iter()
        .map(
            |&(id, broker_port, controller_port, sasl_port)| NodeConfig {
                id,
                broker_port,
                sasl_port,
                cluster_id: cluster_id.clone(),
                voters: voters.clone(),
                controller_port,
                bootstrap: bootstrap.clone(),
                nodes: nodes.len(),
            },
        )
        .collect()
}

/// A Kafka UUID: 16 bytes in URL-safe base64, which is 22 characters of which the last holds only two bits.
fn uuid(kind: &str, number: u64) -> String {
    format!("{kind:_<5.5}{number:016x}A")
}

impl NodeConfig {
    /// What goes into `server.properties`; the records go below `data`.
    pub(super) fn properties(&self, data: &Path, keys: &Keys) -> String {
        let Self {
            id,
            broker_port,
            sasl_port,
            controller_port,
            bootstrap,
            ..
        } = self;
        let replicas = self.nodes.min(3);
        let in_sync = replicas.div_ceil(2);
        format!(
            "\
process.roles=broker,controller
node.id={id}
controller.quorum.bootstrap.servers={bootstrap}
listeners=PLAINTEXT://127.0.0.1:{broker_port},SASL_SSL://127.0.0.1:{sasl_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker_port},SASL_SSL://127.0.0.1:{sasl_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
# A missing topic has to be an error in the tests, as it is in production.
auto.create.topics.enable=false
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
# Few partitions of the internal topics and no wait for further members: both only cost a test time.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
# In groups whose protocol is KIP-848 the broker sets the pace: members hear of a rebalance with the next heartbeat.
group.consumer.min.heartbeat.interval.ms=500
group.consumer.heartbeat.interval.ms=500
group.consumer.min.session.timeout.ms=6000
group.consumer.session.timeout.ms=6000
{tls}",
            data = data.display(),
            tls = keys.properties()
        )
    }

    /// The memory of one node's JVM; several nodes share what one would get.
    pub(super) fn heap(&self) -> &'static str {
        if self.nodes == 1 {
            "-Xmx768m"
        } else {
            "-Xmx384m"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_22_base64_characters() {
        for id in [uuid("node", 3), uuid("mesh", u64::MAX)] {
            assert_eq!(id.len(), 22, "{id}");
            assert!(
                id.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
                "{id}"
            );
        }
    }

    #[test]
    fn three_nodes_know_each_other_and_replicate() {
        let nodes = cluster(&[9001, 9101, 9201, 9002, 9102, 9202, 9003, 9103, 9203]);
        let properties = nodes[1].properties(Path::new("/data/2"), &Keys::default());
        for line in [
            "node.id=2",
            "listeners=PLAINTEXT://127.0.0.1:9002,SASL_SSL://127.0.0.1:9202,CONTROLLER://127.0.0.1:9102",
            "controller.quorum.bootstrap.servers=127.0.0.1:9101,127.0.0.1:9102,127.0.0.1:9103",
            "offsets.topic.replication.factor=3",
            "transaction.state.log.min.isr=2",
            "log.dirs=/data/2",
        ] {
            assert!(
                properties.lines().any(|present| present == line),
                "{line} is missing in\n{properties}"
            );
        }
        let voters: Vec<_> = nodes[0].voters.split(',').collect();
        assert_eq!(voters.len(), 3);
        assert!(voters[2].starts_with("3@127.0.0.1:9103:"), "{voters:?}");
    }

    #[test]
    fn one_node_needs_no_replicas() {
        let properties =
            cluster(&[9001, 9101, 9201])[0].properties(Path::new("/data"), &Keys::default());
        assert!(properties.contains("\noffsets.topic.replication.factor=1\n"));
        assert!(properties.contains("\ntransaction.state.log.min.isr=1\n"));
    }
}
