//! Settings as objects state them: counts, durations, and what is missing from the defaults.

use std::sync::Arc;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::duration;
use crate::model::TopicSettings;
use crate::position::{Position, Source};
use crate::raw::Creation;
use crate::yaml::{Count, Field, Quantity, shortened};

/// What topics are created with unless an object says otherwise.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    pub(super) partitions: i32,
    pub(super) replication: i16,
    pub(super) retention: Duration,
    pub(super) segment: Duration,
}

/// The settings an object states, and where.
#[derive(Debug, Clone, Default)]
pub(super) struct Stated {
    pub(super) partitions: Option<(i32, Position)>,
    pub(super) replication: Option<(i16, Position)>,
    pub(super) compact: Option<(bool, Position)>,
    pub(super) retention: Option<(Duration, Position)>,
    pub(super) segment: Option<(Duration, Position)>,
}

impl Stated {
    /// These settings, completed from `defaults`.
    pub(super) fn complete(&self, defaults: &Defaults) -> TopicSettings {
        fn or<T: Clone>(stated: &Option<(T, Position)>, default: T) -> T {
            stated.as_ref().map_or(default, |(value, _)| value.clone())
        }
        TopicSettings {
            partitions: or(&self.partitions, defaults.partitions),
            replication: or(&self.replication, defaults.replication),
            compact: or(&self.compact, false),
            retention: or(&self.retention, defaults.retention),
            segment: or(&self.segment, defaults.segment),
        }
    }
}

/// Reads settings of one file.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    pub(super) fn stated(&mut self, creation: Creation<'_>) -> Stated {
        Stated {
            partitions: self.count(creation.partitions, "partitions", i32::MAX),
            replication: self.count(creation.replicas, "replicas", i16::MAX),
            compact: creation
                .compact
                .given()
                .map(|(value, span)| (*value, self.source.position(span.clone()))),
            retention: self.duration(creation.retention, "retention"),
            segment: self.duration(creation.segment, "segment"),
        }
    }

    /// A whole number from 1 to `max`.
    pub(super) fn count<N>(
        &mut self,
        field: &Field<Count>,
        name: &str,
        max: N,
    ) -> Option<(N, Position)>
    where
        N: TryFrom<i128> + std::fmt::Display,
    {
        let (Count(written), span) = field.given()?;
        let position = self.source.position(span.clone());
        let number = written.parse::<i128>().ok().filter(|number| *number >= 1);
        let count = number.and_then(|number| N::try_from(number).ok());
        if count.is_none() {
            let message = format!(
                "`{name}` is a whole number from 1 to {max}, not `{}`",
                shortened(written)
            );
            self.diagnostics
                .push(Diagnostic::new("invalid-count", message, &position));
        }
        count.map(|count| (count, position))
    }

    pub(super) fn duration(
        &mut self,
        field: &Field<Quantity>,
        name: &str,
    ) -> Option<(Duration, Position)> {
        let (Quantity(written), span) = field.given()?;
        let position = self.source.position(span.clone());
        match duration::parse(written) {
            Ok(duration) => Some((duration, position)),
            Err(wrong) => {
                let message = format!("`{name}` is no duration: {wrong}");
                self.diagnostics.push(
                    Diagnostic::new("invalid-duration", message, &position)
                        .with_help("write whole numbers with the units d, h, m, s and ms: `7d`, `24h`, `1h30m`"),
                );
                None
            }
        }
    }
}

/// Checks a `type` field: protobuf is all there is.
pub(super) fn message_type(
    field: &Field<String>,
    source: &Arc<Source>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Some((written, span)) = field.given()
        && written != "protobuf"
    {
        let message = format!("unknown message type `{}`", shortened(written));
        diagnostics.push(
            Diagnostic::new("unknown-type", message, &source.position(span.clone()))
                .with_help("the only type is `protobuf`, and it may be left out"),
        );
    }
}
