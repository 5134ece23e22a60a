//! The steps that bring the tables up to date, as part of the program.

use std::pin::Pin;

use sqlx::AnyPool;
use sqlx::error::BoxDynError;
use sqlx::migrate::{MigrateError, Migration, MigrationSource, MigrationType, Migrator};

/// What each step is called, and its SQL; their order is their version.
const STEPS: [(&str, &str); 1] = [("reports", include_str!("../../migrations/1_reports.sql"))];

/// Takes the steps that the database has not taken. Of several processes at the same time one does, the others wait.
pub(super) async fn run(pool: &AnyPool) -> Result<(), MigrateError> {
    Migrator::new(Embedded).await?.run(pool).await
}

#[derive(Debug)]
struct Embedded;

impl MigrationSource<'static> for Embedded {
    fn resolve(
        self,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Migration>, BoxDynError>> + Send + 'static>> {
        let step = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
            Migration::new(
                version,
                name.into(),
                MigrationType::Simple,
                sql.into(),
                false,
            )
        };
        Box::pin(async move { Ok((1..).zip(STEPS).map(step).collect()) })
    }
}
