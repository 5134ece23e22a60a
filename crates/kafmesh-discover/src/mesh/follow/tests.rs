//! What new mesh, if any, follows from what is scraped and what Kafka says.

use jiff::Timestamp;

use super::*;
use crate::mesh::description::Description;
use crate::mesh::pod::{Answer, Instance, Observed, Pod, PodKey};
use crate::mesh::run::{RunKind, ScrapeRun};
use crate::mesh::sample;
use crate::status::Status;

struct Following {
    scraped: watch::Sender<Arc<Scraped>>,
    kafka: watch::Sender<Told>,
    statuses: Statuses,
    mesh: watch::Receiver<Arc<Mesh>>,
}

impl Following {
    /// Starts with nothing known.
    fn start() -> Self {
        let (scraped, seen) = watch::channel(Arc::default());
        let (kafka, told) = watch::channel(Told::default());
        let statuses = Statuses::new([Part::Scrape]);
        let mesh = follow(seen, Some(told), statuses.clone());
        Self {
            scraped,
            kafka,
            statuses,
            mesh,
        }
    }

    fn scrape(&self, change: impl FnOnce(&mut Scraped)) {
        self.scraped
            .send_modify(|scraped| change(Arc::make_mut(scraped)));
    }

    async fn ready(&self) {
        while !self.statuses.readiness().ready {
            tokio::task::yield_now().await;
        }
    }

    async fn next(&mut self) -> Arc<Mesh> {
        self.mesh.changed().await.unwrap();
        self.mesh.borrow_and_update().clone()
    }
}

/// A pod that says it is of `service`.
fn pod(name: &str, service: &str) -> (PodKey, Arc<Observed>) {
    let key = PodKey::new("shop", name);
    let description = Description {
        service: service.to_owned(),
        ..Description::default()
    };
    let observed = Observed {
        pod: Pod {
            key: key.clone(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
            uid: None,
            address: "10.0.0.1:443".to_owned(),
            tls: false,
            node: None,
            version: None,
        },
        answer: Some(Answer {
            at: Timestamp::UNIX_EPOCH,
            instance: Instance::default(),
            description: Arc::new(description),
        }),
        failure: None,
    };
    (key, Arc::new(observed))
}

fn run(id: &str) -> ScrapeRun {
    ScrapeRun {
        id: id.into(),
        started: Timestamp::UNIX_EPOCH,
        ended: Timestamp::UNIX_EPOCH,
        kind: RunKind::Full,
        asked: 1,
        answered: 1,
        failed: 0,
        observed: Arc::default(),
    }
}

#[tokio::test]
async fn what_is_new_gives_a_new_revision() {
    let mut following = Following::start();
    assert_eq!(following.mesh.borrow().revision, 1);
    following.scrape(|scraped| scraped.pods.extend([pod("a", "clicks")]));
    let mesh = following.next().await;
    assert_eq!(mesh.revision, 2);
    assert!(mesh.catalog.services.contains_key("clicks"));

    let actual = sample::actual(&[], &[]);
    following.kafka.send_replace(Told::Read(Arc::new(actual)));
    let mesh = following.next().await;
    assert_eq!(mesh.revision, 3);
    assert!(mesh.actual.is_some() && mesh.pods.len() == 1);
}

#[tokio::test]
async fn the_same_again_gives_no_mesh_and_a_run_no_revision() {
    let mut following = Following::start();
    following.scrape(|scraped| scraped.pods.extend([pod("a", "clicks")]));
    let before = following.next().await;
    following.scrape(|scraped| {
        // Equal to what is known, and not the same allocation.
        scraped.pods.extend([pod("a", "clicks")]);
        scraped.complete = true;
    });
    following.ready().await;
    assert!(!following.mesh.has_changed().unwrap());

    following.scrape(|scraped| scraped.runs.push(run("1")));
    let mesh = following.next().await;
    assert_eq!(mesh.revision, before.revision);
    assert_eq!(mesh.runs, [run("1")]);
    assert!(Arc::ptr_eq(&mesh.graph, &before.graph), "derived once");
}

#[tokio::test]
async fn the_scrape_works_once_a_mesh_of_all_pods_is_there() {
    let mut following = Following::start();
    following.scrape(|scraped| scraped.pods.extend([pod("a", "clicks")]));
    following.next().await;
    assert!(!following.statuses.readiness().ready);

    following.scrape(|scraped| {
        scraped.pods.extend([pod("b", "clicks")]);
        scraped.complete = true;
    });
    // Whenever it is ready, both are there.
    following.ready().await;
    assert_eq!(following.mesh.borrow().pods.len(), 2);
    assert_eq!(following.statuses.get(Part::Scrape), Some(Status::Working));
}

#[tokio::test]
async fn a_complete_scrape_that_finds_nothing_is_ready_too() {
    let following = Following::start();
    following.scrape(|scraped| scraped.complete = true);
    following.ready().await;
    assert_eq!(following.mesh.borrow().revision, 1);
}

#[tokio::test]
async fn that_kafka_cannot_be_read_is_told_until_it_was() {
    let mut following = Following::start();
    let unread = following.mesh.borrow().unread;
    assert_eq!(unread, Some(Unread::default()));
    let failing = Unread {
        failing_since: Some(Timestamp::UNIX_EPOCH),
    };
    following.kafka.send_replace(Told::Nothing(failing));
    let mesh = following.next().await;
    assert_eq!((mesh.revision, mesh.unread), (1, Some(failing)));
    following.scrape(|scraped| scraped.pods.extend([pod("a", "clicks")]));
    assert_eq!(following.next().await.unread, Some(failing));

    let actual = Arc::new(sample::actual(&[], &[]));
    following.kafka.send_replace(Told::Read(actual));
    assert_eq!(following.next().await.unread, None);
}

#[tokio::test]
async fn it_ends_when_nothing_is_scraped_any_more() {
    let Following {
        scraped, mut mesh, ..
    } = Following::start();
    drop(scraped);
    assert!(mesh.changed().await.is_err());
}

#[tokio::test]
async fn what_is_read_again_of_kafka_gives_a_new_revision_only_if_it_differs() {
    let mut following = Following::start();
    let pods = sample::pods(sample::whole().into_iter().map(|one| (one, true)));
    following.scrape(|scraped| scraped.pods = pods);
    following.next().await;
    let mut read = sample::actual(&[("clicks", 4)], &[("count", Some(1))]);
    following
        .kafka
        .send_replace(Told::Read(Arc::new(read.clone())));
    let first = following.next().await;

    // Somebody has produced a record.
    read.at += jiff::SignedDuration::from_secs(30);
    read.topics.get_mut("clicks").unwrap().end = Some(1);
    following
        .kafka
        .send_replace(Told::Read(Arc::new(read.clone())));
    let later = following.next().await;
    assert_eq!(later.actual.as_deref(), Some(&read));
    assert_eq!(later.revision, first.revision);
    assert!(Arc::ptr_eq(&later.graph, &first.graph));

    read.topics.get_mut("clicks").unwrap().partitions = 5;
    following
        .kafka
        .send_replace(Told::Read(Arc::new(read.clone())));
    let changed = following.next().await;
    assert_eq!(changed.revision, first.revision + 1);
    assert!(Arc::ptr_eq(&changed.catalog, &first.catalog));
    assert_ne!(changed.findings, first.findings);

    read.failing_since = Some(read.at);
    following.kafka.send_replace(Told::Read(Arc::new(read)));
    assert_eq!(following.next().await.revision, first.revision + 2);
}
