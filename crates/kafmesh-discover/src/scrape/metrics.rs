//! What Prometheus is told of scraping.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::mesh::pod::{FailureKind, Pods};

/// Counts what is asked and what comes of it. Clones count the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    asked: Family<OfResult, Counter>,
    duration: Histogram,
    pods: Family<OfState, Gauge>,
    runs: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfResult {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            asked: Family::default(),
            // Milliseconds on a healthy network, up to the deadline.
            duration: Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0]),
            pods: Family::default(),
            runs: Counter::default(),
        }
    }
}

impl Metrics {
    /// Adds them to `registry`, as `scrape_…` and `pods`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "scrape_requests",
            "Processes asked what they are, by result: answered, or the kind of failure",
            self.asked.clone(),
        );
        registry.register_with_unit(
            "scrape_duration",
            "Time to ask a process, connecting included",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register(
            "scrape_runs",
            "Times that all processes were asked",
            self.runs.clone(),
        );
        registry.register(
            "pods",
            "Processes known, by state: answering, stale, or silent, which have never answered",
            self.pods.clone(),
        );
    }

    pub(super) fn asked(&self, took: Duration, failed: Option<FailureKind>) {
        self.duration.observe(took.as_secs_f64());
        let result = failed.map_or("answered", FailureKind::name);
        self.asked.get_or_create(&OfResult { result }).inc();
    }

    pub(super) fn full_scrape(&self) {
        self.runs.inc();
    }

    pub(super) fn known(&self, pods: &Pods) {
        let (mut answering, mut stale, mut silent) = (0, 0, 0);
        for observed in pods.values() {
            match &observed.answer {
                Some(_) if observed.is_stale() => stale += 1,
                Some(_) => answering += 1,
                None => silent += 1,
            }
        }
        for (state, count) in [
            ("answering", answering),
            ("stale", stale),
            ("silent", silent),
        ] {
            self.pods.get_or_create(&OfState { state }).set(count);
        }
    }
}
