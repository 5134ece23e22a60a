//! Where a process and its objects are in their lives.
//!
//! ```text
//!     ┌──────────────────────┐
//!     │                      ▼
//! Starting ──▶ Restoring ◀──▶ Running
//!     │            │            │
//!     └────────────┴─▶ Stopping ◀
//! ```
//!
//! | state | means | leaves when |
//! |---|---|---|
//! | `Starting` | the process connects, or an object has not been told its partitions | all objects have → `Restoring` or `Running`; stop → `Stopping` |
//! | `Restoring` | a local table is not complete | all are → `Running`; stop → `Stopping` |
//! | `Running` | everything runs; only now the process is ready | partitions arrive whose tables are not complete → `Restoring`; stop → `Stopping` |
//! | `Stopping` | it was told to stop, or a part of it failed | final |
//!
//! The state of a process is the least advanced of its objects'. An object that was given no
//! partition, since there are more processes than partitions, runs.

use super::partitions::Summary;
use super::{Id, Object, Observer, Step};

/// Where a process or one of its objects is in its life; the table in the module's documentation
/// says what each means. In the order in which one decides the state of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Stopping,
    Starting,
    Restoring,
    Running,
}

impl State {
    /// As it is called in answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::Starting => "starting",
            Self::Restoring => "restoring",
            Self::Running => "running",
        }
    }
}

/// How one object is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ObjectHealth {
    pub(crate) id: Id,
    pub(crate) state: State,
    /// For people.
    pub(crate) detail: String,
}

impl Observer {
    /// The state of the process, and of each object.
    pub(crate) fn health(&self) -> (State, Vec<ObjectHealth>) {
        let process = self.process();
        let step = process.step;
        let objects: Vec<_> = process
            .objects
            .iter()
            .map(|object| object.health(step))
            .collect();
        let least = objects.iter().map(|object| object.state).min();
        let state = match step {
            Step::Connecting => State::Starting,
            Step::Running => least.unwrap_or(State::Running),
            Step::Stopping => State::Stopping,
        };
        (state, objects)
    }

    /// The state of the process.
    pub(crate) fn state(&self) -> State {
        self.health().0
    }
}

impl Object {
    fn health(&self, step: Step) -> ObjectHealth {
        let (mut state, mut detail) = described(&self.partitions.summary());
        if state != State::Stopping {
            for (topic, table) in &self.lookups {
                let (of_table, text) = described(&table.summary());
                if of_table < state {
                    (state, detail) = (of_table, format!("its lookup of {topic}: {text}"));
                }
            }
            if step == Step::Stopping {
                (state, detail) = (State::Stopping, "stopping".to_owned());
            }
        }
        ObjectHealth {
            id: self.id,
            state,
            detail,
        }
    }
}

fn described(summary: &Summary) -> (State, String) {
    let Summary {
        partitions,
        restoring,
        done,
        total,
        ..
    } = *summary;
    if summary.ended {
        (State::Stopping, "ended".to_owned())
    } else if !summary.started {
        (State::Starting, "not told its partitions yet".to_owned())
    } else if restoring > 0 {
        let percent = (100 * done).checked_div(total).unwrap_or(0);
        let detail = format!(
            "restoring {restoring} of {}, {percent} %",
            count(partitions)
        );
        (State::Restoring, detail)
    } else if partitions == 0 {
        (
            State::Running,
            "no partitions: other processes have them".to_owned(),
        )
    } else {
        (State::Running, count(partitions))
    }
}

fn count(partitions: usize) -> String {
    match partitions {
        1 => "1 partition".to_owned(),
        n => format!("{n} partitions"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Partitions};
    use super::*;

    fn processor(observer: &Observer, name: &'static str) -> Partitions {
        let partitions = Partitions::default();
        observer.add(Object {
            id: Id {
                component: "c",
                kind: Kind::Processor,
                name,
            },
            partitions: partitions.clone(),
            lookups: Vec::new(),
        });
        partitions
    }

    fn seen(observer: &Observer) -> String {
        let (state, objects) = observer.health();
        let objects = objects.iter().map(|object| {
            format!(
                "; {} {}: {}",
                object.id.name,
                object.state.name(),
                object.detail
            )
        });
        state.name().to_owned() + &objects.collect::<String>()
    }

    #[test]
    fn the_life_of_a_process_follows_that_of_its_objects() {
        let observer = Observer::new("s");
        assert_eq!(seen(&observer), "starting");
        let (a, b) = (processor(&observer, "a"), processor(&observer, "b"));
        observer.running();
        let waits = "starting: not told its partitions yet";
        assert_eq!(seen(&observer), format!("starting; a {waits}; b {waits}"));

        b.started();
        a.started();
        let none = "running: no partitions: other processes have them";
        assert_eq!(seen(&observer), format!("running; a {none}; b {none}"));

        let table = || ["t"];
        let held = [a.hold(0, table()), a.hold(1, table()), a.hold(2, None)];
        let first = held[0].table(0);
        first.begins(0, 10);
        held[1].table(0).begins(100, 140);
        first.completed();
        held[1].table(0).reached(121);
        assert_eq!(
            seen(&observer),
            format!("restoring; a restoring: restoring 1 of 3 partitions, 62 %; b {none}")
        );
        held[1].table(0).completed();
        assert_eq!(
            seen(&observer),
            format!("running; a running: 3 partitions; b {none}")
        );

        // The partitions move, and one comes back before the old one is dropped.
        let again = a.hold(1, table());
        drop(held);
        assert_eq!(
            seen(&observer),
            format!("restoring; a restoring: restoring 1 of 1 partition, 0 %; b {none}")
        );
        again.table(0).completed();

        observer.stopping();
        observer.running();
        b.ended();
        assert_eq!(
            seen(&observer),
            "stopping; a stopping: stopping; b stopping: ended"
        );
    }

    #[test]
    fn a_lookup_that_is_not_complete_holds_its_processor_up() {
        let observer = Observer::new("s");
        let (own, shared) = (Partitions::default(), Partitions::default());
        observer.add(Object {
            id: Id {
                component: "c",
                kind: Kind::Processor,
                name: "a",
            },
            partitions: own.clone(),
            lookups: vec![("s.t", shared.clone())],
        });
        observer.running();
        own.started();
        let _held = own.hold(0, None);
        assert_eq!(
            seen(&observer),
            "starting; a starting: its lookup of s.t: not told its partitions yet"
        );
        shared.started();
        let table = shared.hold(0, ["s.t"]);
        assert_eq!(
            seen(&observer),
            "restoring; a restoring: its lookup of s.t: restoring 1 of 1 partition, 0 %"
        );
        table.table(0).completed();
        assert_eq!(seen(&observer), "running; a running: 1 partition");
    }
}
