//! The warehouse: what devices reported, in SQL tables, in PostgreSQL or SQLite.

mod migrations;
mod report;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{Any, AnyPool, Row as _};

pub use report::Report;

/// How many rows one statement writes: with their columns well below the 32766 parameters that SQLite takes.
const ROWS_PER_STATEMENT: usize = 1000;

/// The columns of every table before those of its own.
const COMMON_COLUMNS: [&str; 4] = ["device_id", "time", "customer_id", "customer_name"];

/// A pool of connections to the database.
///
/// Both databases understand the same SQL as far as it is used here, so sqlx's `Any` driver does.
#[derive(Debug, Clone)]
pub struct Warehouse {
    pool: AnyPool,
}

/// What a device reported, when, and whose it was: a row of the table of `R`.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<R> {
    /// The device.
    pub device_id: String,
    /// When it was so, in milliseconds since 1970, in UTC.
    pub time: i64,
    /// The customer it belonged to.
    pub customer_id: String,
    /// The customer's name at that time.
    pub customer_name: String,
    /// What it reported.
    pub report: R,
}

impl Warehouse {
    /// Connects to the database at `url` (`postgres://…`, `sqlite:…`) and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// When the database does not answer or its tables cannot be made.
    pub async fn connect(url: &str) -> sqlx::Result<Self> {
        sqlx::any::install_default_drivers();
        let options = if url.starts_with("sqlite:") {
            // SQLite has one writer: with one connection the others wait instead of failing. It is never closed, for
            // a database in memory goes with it.
            AnyPoolOptions::new()
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
        } else {
            AnyPoolOptions::new().max_connections(8)
        };
        let pool = options.connect(url).await?;
        migrations::run(&pool).await?;
        Ok(Self { pool })
    }

    /// Writes `entries`, all or none. One of the same device and time as another replaces it.
    ///
    /// # Errors
    ///
    /// When the database fails; then nothing is written.
    pub async fn save<R: Report>(
        &self,
        entries: impl IntoIterator<Item = Entry<R>>,
    ) -> sqlx::Result<()> {
        // One statement must not write a row twice, and writers that go by the same order do not block each other.
        let entries: BTreeMap<_, _> = entries
            .into_iter()
            .map(|entry| ((entry.device_id.clone(), entry.time), entry))
            .collect();
        let entries: Vec<_> = entries.into_values().collect();
        let mut transaction = self.pool.begin().await?;
        for rows in entries.chunks(ROWS_PER_STATEMENT) {
            let sql = upsert::<R>(rows.len());
            // Statements of every length would push all others out of the cache.
            let mut query = sqlx::query::<Any>(&sql).persistent(false);
            for row in rows {
                query = query
                    .bind(row.device_id.as_str())
                    .bind(row.time)
                    .bind(row.customer_id.as_str())
                    .bind(row.customer_name.as_str());
                query = row.report.bind(query);
            }
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// The latest entries of a device, at most `limit`, the latest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn history<R: Report>(
        &self,
        device_id: &str,
        limit: u32,
    ) -> sqlx::Result<Vec<Entry<R>>> {
        let columns = columns::<R>().join(", ");
        let table = R::TABLE;
        let sql = format!(
            "SELECT {columns} FROM {table} WHERE device_id = $1 ORDER BY time DESC LIMIT $2"
        );
        let rows = sqlx::query::<Any>(&sql)
            .bind(device_id)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(entry).collect()
    }
}

fn columns<R: Report>() -> Vec<&'static str> {
    COMMON_COLUMNS.iter().chain(R::COLUMNS).copied().collect()
}

/// The statement that writes `rows` rows, in the SQL that both databases understand.
fn upsert<R: Report>(rows: usize) -> String {
    let columns = columns::<R>();
    let mut sql = format!("INSERT INTO {} ({}) VALUES ", R::TABLE, columns.join(", "));
    for row in 0..rows {
        let first = row * columns.len() + 1;
        let parameters: Vec<_> = (first..first + columns.len())
            .map(|number| format!("${number}"))
            .collect();
        let comma = if row == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(sql, "{comma}({})", parameters.join(", "));
    }
    let updates: Vec<_> = columns[2..]
        .iter()
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    let _ = write!(
        sql,
        " ON CONFLICT (device_id, time) DO UPDATE SET {}",
        updates.join(", ")
    );
    sql
}

