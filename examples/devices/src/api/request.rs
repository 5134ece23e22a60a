//! What callers may send.

use std::time::{Duration, SystemTime};

use kafmesh::Metadata;
use prost_types::Timestamp;
use tonic::Status;

/// The longest id or text, in bytes: far below what a record may have.
const LONGEST: usize = 1024;

/// The topics keep records for seven days (`retention` in docs/definition.yaml); with one of them left, a report is
/// handled before it goes.
const OLDEST: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// Clocks differ. Kafka takes an hour (`message.timestamp.after.max.ms`).
const NEWEST: Duration = Duration::from_secs(5 * 60);

/// An id that can be a key.
pub(super) fn identifier<'a>(field: &str, value: &'a str) -> Result<&'a str, Status> {
    if value.is_empty() {
        return Err(Status::invalid_argument(format!("{field} is empty")));
    }
    check(field, value)?;
    Ok(value)
}

/// A text that can be kept.
pub(super) fn text(field: &str, value: String) -> Result<String, Status> {
    check(field, &value)?;
    Ok(value)
}

fn check(field: &str, value: &str) -> Result<(), Status> {
    if value.len() > LONGEST {
        return Err(Status::invalid_argument(format!(
            "{field} is longer than {LONGEST} bytes"
        )));
    }
    // PostgreSQL cannot keep it.
    if value.contains('\0') {
        return Err(Status::invalid_argument(format!(
            "{field} has a NUL character in it"
        )));
    }
    Ok(())
}

/// The metadata of a record of something that was so at `time`.
pub(super) fn at(time: Option<Timestamp>, now: SystemTime) -> Result<Metadata, Status> {
    let Some(time) = time else {
        return Ok(Metadata::default());
    };
    let time = SystemTime::try_from(time)
        .ok()
        .filter(|time| (now - OLDEST..=now + NEWEST).contains(time))
        .ok_or_else(|| {
            Status::invalid_argument("time is more than six days ago or in the future")
        })?;
    Ok(Metadata::default().with_timestamp(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_of_the_last_days() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let second = Duration::from_secs(1);
        for time in [now - OLDEST, now, now + NEWEST] {
            let metadata = at(Some(time.into()), now).unwrap();
            assert_eq!(metadata.timestamp, Some(time));
        }
        for time in [now - OLDEST - second, now + NEWEST + second] {
            assert!(at(Some(time.into()), now).is_err(), "{time:?}");
        }
        for seconds in [i64::MIN, i64::MAX] {
            let time = Timestamp { seconds, nanos: 0 };
            assert!(at(Some(time), now).is_err(), "{seconds}");
        }
        assert_eq!(at(None, now).unwrap().timestamp, None);
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        assert_eq!(identifier("id", "device-1").unwrap(), "device-1");
        assert_eq!(text("name", String::new()).unwrap(), "");
        let long = "x".repeat(LONGEST + 1);
        for refused in ["", "device\0", &long] {
            assert!(identifier("id", refused).is_err(), "{refused:?}");
        }
        for refused in ["name\0".to_owned(), long] {
            assert!(text("name", refused).is_err());
        }
    }
}
