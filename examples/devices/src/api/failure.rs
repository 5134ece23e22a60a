//! What callers are told when the service cannot do what they ask: whether to try again, and nothing of what is inside.

use tonic::Status;

/// A failure of something the service needs.
pub(super) trait Failure: std::fmt::Display {
    /// Whether the same may succeed later.
    fn is_transient(&self) -> bool;
}

impl Failure for kafmesh::Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Kafka { retriable, .. } => *retriable,
            Self::Unreachable { .. } | Self::NotDelivered { .. } | Self::ViewNotReady { .. } => {
                true
            }
            _ => false,
        }
    }
}

impl Failure for sqlx::Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Io(_) | Self::PoolTimedOut | Self::PoolClosed => true,
            // The classes of SQLSTATE: connection, rollback, resources, intervention of an operator.
            Self::Database(error) => error.code().is_some_and(|code| {
                code.len() == 5
                    && ["08", "40", "53", "57"].contains(&code.get(..2).unwrap_or_default())
            }),
            _ => false,
        }
    }
}

/// The answer to a caller; the log has what happened.
pub(super) fn failed(error: impl Failure) -> Status {
    if error.is_transient() {
        tracing::warn!(%error, "a request failed");
        Status::unavailable("the service cannot do this now; try again later")
    } else {
        tracing::error!(%error, "a request failed");
        Status::internal("the service failed; its log says why")
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn not_delivered() -> kafmesh::Error {
        kafmesh::Error::NotDelivered {
            topic: "secret".to_owned(),
            reason: "timed out".to_owned(),
        }
    }

    #[test]
    fn a_caller_is_told_whether_to_try_again_and_not_what_failed() {
        for (status, code) in [
            (failed(not_delivered()), Code::Unavailable),
            (failed(kafmesh::Error::handler("secret")), Code::Internal),
            (failed(sqlx::Error::PoolTimedOut), Code::Unavailable),
            (
                failed(sqlx::Error::ColumnNotFound("secret".to_owned())),
                Code::Internal,
            ),
        ] {
            assert_eq!(status.code(), code, "{status}");
            assert!(!status.message().contains("secret"), "{status}");
        }
    }
}