fn entry<R: Report>(row: &AnyRow) -> sqlx::Result<Entry<R>> {
    Ok(Entry {
        device_id: row.try_get("device_id")?,
        time: row.try_get("time")?,
        customer_id: row.try_get("customer_id")?,
        customer_name: row.try_get("customer_name")?,
        report: R::read(row)?,
    })
}

/// A time as the warehouse has it; parts of a millisecond are cut off.
pub fn millis(time: SystemTime) -> i64 {
    let millis = |duration: std::time::Duration| i64::try_from(duration.as_millis());
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => millis(since).unwrap_or(i64::MAX),
        Err(before) => millis(before.duration()).map_or(i64::MIN, |millis| -millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::models::device_id::{Details, Heartbeat};

    async fn in_memory() -> Warehouse {
        Warehouse::connect("sqlite::memory:").await.unwrap()
    }

    fn heartbeat(device_id: &str, time: i64, battery_percent: u32) -> Entry<Heartbeat> {
        Entry {
            device_id: device_id.to_owned(),
            time,
            customer_id: "customer-1".to_owned(),
            customer_name: "Ada's Bikes".to_owned(),
            report: Heartbeat { battery_percent },
        }
    }

    #[tokio::test]
    async fn entries_come_back_the_latest_first() -> sqlx::Result<()> {
        let warehouse = in_memory().await;
        let entries = [1, 3, 2].map(|time| heartbeat("device-1", time, 50));
        warehouse.save(entries).await?;
        warehouse.save([heartbeat("device-2", 9, 50)]).await?;
        assert_eq!(
            warehouse.history("device-1", 2).await?,
            [3, 2].map(|time| heartbeat("device-1", time, 50))
        );
        Ok(())
    }

    #[tokio::test]
    async fn what_is_written_twice_is_there_once_and_the_last_counts() -> sqlx::Result<()> {
        let warehouse = in_memory().await;
        let entries = [heartbeat("device-1", 1, 90), heartbeat("device-1", 1, 80)];
        warehouse.save(entries.clone()).await?;
        warehouse.save(entries).await?;
        assert_eq!(
            warehouse.history("device-1", 10).await?,
            [heartbeat("device-1", 1, 80)]
        );
        Ok(())
    }

    #[tokio::test]
    async fn more_rows_than_one_statement_takes_are_written() -> sqlx::Result<()> {
        let warehouse = in_memory().await;
        let entries = (0..2500).map(|time| heartbeat("device-1", time, 50));
        warehouse.save(entries).await?;
        let all = warehouse.history::<Heartbeat>("device-1", 5000).await?;
        assert_eq!(all.len(), 2500);
        Ok(())
    }

    #[tokio::test]
    async fn nothing_is_written_of_nothing() -> sqlx::Result<()> {
        let warehouse = in_memory().await;
        warehouse.save(Vec::<Entry<Details>>::new()).await?;
        assert_eq!(warehouse.history::<Details>("device-1", 1).await?, []);
        Ok(())
    }

    #[tokio::test]
    async fn a_file_keeps_its_rows_and_is_migrated_once() -> sqlx::Result<()> {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("warehouse.sqlite");
        let url = format!("sqlite:{}?mode=rwc", file.display());
        let details = Entry {
            device_id: "device-1".to_owned(),
            time: -1,
            customer_id: "customer-1".to_owned(),
            customer_name: "Ada's Bikes".to_owned(),
            report: Details {
                model: "tracker-2".to_owned(),
                firmware: "1.4.2".to_owned(),
            },
        };
        let warehouse = Warehouse::connect(&url).await?;
        warehouse.save([details.clone()]).await?;
        warehouse.pool.close().await;
        let warehouse = Warehouse::connect(&url).await?;
        assert_eq!(warehouse.history("device-1", 10).await?, [details]);
        Ok(())
    }

    #[test]
    fn times_before_and_after_1970_are_milliseconds() {
        let second = std::time::Duration::from_millis(1000);
        assert_eq!(millis(SystemTime::UNIX_EPOCH + second), 1000);
        assert_eq!(millis(SystemTime::UNIX_EPOCH - second), -1000);
    }
}
