//! What can be written on the command lines, and the help that explains it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::new::PackageName;
use crate::report::Format;

/// Where a definition is when nothing is said.
const DEFAULT_DEFINITION: &str = "docs/definition.yaml";

const GEN_HELP: &str = "\
Examples:
  kafmesh-gen docs/definition.yaml

Reads the definition, its components and its protobuf files, and writes typed Rust to the
definition's output.path, below the directory this runs in. Only files that end in .km.rs and
mod.rs files with the generator's header are written or removed; a definition with mistakes
changes nothing. Exits 0 when the code is up to date, 1 when there are mistakes, 2 when the
command line is wrong.

`kafmesh generate` does the same and more: --check, --watch, --format.";

/// Generates Rust from a kafmesh definition.
#[derive(Debug, Parser)]
#[command(name = "kafmesh-gen", version, after_help = GEN_HELP)]
pub(crate) struct Gen {
    /// The definition of the service
    #[arg(value_name = "DEFINITION")]
    pub(crate) definition: PathBuf,
}

const KAFMESH_HELP: &str = "\
Start here:
  kafmesh new click-counter          a project that builds and passes its tests
  kafmesh dev docs/definition.yaml   run it, with a broker in memory; nothing to install
  kafmesh generate                   write the Rust for docs/definition.yaml

Exit codes: 0 nothing to object to, 1 findings or failure, 2 wrong command line.
Colours appear on terminals only; NO_COLOR=1 turns them off.";

/// Services on Kafka from a definition in YAML: typed Rust, tests without a broker, a map of it all.
#[derive(Debug, Parser)]
#[command(name = "kafmesh", version, after_help = KAFMESH_HELP, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Kafmesh {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(New),
    Generate(Generate),
    Check(Check),
    Describe(Describe),
    Graph(Graph),
    Schema(Schema),
    #[cfg(all(feature = "dev", unix))]
    Dev(Dev),
    Completions(Completions),
}

const NEW_HELP: &str = "\
Examples:
  kafmesh new click-counter                     in ./click-counter
  kafmesh new click-counter --path services/clicks
  kafmesh new click-counter --kafmesh-path ../kafmesh

The project counts clicks per user: a definition, its protobuf messages, the generated code, the
handler and its test. Then:
  cd click-counter
  cargo test
  kafmesh dev docs/definition.yaml -- --traffic";

/// Start a project: a small service with its tests
#[derive(Debug, Args)]
#[command(after_help = NEW_HELP)]
pub(crate) struct New {
    /// Name of the service and its cargo package, such as click-counter
    pub(crate) name: PackageName,
    /// Directory to create; it must be empty or not exist [default: ./NAME]
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
    /// Use the kafmesh in this checkout; needed until kafmesh is published
    #[arg(long, value_name = "DIR")]
    pub(crate) kafmesh_path: Option<PathBuf>,
}

const GENERATE_HELP: &str = "\
Examples:
  kafmesh generate                               docs/definition.yaml
  kafmesh generate clicks.yaml devices.yaml      several services
  kafmesh generate --check                       in a pipeline: is the checked-in code current?
  kafmesh generate --watch                       again at every change of YAML or protobuf

output.path is below the directory this runs in. Only files that end in .km.rs and mod.rs files
with the generator's header are written or removed. A definition with mistakes changes nothing.

Findings as text go to standard error; as json or github (annotations of a workflow run) they go
to standard output.";

