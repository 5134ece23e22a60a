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
use super::{Id, Kind, Object, Observer, Step};

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
        let (mut state, mut detail) = match self.id.kind {
            Kind::Source => (State::Running, "ready".to_owned()),
            Kind::ViewSource | Kind::ViewSink => synchronising(&self.observed.partitions.summary()),
            _ => described(&self.observed.partitions.summary()),
        };
        if state != State::Stopping {
            for lookup in &self.lookups {
                let (of_table, text) = described(&lookup.partitions.summary());
                // An object asks for its partitions only when what it looks up is complete.
                let is_waited_for = (state, of_table) == (State::Starting, State::Restoring);
                if of_table < state || is_waited_for {
                    let topic = lookup.table.as_ref().map_or("", |(topic, _)| topic);
                    (state, detail) = (of_table, format!("its table of {topic}: {text}"));
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

/// As [`described`], of an object that one process at a time synchronises.
fn synchronising(summary: &Summary) -> (State, String) {
    let (state, detail) = described(summary);
    let detail = match state {
        State::Running if summary.partitions == 0 => "another process synchronises".to_owned(),
        State::Running => "this process synchronises".to_owned(),
        _ => detail,
    };
    (state, detail)
}

fn count(partitions: usize) -> String {
    match partitions {
        1 => "1 partition".to_owned(),
        n => format!("{n} partitions"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Counts, Observed};
    use super::*;
    use crate::store::Table;

    fn processor(
        observer: &Observer,
        name: &'static str,
        lookup: Option<&'static str>,
    ) -> (Observed, Option<Observed>) {
        let observed = Observed::new(Counts::new([], []));
        let lookup = lookup.map(|topic| Observed {
            table: Some((topic, Table::in_memory())),
            ..Observed::new(Counts::new([topic], []))
        });
        let told = (observed.clone(), lookup.clone());
        observer.add(Object {
            id: Id {
                component: "c",
                kind: Kind::Processor,
                name,
            },
            observed,
            lookups: lookup.into_iter().collect(),
        });
        told
    }

    fn seen(observer: &Observer) -> String {
        let (state, objects) = observer.health();
        let objects = objects.iter().map(|object| {
            let (name, state) = (object.id.name, object.state.name());
            format!("; {name} {state}: {}", object.detail)
        });
        state.name().to_owned() + &objects.collect::<String>()
    }

    #[test]
    fn the_life_of_a_process_follows_that_of_its_objects() {
        let observer = Observer::new("s");
        assert_eq!(seen(&observer), "starting");
        let (a, _) = processor(&observer, "a", None);
        let (b, _) = processor(&observer, "b", None);
        observer.running();
        let waits = "starting: not told its partitions yet";
        assert_eq!(seen(&observer), format!("starting; a {waits}; b {waits}"));

        b.partitions.started();
        a.partitions.started();
        let none = "running: no partitions: other processes have them";
        assert_eq!(seen(&observer), format!("running; a {none}; b {none}"));

        let held = [a.hold(0), a.hold(1), a.hold(2)];
        let [first, second] = [0, 1].map(|number| held[number].restores("t", None));
        first.begins(0, 10);
        first.reached(10);
        held[0].restored();
        second.begins(100, 140);
        second.reached(121);
        held[2].restored();
        assert_eq!(
            seen(&observer),
            format!("restoring; a restoring: restoring 1 of 3 partitions, 62 %; b {none}")
        );
        held[1].restored();
        assert_eq!(
            seen(&observer),
            format!("running; a running: 3 partitions; b {none}")
        );

        // The partitions move, and one comes back before the old one is dropped.
        let again = a.hold(1);
        drop(held);
        assert_eq!(
            seen(&observer),
            format!("restoring; a restoring: restoring 1 of 1 partition, 0 %; b {none}")
        );
        again.restored();

        observer.stopping();
        observer.running();
        b.partitions.ended();
        assert_eq!(
            seen(&observer),
            "stopping; a stopping: stopping; b stopping: ended"
        );
    }

    #[test]
    fn a_lookup_that_is_not_complete_holds_its_processor_up() {
        let observer = Observer::new("s");
        let (own, lookup) = processor(&observer, "a", Some("s.t"));
        let lookup = lookup.unwrap();
        observer.running();
        assert_eq!(
            seen(&observer),
            "starting; a starting: not told its partitions yet"
        );
        lookup.partitions.started();
        let table = lookup.hold(0);
        assert_eq!(
            seen(&observer),
            "restoring; a restoring: its table of s.t: restoring 1 of 1 partition, 0 %"
        );
        table.restored();
        own.partitions.started();
        let held = own.hold(0);
        held.restored();
        assert_eq!(seen(&observer), "running; a running: 1 partition");

        // It was lost meanwhile.
        lookup.partitions.ended();
        assert_eq!(
            seen(&observer),
            "stopping; a stopping: its table of s.t: ended"
        );
    }
}
