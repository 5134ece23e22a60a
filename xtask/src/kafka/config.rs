//! The settings of a small KRaft cluster in which every node is both broker and controller.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::plain;
use super::tls::{self, Keys};

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
    /// Of the listener that wants a password only, and heeds ACLs.
    pub(super) acl_port: u16,
    /// The same for all nodes of the cluster.
    pub(super) cluster_id: String,
    /// Every controller: `id@host:port:directory`, as `kafka-storage format --initial-controllers` wants them.
    pub(super) voters: String,
    controller_port: u16,
    bootstrap: String,
    nodes: usize,
}

/// How many ports a node takes.
pub(super) const PORTS: usize = 4;

/// The nodes of one cluster; `ports` holds for each a broker's, a controller's, that of SASL_SSL, and that of
/// SASL_PLAINTEXT.
pub(super) fn cluster(ports: &[u16]) -> Vec<NodeConfig> {
    let nodes: Vec<(u16, &[u16])> = (1..).zip(ports.chunks_exact(PORTS)).collect();
    let list = |voter: fn(u16, u16) -> String| {
        let voters: Vec<_> = nodes
            .iter()
            .map(|(id, ports)| voter(*id, ports[1]))
            .collect();
        voters.join(",")
    };
    let voters = list(|id, controller| {
        let uuid = uuid("node", u64::from(id));
        format!("{id}@127.0.0.1:{controller}:{uuid}")
    });
    let bootstrap = list(|_, controller| format!("127.0.0.1:{controller}"));
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let cluster_id = uuid("mesh", since_epoch.as_micros() as u64);
    nodes
        .iter()
        .map(|&(id, ports)| NodeConfig {
            id,
            broker_port: ports[0],
            controller_port: ports[1],
            sasl_port: ports[2],
            acl_port: ports[3],
            cluster_id: cluster_id.clone(),
            voters: voters.clone(),
            bootstrap: bootstrap.clone(),
            nodes: nodes.len(),
        })
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
            acl_port,
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
listeners=PLAINTEXT://127.0.0.1:{broker_port},SASL_SSL://127.0.0.1:{sasl_port},SASL_PLAINTEXT://127.0.0.1:{acl_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker_port},SASL_SSL://127.0.0.1:{sasl_port},SASL_PLAINTEXT://127.0.0.1:{acl_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT
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
{tls}{plain}",
            data = data.display(),
            tls = keys.properties(),
            plain = plain::properties(tls::USERNAME)
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
        let nodes = cluster(&[
            9001, 9101, 9201, 9301, 9002, 9102, 9202, 9302, 9003, 9103, 9203, 9303,
        ]);
        let properties = nodes[1].properties(Path::new("/data/2"), &Keys::default());
        for line in [
            "node.id=2",
            "listeners=PLAINTEXT://127.0.0.1:9002,SASL_SSL://127.0.0.1:9202,SASL_PLAINTEXT://127.0.0.1:9302,CONTROLLER://127.0.0.1:9102",
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
            cluster(&[9001, 9101, 9201, 9301])[0].properties(Path::new("/data"), &Keys::default());
        assert!(properties.contains("\noffsets.topic.replication.factor=1\n"));
        assert!(properties.contains("\ntransaction.state.log.min.isr=1\n"));
    }
}