/// Write the Rust that definitions describe
#[derive(Debug, Args)]
#[command(after_help = GENERATE_HELP)]
pub(crate) struct Generate {
    /// Definitions to generate
    #[arg(value_name = "DEFINITION", default_value = DEFAULT_DEFINITION)]
    pub(crate) definitions: Vec<PathBuf>,
    /// Write nothing; list what is not up to date and exit 1 if anything is
    #[arg(long)]
    pub(crate) check: bool,
    /// Keep running, and generate again when the YAML or protobuf files change
    #[arg(long, conflicts_with = "check")]
    pub(crate) watch: bool,
    /// How to print findings
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

const CHECK_HELP: &str = "\
Examples:
  kafmesh check                                  docs/definition.yaml
  kafmesh check */docs/definition.yaml           several services, also against each other
  kafmesh check --format github                  annotations in a workflow run

Every mistake is reported at once. Several definitions are also checked against each other: two
services of one name, a consumer group of two services, a topic with two settings or messages.

Findings as text go to standard error; as json or github they go to standard output.";

/// Find mistakes in definitions, without writing anything
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct Check {
    /// Definitions to check
    #[arg(value_name = "DEFINITION", default_value = DEFAULT_DEFINITION)]
    pub(crate) definitions: Vec<PathBuf>,
    /// How to print findings
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

const DESCRIBE_HELP: &str = "\
Examples:
  kafmesh describe                               a table
  kafmesh describe --format json | jq '.service.components[].processors[].groupName'

The JSON has the form in which a running process answers kafmesh-discover (`service` of
kafmesh.discover.v1), with everything the definition declares; a process tells what it registered
of that. Lists are always there and always lists: `outputs` too where the YAML has one mapping. A
processor has at most one `persistence`, which is left out when there is none.";

/// Show what a service will say of itself: components, topics, groups
#[derive(Debug, Args)]
#[command(after_help = DESCRIBE_HELP)]
pub(crate) struct Describe {
    /// The definition of the service
    #[arg(value_name = "DEFINITION", default_value = DEFAULT_DEFINITION)]
    pub(crate) definition: PathBuf,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: DescribeFormat,
}

/// The ways to print a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DescribeFormat {
    /// For people
    Table,
    /// For programs
    Json,
}

const GRAPH_HELP: &str = "\
Examples:
  kafmesh graph                                  Mermaid, as Markdown on GitHub and GitLab shows it
  kafmesh graph --format dot | dot -Tsvg > mesh.svg
  kafmesh graph */docs/definition.yaml           several services, joined by the topics they share

Services and components are boxes around their objects; topics are drawn once, whoever uses them.
A dashed line is a topic read beside the input: a join or a lookup.";

/// Draw definitions: who writes and who reads which topic
#[derive(Debug, Args)]
#[command(after_help = GRAPH_HELP)]
pub(crate) struct Graph {
    /// Definitions to draw
    #[arg(value_name = "DEFINITION", default_value = DEFAULT_DEFINITION)]
    pub(crate) definitions: Vec<PathBuf>,
    /// The language to draw in
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    pub(crate) format: GraphFormat,
}

/// The languages a graph is printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Mermaid, for Markdown
    Mermaid,
    /// DOT, for Graphviz
    Dot,
}

const SCHEMA_HELP: &str = "\
Examples:
  kafmesh schema definition > docs/definition.schema.json
  kafmesh schema component > docs/component.schema.json

Editors with the YAML language server then complete and check files that begin with
  # yaml-language-server: $schema=definition.schema.json";

/// Print the JSON Schema of definitions or components, for editors
#[derive(Debug, Args)]
#[command(after_help = SCHEMA_HELP)]
pub(crate) struct Schema {
    /// The kind of file
    #[arg(value_name = "KIND", default_value = "definition")]
    pub(crate) kind: SchemaKind,
}

/// The kinds of YAML files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// definition.yaml
    Definition,
    /// The files under `components`
    Component,
}

#[cfg(all(feature = "dev", unix))]
const DEV_HELP: &str = "\
Examples:
  kafmesh dev                                    docs/definition.yaml
  kafmesh dev docs/definition.yaml -- --traffic  arguments for the service
  kafmesh dev clicks/docs/definition.yaml devices/docs/definition.yaml
  KAFMESH_BROKERS=localhost:9092 kafmesh dev     with a Kafka of your own

Starts a broker in memory (nothing to install; gone when this ends), generates the code, builds
each service's cargo package (the one its definition is in) and runs it with KAFMESH_BROKERS,
KAFMESH_DEV, KAFMESH_LISTEN and KAFMESH_STATE_DIR set. When YAML, protobuf or Rust files change,
it generates, builds and restarts what is concerned; while there are mistakes, the service keeps
running as it was. State is kept over such restarts. Ctrl-C ends everything.

kafmesh-discover runs beside the services and shows what they and the broker say, as a graph and an
API, at an address that is printed; KAFMESH_DISCOVER_LISTEN chooses it.

output.path is below the directory of the cargo package here.";

/// Run services on this machine: broker, generator, build, restart at every change
#[cfg(all(feature = "dev", unix))]
#[derive(Debug, Args)]
#[command(after_help = DEV_HELP)]
pub(crate) struct Dev {
    /// Definitions of the services to run
    #[arg(value_name = "DEFINITION", default_value = DEFAULT_DEFINITION)]
    pub(crate) definitions: Vec<PathBuf>,
    /// Which binary of the package is the service, where there are several
    #[arg(long, value_name = "NAME")]
    pub(crate) bin: Option<String>,
    /// Build and run the release profile
    #[arg(long)]
    pub(crate) release: bool,
    /// Arguments for the service
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<std::ffi::OsString>,
}

const COMPLETIONS_HELP: &str = "\
Examples:
  kafmesh completions bash > ~/.local/share/bash-completion/completions/kafmesh
  kafmesh completions zsh > \"${fpath[1]}/_kafmesh\"
  kafmesh completions fish > ~/.config/fish/completions/kafmesh.fish";

/// Print a script that completes kafmesh's commands in a shell
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_HELP)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}
