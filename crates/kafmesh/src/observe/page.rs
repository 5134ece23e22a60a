//! The page that a scrape reads: the metrics of a process as of now.
//!
//! Objects count for themselves ([`Counts`](super::Counts)), and nothing else is kept: what a scrape
//! answers is made from the objects there are at that moment. So what an object no longer has, such
//! as the lag of a partition that has moved, is not there.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel as _, EncodeLabelSet, EncodeMetric as _, LabelSetEncoder,
    MetricEncoder, text,
};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::counts::{Counter, Times};
use super::metrics::*;
use super::{Id, Kind, Object, Observer, State};

/// The content type of [`Observer::metrics`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// In front of every name.
const PREFIX: &str = "kafmesh";

impl Observer {
    /// Every metric as of now, in the text format of OpenMetrics.
    pub(crate) fn metrics(&self) -> String {
        let service = ("service".into(), self.service().into());
        let mut registry = Registry::with_prefix_and_labels(PREFIX, [service].into_iter());
        registry.register_collector(Box::new(self.clone()));
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut page, &registry);
        page
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("service", &self.service())
            .finish_non_exhaustive()
    }
}

impl Collector for Observer {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (state, healths) = self.health();
        let objects = self.objects();
        let mut page = Page(encoder);
        let ready = u64::from(state == State::Running);
        page.gauge(&READY, [(Labels::default(), ready)])?;
        let started = self.started_at().duration_since(SystemTime::UNIX_EPOCH);
        let started = started.unwrap_or_default().as_secs();
        page.gauge(&START_TIME, [(Labels::default(), started)])?;
        page.info(&BUILD, ("version", env!("CARGO_PKG_VERSION")))?;
        page.gauge(
            &OBJECT_READY,
            healths.iter().map(|health| {
                let ready = health.state == State::Running;
                (Labels::of(health.id), u64::from(ready))
            }),
        )?;
        page.counted(&objects)?;
        page.measured(&objects)
    }
}

