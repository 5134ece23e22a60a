//! Generated reports of a few devices, and the rows of the warehouse as they come.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use kafmesh::Result;

use crate::api::Api;
use crate::definitions::models::{customer_id, device_id};
use crate::warehouse::{Entry, Report, Warehouse, millis};

/// The customers whose details are known.
const CUSTOMERS: [(&str, &str); 2] = [("ada", "Ada's Bikes"), ("grace", "Grace Freight")];

/// The devices and whose they are. Nothing is kept of the last two: nobody knows who `nobody` is.
const DEVICES: [(&str, Option<&str>); 6] = [
    ("bike-1", Some("ada")),
    ("bike-2", Some("ada")),
    ("truck-1", Some("grace")),
    ("truck-2", Some("grace")),
    ("scooter-1", Some("nobody")),
    ("spare-1", None),
];

/// A device reports this often, each in its turn.
const TICK: Duration = Duration::from_millis(250);
/// How often the warehouse is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// With every so many reports of all devices their firmware is updated.
const UPDATE: usize = 40;

/// Reports, and shows what is kept, until the process ends.
///
/// # Errors
///
/// When a report is not delivered or the warehouse fails.
pub async fn run(api: Api) -> Result<()> {
    for (id, name) in CUSTOMERS {
        let name = name.to_owned();
        let details = customer_id::Details { name };
        api.customers.emit(id, &details).await?;
    }
    for (device, customer) in DEVICES {
        if let Some(customer) = customer {
            let customer_id = customer.to_owned();
            let customer = device_id::Customer { customer_id };
            api.assignments.emit(device, &customer).await?;
        }
    }
    // The processors' lookup and this view are one copy of the topic: reports find their customers from now on.
    api.known_customers.ready().await?;
    for (id, _) in CUSTOMERS {
        while api.known_customers.get(id)?.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let mut shown = Shown::new();
    let mut tick = tokio::time::interval(TICK);
    let mut look = tokio::time::interval(LOOK);
    let mut reports = 0;
    loop {
        tokio::select! {
            _ = tick.tick() => {
                report(&api, reports).await?;
                reports += 1;
            }
            _ = look.tick() => shown.rows(&api.warehouse).await?,
        }
    }
}

/// The report with this number of all devices together.
async fn report(api: &Api, number: usize) -> Result<()> {
    let (device, _) = DEVICES[number % DEVICES.len()];
    let round = number / DEVICES.len();
    if round.is_multiple_of(UPDATE) {
        let details = device_id::Details {
            model: "tracker-2".to_owned(),
            firmware: format!("1.{}", round / UPDATE),
        };
        api.details.emit(device, &details).await?;
    }
    let battery_percent = 100 - (round % 80) as u32;
    let heartbeat = device_id::Heartbeat { battery_percent };
    api.heartbeats.emit(device, &heartbeat).await
}

/// How far the rows of each table and device have been shown.
struct Shown {
    until: HashMap<(&'static str, &'static str), i64>,
    start: i64,
}

impl Shown {
    /// Nothing yet; rows of earlier runs are left out.
    fn new() -> Self {
        Self {
            until: HashMap::new(),
            start: millis(SystemTime::now()),
        }
    }

    async fn rows(&mut self, warehouse: &Warehouse) -> Result<()> {
        let mut lines = Vec::new();
        for (device, _) in DEVICES {
            for row in self
                .new_rows::<device_id::Details>(warehouse, device)
                .await?
            {
                let device_id::Details { model, firmware } = &row.report;
                let what = format!("{model}, firmware {firmware}");
                lines.push(self.line(&row, &what));
            }
            for row in self
                .new_rows::<device_id::Heartbeat>(warehouse, device)
                .await?
            {
                let what = format!("battery {} %", row.report.battery_percent);
                lines.push(self.line(&row, &what));
            }
        }
        // They begin with their time.
        lines.sort();
        for line in lines {
            // Nobody reading is no reason to stop reporting.
            let _ = writeln!(std::io::stdout(), "{line}");
        }
        Ok(())
    }

    async fn new_rows<R: Report>(
        &mut self,
        warehouse: &Warehouse,
        device: &'static str,
    ) -> Result<Vec<Entry<R>>> {
        let until = self.until.entry((R::TABLE, device)).or_insert(self.start);
        let rows = warehouse.history::<R>(device, 20).await;
        let mut rows = rows.map_err(kafmesh::Error::handler)?;
        rows.retain(|row| row.time > *until);
        if let Some(latest) = rows.first() {
            *until = latest.time;
        }
        Ok(rows)
    }

    fn line<R: Report>(&self, row: &Entry<R>, what: &str) -> String {
        let seconds = (row.time - self.start) as f64 / 1000.0;
        format!(
            "{seconds:7.1} s  {:<10}  {:<9}  {:<13}  {what}",
            R::TABLE,
            row.device_id,
            row.customer_name
        )
    }
}
