//! Every setting: its key, its flag, its variable, its default and what it means.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser};

use super::Kubernetes;
use super::value;
use crate::logs::Format;

const HELP: &str = "\
Examples:
  kafmesh-discover --target localhost:50051      ask one process on this machine
  kafmesh-discover                               ask the pods of the current kubeconfig's cluster
  kafmesh-discover --config discover.yaml --check-config
  KAFMESH_DISCOVER_NEO4J_PASSWORD=… kafmesh-discover --neo4j bolt://localhost:7687

Pods are found by their annotation kafmesh/scrape: \"true\"; kafmesh/port names the port (443 when
it is not given), and kafmesh/tls: \"true\" says that it speaks TLS.

Every setting is a flag, an environment variable, or a key of the YAML file that --config names
(the flag's name without dashes in front); the first of these that is given counts. Secrets are no
flags: a variable or the file holds them, or a file of their own (…_FILE, for mounted secrets).
  KAFMESH_DISCOVER_TOKEN, KAFMESH_DISCOVER_NEO4J_PASSWORD, KAFMESH_DISCOVER_WATCH_TOKEN
  KAFMESH_KAFKA_*: properties of librdkafka; KAFMESH_KAFKA_SECURITY_PROTOCOL is security.protocol

Exit codes: 0 stopped as asked, 1 failed, 2 wrong command line or configuration.";

/// Asks the processes of a kafmesh what runs in them, and shows the whole as a graph and an API.
#[derive(Debug, Parser)]
#[command(name = "kafmesh-discover", version, after_help = HELP, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) run: Run,
    #[command(flatten)]
    pub(super) port: Port,
    #[command(flatten)]
    pub(super) processes: Processes,
    #[command(flatten)]
    pub(super) neo4j: Neo4j,
    #[command(flatten)]
    pub(super) kafka: Kafka,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(super) struct Run {
    /// YAML file with settings
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Print the settings in effect, with where each comes from and secrets masked, and exit
    #[arg(long)]
    pub(super) check_config: bool,
    /// How to log: text on terminals and json elsewhere, unless this says so
    #[arg(long, value_name = "FORMAT", env = "KAFMESH_DISCOVER_LOG_FORMAT")]
    pub(super) log_format: Option<Format>,
    /// What to log: a level, or levels by module such as warn,kafmesh_discover=debug
    #[arg(
        long,
        value_name = "FILTER",
        env = "KAFMESH_DISCOVER_LOG",
        default_value = "info",
        value_parser = value::filter
    )]
    pub(super) log: String,
    /// How long a stop may take after the shutdown delay before it is cut short
    #[arg(
        long,
        value_name = "DURATION",
        env = "KAFMESH_DISCOVER_SHUTDOWN_TIMEOUT",
        default_value = "10s",
        value_parser = value::duration
    )]
    pub(super) shutdown_timeout: Duration,
    /// How long it goes on answering, and is not ready, when it is told to stop: until nobody is sent
    /// to it any more
    #[arg(
        long,
        value_name = "DURATION",
        env = "KAFMESH_DISCOVER_SHUTDOWN_DELAY",
        default_value = "0s",
        value_parser = value::duration_or_none
    )]
    pub(super) shutdown_delay: Duration,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "The HTTP port")]
pub(super) struct Port {
    /// Address of the HTTP port; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KAFMESH_DISCOVER_LISTEN",
        default_value = "127.0.0.1:8080",
        value_parser = value::address
    )]
    pub(super) listen: SocketAddr,
    /// File with the token that requests must bear, except for /health
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_TOKEN_FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// PEM file with the port's certificate chain; it speaks TLS then
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_TLS_CERTIFICATE")]
    pub(super) tls_certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_TLS_KEY")]
    pub(super) tls_key: Option<PathBuf>,
    /// PEM file with the authorities whose certificates clients must present
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_TLS_CLIENT_CA")]
    pub(super) tls_client_ca: Option<PathBuf>,
    /// Leave /metrics open to who has neither token nor certificate
    #[arg(
        long,
        value_name = "true|false",
        env = "KAFMESH_DISCOVER_OPEN_METRICS",
        default_value = "false",
        value_parser = value::boolean,
        action = ArgAction::Set,
        num_args = 0..=1,
        default_missing_value = "true",
        require_equals = true
    )]
    pub(super) open_metrics: bool,
    /// Web origin that browsers may use the API from, or * for all; may be repeated
    #[arg(
        long,
        value_name = "ORIGIN",
        env = "KAFMESH_DISCOVER_CORS_ORIGIN",
        value_delimiter = ',',
        value_parser = value::origin
    )]
    pub(super) cors_origin: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "The processes of the mesh")]