/// The page a scrape is answered with, metric by metric; those without a sample are left out.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    /// What objects have counted.
    fn counted(&mut self, objects: &[Object]) -> fmt::Result {
        let received = |except: Option<Kind>| {
            let those = objects.iter();
            let those = those.filter(move |object| Some(object.id.kind) != except);
            those.flat_map(|object| {
                let received = object.observed.counts.received();
                received
                    .iter()
                    .map(|topic| (object.labels(&topic.topic), topic))
            })
        };
        let sent = || {
            objects.iter().flat_map(|object| {
                let sent = object.observed.counts.sent();
                sent.iter()
                    .map(|topic| (object.labels(&topic.topic), topic))
            })
        };
        self.counter(&RECORDS_IN, received(None).map(|(l, t)| (l, &t.records)))?;
        // A sink has messages, whose bytes nobody knows any more.
        let not_sinks = Some(Kind::Sink);
        self.counter(&BYTES_IN, received(not_sinks).map(|(l, t)| (l, &t.bytes)))?;
        self.counter(&RECORDS_OUT, sent().map(|(l, t)| (l, &t.records)))?;
        self.counter(&BYTES_OUT, sent().map(|(l, t)| (l, &t.bytes)))?;

        let of = |kinds: &'static [Kind]| {
            let those = objects.iter();
            let those = those.filter(|object| kinds.contains(&object.id.kind));
            those.map(|object| (Labels::of(object.id), &*object.observed.counts))
        };
        let all = &Kind::ALL;
        self.counter(&ERRORS, of(all).map(|(l, c)| (l, &c.errors)))?;
        let in_batches = &[Kind::Processor, Kind::Sink];
        self.times(&BATCH_SECONDS, of(in_batches).map(|(l, c)| (l, &c.runs)))?;
        self.times(
            &COMMIT_SECONDS,
            of(in_batches).map(|(l, c)| (l, &c.commits)),
        )?;
        let sinks = &[Kind::Sink];
        self.counter(&WRITE_RETRIES, of(sinks).map(|(l, c)| (l, &c.retries)))?;
        let synced = &[Kind::ViewSource, Kind::ViewSink];
        self.times(&SYNC_SECONDS, of(synced).map(|(l, c)| (l, &c.runs)))?;
        let view_sources = &[Kind::ViewSource];
        self.counter(
            &SYNC_UPDATES,
            of(view_sources).map(|(l, c)| (l, &c.updates)),
        )?;
        self.counter(
            &SYNC_DELETES,
            of(view_sources).map(|(l, c)| (l, &c.deletes)),
        )?;
        let watched = objects.iter().filter_map(|object| {
            let hub = object.observed.hub.as_deref()?;
            Some((Labels::of(object.id), hub))
        });
        self.gauge(
            &WATCHERS,
            watched.clone().map(|(l, hub)| (l, hub.watching() as u64)),
        )?;
        self.counter(&WATCH_LOST, watched.map(|(l, hub)| (l, hub.lost())))?;
        let processors = &[Kind::Processor];
        self.counter(&CACHE_HITS, of(processors).map(|(l, c)| (l, &c.cache_hits)))?;
        self.counter(
            &CACHE_MISSES,
            of(processors).map(|(l, c)| (l, &c.cache_misses)),
        )
    }

    /// What is true at this moment of the partitions that objects have.
    fn measured(&mut self, objects: &[Object]) -> fmt::Result {
        let mut lag = Vec::new();
        let mut restored = Vec::new();
        let mut stored = Vec::new();
        let mut caches = Vec::new();
        for object in objects {
            let (mut entries, mut bytes) = (0, 0);
            for observed in object.all() {
                if let Some((topic, table)) = &observed.table {
                    stored.push((object.labels(&(*topic).into()), table.disk_space()));
                }
                for (number, partition) in observed.partitions.all() {
                    let labels = |topic: &Arc<str>| object.labels(topic).partition(number);
                    for input in partition.inputs() {
                        lag.extend(input.lag().map(|lag| (labels(&input.topic), lag)));
                    }
                    for table in partition.tables() {
                        let (done, total) = table.offsets();
                        restored.push((labels(&table.topic), done, total - done));
                        if let Some(stored_in) = &table.table {
                            stored.push((labels(&table.topic), stored_in.disk_space()));
                        }
                    }
                    entries += partition.cache_entries.load(Ordering::Relaxed);
                    bytes += partition.cache_bytes.load(Ordering::Relaxed);
                }
            }
            if object.id.kind == Kind::Processor {
                caches.push((Labels::of(object.id), entries, bytes));
            }
        }
        self.gauge(&LAG, lag)?;
        self.gauge(
            &RESTORE_DONE,
            restored.iter().map(|(l, done, _)| (l.clone(), *done)),
        )?;
        self.gauge(
            &RESTORE_LEFT,
            restored.iter().map(|(l, _, left)| (l.clone(), *left)),
        )?;
        self.gauge(&STORE_BYTES, stored)?;
        self.gauge(
            &CACHE_ENTRIES,
            caches.iter().map(|(l, entries, _)| (l.clone(), *entries)),
        )?;
        self.gauge(
            &CACHE_BYTES,
            caches.iter().map(|(l, _, bytes)| (l.clone(), *bytes)),
        )
    }

    fn counter<'c>(
        &mut self,
        metric: &Metric,
        samples: impl IntoIterator<Item = (Labels, &'c Counter)>,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return Ok(());
        }
        let mut to = self.describe(metric)?;
        samples.try_for_each(|(labels, counter)| {
            ConstCounter::new(counter.get()).encode(to.encode_family(&labels)?)
        })
    }

    fn gauge(
        &mut self,
        metric: &Metric,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return Ok(());
        }
        let mut to = self.describe(metric)?;
        samples.try_for_each(|(labels, value)| {
            ConstGauge::new(value).encode(to.encode_family(&labels)?)
        })
    }

    fn times<'t>(
        &mut self,
        metric: &Metric,
        samples: impl IntoIterator<Item = (Labels, &'t Times)>,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return Ok(());
        }
        let mut to = self.describe(metric)?;
        samples.try_for_each(|(labels, times)| times.0.encode(to.encode_family(&labels)?))
    }

    fn describe<'s>(&'s mut self, metric: &'s Metric) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0
            .encode_descriptor(metric.name, metric.help, None, metric.kind)
    }

    fn info(&mut self, metric: &Metric, label: (&str, &str)) -> fmt::Result {
        let mut to = self.describe(metric)?;
        to.encode_info(&[label])
    }
}

