//! What devices report, as columns.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row as _};

use crate::definitions::models::device_id::{Details, Heartbeat};

/// Something with a table in the warehouse.
pub trait Report: Sized + Send + Sync {
    /// The table.
    const TABLE: &'static str;
    /// Its columns after those that all tables have.
    const COLUMNS: &'static [&'static str];

    /// Binds a value for each of [`COLUMNS`](Self::COLUMNS), in order.
    fn bind<'q>(
        &'q self,
        query: Query<'q, Any, AnyArguments<'q>>,
    ) -> Query<'q, Any, AnyArguments<'q>>;

    /// Reads the columns back.
    ///
    /// # Errors
    ///
    /// When they hold something else.
    fn read(row: &AnyRow) -> sqlx::Result<Self>;
}

impl Report for Details {
    const TABLE: &'static str = "details";
    const COLUMNS: &'static [&'static str] = &["model", "firmware"];

    fn bind<'q>(
        &'q self,
        query: Query<'q, Any, AnyArguments<'q>>,
    ) -> Query<'q, Any, AnyArguments<'q>> {
        query.bind(self.model.as_str()).bind(self.firmware.as_str())
    }

    fn read(row: &AnyRow) -> sqlx::Result<Self> {
        Ok(Self {
            model: row.try_get("model")?,
            firmware: row.try_get("firmware")?,
        })
    }
}

impl Report for Heartbeat {
    const TABLE: &'static str = "heartbeats";
    const COLUMNS: &'static [&'static str] = &["battery_percent"];

    fn bind<'q>(
        &'q self,
        query: Query<'q, Any, AnyArguments<'q>>,
    ) -> Query<'q, Any, AnyArguments<'q>> {
        query.bind(i64::from(self.battery_percent))
    }

    fn read(row: &AnyRow) -> sqlx::Result<Self> {
        let battery_percent: i64 = row.try_get("battery_percent")?;
        Ok(Self {
            battery_percent: u32::try_from(battery_percent)
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
        })
    }
}