pub(super) struct Processes {
    /// A process to ask besides the pods, by the address of its gRPC port, with https:// before it
    /// when that speaks TLS; may be repeated
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "KAFMESH_DISCOVER_TARGET",
        value_delimiter = ',',
        value_parser = value::target
    )]
    pub(super) target: Vec<String>,
    /// Look for pods; auto does where there is a cluster to talk to and no --target
    #[arg(
        long,
        value_name = "WHETHER",
        env = "KAFMESH_DISCOVER_KUBERNETES",
        default_value = "auto"
    )]
    pub(super) kubernetes: Kubernetes,
    /// Namespace to look for pods in, instead of all; may be repeated
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "KAFMESH_DISCOVER_NAMESPACE",
        value_delimiter = ',',
        value_parser = value::namespace
    )]
    pub(super) namespace: Vec<String>,
    /// How often everything is asked; what changes in between is asked at once, and what could not
    /// be reached soon again
    #[arg(
        long,
        value_name = "DURATION",
        env = "KAFMESH_DISCOVER_SCRAPE_INTERVAL",
        default_value = "60s",
        value_parser = value::duration
    )]
    pub(super) scrape_interval: Duration,
    /// How long one process may take to answer
    #[arg(
        long,
        value_name = "DURATION",
        env = "KAFMESH_DISCOVER_SCRAPE_TIMEOUT",
        default_value = "5s",
        value_parser = value::duration
    )]
    pub(super) scrape_timeout: Duration,
    /// How many processes are asked at the same time
    #[arg(
        long,
        value_name = "NUMBER",
        env = "KAFMESH_DISCOVER_SCRAPE_CONCURRENCY",
        default_value = "64"
    )]
    pub(super) scrape_concurrency: NonZeroUsize,
    /// The largest answer that is read; memory must do for one of each process that is asked at the
    /// same time
    #[arg(
        long,
        value_name = "BYTES",
        env = "KAFMESH_DISCOVER_SCRAPE_LIMIT",
        default_value = "4MiB",
        value_parser = value::bytes
    )]
    pub(super) scrape_limit: usize,
    /// PEM file with the authorities of the processes' certificates; those that speak TLS are not
    /// asked without
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_POD_CA")]
    pub(super) pod_ca: Option<PathBuf>,
    /// PEM file with a certificate to present to the processes
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_POD_CERTIFICATE")]
    pub(super) pod_certificate: Option<PathBuf>,
    /// PEM file with that certificate's private key
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_POD_KEY")]
    pub(super) pod_key: Option<PathBuf>,
    /// Name that the processes' certificates are for, instead of the address they are asked at
    #[arg(long, value_name = "NAME", env = "KAFMESH_DISCOVER_POD_SERVER_NAME")]
    pub(super) pod_server_name: Option<String>,
    /// File with the token that the processes demand of who watches them (their KAFMESH_WATCH_TOKEN)
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_WATCH_TOKEN_FILE")]
    pub(super) watch_token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Neo4j, to keep the graph in")]
pub(super) struct Neo4j {
    /// Its address, such as bolt://localhost:7687, or bolt+s:// for TLS; neo4j:// means the same, without routing
    #[arg(
        long,
        value_name = "URL",
        env = "KAFMESH_DISCOVER_NEO4J",
        value_parser = value::neo4j
    )]
    pub(super) neo4j: Option<String>,
    /// The user
    #[arg(
        long,
        value_name = "NAME",
        env = "KAFMESH_DISCOVER_NEO4J_USER",
        default_value = "neo4j"
    )]
    pub(super) neo4j_user: String,
    /// File with the user's password
    #[arg(
        long,
        value_name = "FILE",
        env = "KAFMESH_DISCOVER_NEO4J_PASSWORD_FILE"
    )]
    pub(super) neo4j_password_file: Option<PathBuf>,
    /// PEM file with the authorities of its certificate, instead of the system's
    #[arg(long, value_name = "FILE", env = "KAFMESH_DISCOVER_NEO4J_CA")]
    pub(super) neo4j_ca: Option<PathBuf>,
    /// The database, instead of the user's own
    #[arg(long, value_name = "NAME", env = "KAFMESH_DISCOVER_NEO4J_DATABASE")]
    pub(super) neo4j_database: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Kafka, to compare the mesh with")]
pub(super) struct Kafka {
    /// Brokers to start from, separated by commas
    #[arg(
        long,
        value_name = "HOST:PORT,…",
        env = "KAFMESH_BROKERS",
        value_parser = value::brokers
    )]
    pub(super) brokers: Option<String>,
    /// How often its topics, groups and their lag are read
    #[arg(
        long,
        value_name = "DURATION",
        env = "KAFMESH_DISCOVER_KAFKA_INTERVAL",
        default_value = "30s",
        value_parser = value::duration
    )]
    pub(super) kafka_interval: Duration,
}

/// A secret: no flag, since command lines are seen by everybody on the machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecretKey {
    /// Its key in the file; with `-file` behind it, the setting that names a file with it.
    pub(super) key: &'static str,
    /// Its variable.
    pub(super) variable: &'static str,
    /// What it is.
    pub(super) meaning: &'static str,
}

/// The secrets there are, besides those among Kafka's properties.
pub(super) const SECRETS: [SecretKey; 3] = [
    SecretKey {
        key: "token",
        variable: "KAFMESH_DISCOVER_TOKEN",
        meaning: "The token that requests must bear, except for /health",
    },
    SecretKey {
        key: "watch-token",
        variable: "KAFMESH_DISCOVER_WATCH_TOKEN",
        meaning: "The token that the processes demand of who watches them",
    },
    SecretKey {
        key: "neo4j-password",
        variable: "KAFMESH_DISCOVER_NEO4J_PASSWORD",
        meaning: "The password of the user in Neo4j",
    },
];

/// What the variables of librdkafka's properties begin with, as for services.
pub(super) const KAFKA_VARIABLES: &str = "KAFMESH_KAFKA_";

/// The key of the file whose value is a mapping of librdkafka's properties.
pub(super) const KAFKA_KEY: &str = "kafka";

/// Whether a property of librdkafka is a secret, which is not shown and may be read from a file. By
/// what names have in common, so that properties of later versions are secrets, too.
pub(super) fn is_secret_property(name: &str) -> bool {
    ["password", "secret", "passphrase", "key.pem"]
        .iter()
        .any(|part| name.contains(part))
        || name == "sasl.oauthbearer.config"
}
