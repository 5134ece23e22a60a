//! Reads kafmesh definitions: YAML in, a checked and resolved model out.
//!
//! A team describes a Kafka service in a `definition.yaml` and a file per component. This crate reads
//! them with the .proto files they name, checks everything as a whole, and hands out a
//! [`Definition`] in which every name, topic, setting and message type is resolved. The code
//! generator, the command line and the development broker all start from it; none of them sees YAML.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path();
//! # std::fs::create_dir(path.join("components"))?;
//! # std::fs::create_dir(path.join("protos"))?;
//! std::fs::write(path.join("definition.yaml"), "
//! name: exampleService
//! output:
//!   path: internal/definitions
//! messages:
//!   protobuf: ./protos
//! components: ./components/*.yaml
//! ")?;
//! std::fs::write(path.join("components/math.yaml"), "
//! name: math
//! processors:
//!   - name: total clicks
//!     inputs:
//!       - message: userId.click
//!     outputs:
//!       - message: userId.totalClicks
//! ")?;
//! std::fs::write(path.join("protos/user_id.proto"), r#"
//! syntax = "proto3";
//! package userId;
//! message Click { string page = 1; }
//! message TotalClicks { uint64 count = 1; }
//! "#)?;
//!
//! let definition = kafmesh_definition::load(&path.join("definition.yaml"))?;
//!
//! let processor = &definition.components[0].processors[0];
//! assert_eq!(processor.name.pascal(), "TotalClicks");
//! assert_eq!(processor.group, "exampleService.math.totalClicks");
//! assert_eq!(processor.inputs[0].topic, "exampleService.userId.click");
//! assert_eq!(processor.inputs[0].proto.to_string(), "userId.Click");
//! # Ok(())
//! # }
//! ```
//!
//! # Mistakes
//!
//! All mistakes of a run are reported at once, as [`Diagnostics`]: each with a stable code, a file,
//! line and column, the other places that matter, and what to do. They are rendered for people
//! ([`Diagnostics::to_text`]), programs ([`Diagnostics::to_json`]) and workflow logs
//! ([`Diagnostics::to_github`]); tools that find mistakes of their own make a [`Diagnostic`] at a
//! [`Position`] of the model and get the same excerpts.
//!
//! ```text
//! unknown-message
//!
//!   × there is no protobuf message for `userId.clik`
//!    ╭─[docs/components/math.yaml:4:18]
//!  3 │     inputs:
//!  4 │       - message: userId.clik
//!    ·                  ───────────
//!    ╰────
//!   help: did you mean `userId.click`? (looked for `exampleService.userId.Clik` and `userId.Clik`)
//! ```
//!
//! What several services must agree on is checked by [`check_together`].
//!
//! # The language
//!
//! A definition has `name`, `description`, `output`, `messages`, `components` and `defaults`; a
//! component has `name`, `description`, `sources`, `processors`, `sinks`, `views`, `viewSources`,
//! `viewSinks` and `persistence`. [`definition_schema`] and [`component_schema`] say it all, in a
//! form that editors understand. Paths are relative to the definition file, except `output.path`,
//! which is relative to the directory the command runs in and must lie inside it. Wherever a list
//! makes sense, one entry may stand without its list.
//!
//! | what | is |
//! |---|---|
//! | topic of the message `a.b` | `<service>.a.b`, the service in lower camel case |
//! | topic of a message of three or more parts | the message: it is another service's |
//! | type of the message `a.b` | protobuf message `B` of package `<service>.a`, else of package `a` |
//! | type of the message `s.a.b` | protobuf message `B` of package `s.a` |
//! | consumer group of a processor | `groupName`, else `<service>.<component>.<processor>` |
//! | topic of a processor's persistence | its group + `-table`, always compacted |
//! | processors that share their component's persistence | run as one, in the group `<service>.<component>` |
//! | topic of a component's persistence | `<service>.<component>-table`, always compacted |
//! | consumer group of a sink | `<service>.<component>.<name>-sink`; `-view-source` and `-view-sink` likewise |
//!
//! `topic` overrides any topic's name. Packages and messages are compared by their letters and
//! digits, so that `userId`, `user_id` and `userid` find each other.
//!
//! Sources, outputs, view sources and persistence create their topics. What they do not set comes
//! from `defaults`, and what that does not set is:
//!
//! | object | `defaults` | otherwise |
//! |---|---|---|
//! | `partitions` | `partition` | 10 |
//! | `replicas` | `replication` | 1 |
//! | `compact` | | `false`; always `true` for view sources and persistence |
//! | `retention` | `retention` | `24h` |
//! | `segment` | `segment` | `12h` |
//!
//! All who create a topic must come to the same settings. Views and view sinks do not create a
//! topic; settings they state must be those it is created with, here or by a service that is checked
//! together with this one. Every other topic must exist.
//!
//! The inputs, joins and state of a processor must have equal partition counts; where two are known and
//! differ, that is a mistake.
//!
//! # Limits
//!
//! Loading takes bounded time and memory whatever the files hold: 1 MiB per YAML file, 4 MiB per
//! .proto file, 32 levels of nesting (64 in .proto files), 20,000 values from aliases, 50,000 files
//! looked at per path. Going beyond one is a mistake like any other.

mod copartition;
mod diagnostic;
mod duration;
mod load;
pub mod model;
mod name;
mod position;
mod protos;
mod raw;
mod read;
mod render;
mod schema;
mod suggest;
mod together;
mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics, Label};
pub use load::load;
pub use model::Definition;
pub use name::Name;
pub use position::Position;
pub use render::TextStyle;
pub use schema::{component_schema, definition_schema};
pub use together::check_together;