/// What tells the samples of a metric apart, besides the service.
#[derive(Debug, Default, Clone)]
struct Labels {
    of: Option<Id>,
    topic: Option<Arc<str>>,
    partition: Option<i32>,
}

impl Labels {
    fn of(id: Id) -> Self {
        Self {
            of: Some(id),
            ..Self::default()
        }
    }

    fn partition(mut self, number: i32) -> Self {
        self.partition = Some(number);
        self
    }
}

impl Object {
    fn labels(&self, topic: &Arc<str>) -> Labels {
        Labels {
            topic: Some(Arc::clone(topic)),
            ..Labels::of(self.id)
        }
    }
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        if let Some(id) = self.of {
            ("component", id.component).encode(encoder.encode_label())?;
            ("kind", id.kind.name()).encode(encoder.encode_label())?;
            ("object", id.name).encode(encoder.encode_label())?;
        }
        if let Some(topic) = &self.topic {
            ("topic", &**topic).encode(encoder.encode_label())?;
        }
        if let Some(partition) = self.partition {
            ("partition", partition).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Counts, Observed};
    use super::*;

    #[test]
    fn a_page_tells_of_what_there_is_and_no_more() {
        let observer = Observer::new("s");
        let observed = Observed::new(Counts::new(["s.in"], ["s.out", "s.table", "s.out"]));
        observer.add(Object {
            id: Id {
                component: "c",
                kind: Kind::Processor,
                name: "a \"b\"",
            },
            observed: observed.clone(),
            lookups: Vec::new(),
        });
        observer.running();
        observed.partitions.started();
        observed.counts.received()[0].add(3, 70);
        let held = observed.hold(4);
        let position = held.reads("s.in", None, Box::new(|| Some(20)));
        let table = held.restores("s.table", None);
        table.begins(5, 15);
        table.reached(9);
        held.cache(2, 300);

        let of_b = r#"service="s",component="c",kind="processor",object="a \"b\"""#;
        let samples = |page: &str| -> Vec<String> {
            let samples = page.lines().filter(|line| !line.starts_with('#'));
            let named = samples.filter(|line| line.contains("partition=") || line.contains("_in_"));
            named
                .map(|line| line.replace(of_b, "B").replace("kafmesh_", ""))
                .collect()
        };
        let counted = [
            r#"records_in_total{B,topic="s.in"} 3"#,
            r#"bytes_in_total{B,topic="s.in"} 70"#,
        ];
        let restored = [
            r#"restore_offsets_done{B,topic="s.table",partition="4"} 4"#,
            r#"restore_offsets_left{B,topic="s.table",partition="4"} 6"#,
        ];
        assert_eq!(samples(&observer.metrics()), [counted, restored].concat());

        position.reached(12);
        let lag = [r#"lag{B,topic="s.in",partition="4"} 8"#];
        assert_eq!(
            samples(&observer.metrics()),
            [&counted[..], &lag, &restored].concat()
        );

        let page = observer.metrics();
        for line in [
            "# TYPE kafmesh_records_out counter",
            &format!("kafmesh_object_ready{{{of_b}}} 0"),
            &format!("kafmesh_records_out_total{{{of_b},topic=\"s.table\"}} 0"),
            &format!("kafmesh_batch_seconds_count{{{of_b}}} 0"),
            &format!("kafmesh_cache_bytes{{{of_b}}} 300"),
            "kafmesh_ready{service=\"s\"} 0",
        ] {
            assert!(page.lines().any(|other| other == line), "{line}\n{page}");
        }
        assert_eq!(page.matches("topic=\"s.out\"").count(), 2, "{page}");

        drop(held);
        assert_eq!(samples(&observer.metrics()), counted);
        assert!(
            observer
                .metrics()
                .contains("kafmesh_ready{service=\"s\"} 1\n")
        );
    }
}
