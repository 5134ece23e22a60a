//! When runs end, and which are remembered.

use super::*;

fn key(name: &str) -> PodKey {
    PodKey::new("shop", name)
}

fn runs() -> (Runs, Instant) {
    (Runs::new("test"), Instant::now())
}

fn kinds(runs: &Runs, of: RunKind) -> usize {
    runs.ended().iter().filter(|run| run.kind == of).count()
}

#[test]
fn a_run_ends_when_all_of_its_pods_were_asked() {
    let (mut runs, now) = runs();
    runs.all(true, vec![key("a"), key("b"), key("c")], now);
    runs.asked(&key("b"), true, Moment::END);
    runs.asked(&key("a"), true, Moment::END);
    assert!(!runs.close(now).any);
    runs.asked(&key("c"), false, Moment::END);
    let closed = runs.close(now);
    assert!(closed.full && closed.complete);
    assert!(!runs.is_full_open());
    let [run] = runs.ended().try_into().unwrap();
    assert_eq!((run.asked, run.answered, run.failed), (3, 2, 1));
    assert_eq!(*run.observed, [key("a"), key("b")]);
}

#[test]
fn a_full_run_ends_although_its_pod_changes_whenever_it_is_asked() {
    let (mut runs, now) = runs();
    runs.all(true, vec![key("flapping")], now);
    let began = runs.moment();
    runs.changed(vec![key("flapping")], now);
    runs.asked(&key("flapping"), false, began);
    assert!(runs.close(now + COLLECT).complete);
    assert_eq!(kinds(&runs, RunKind::Changed), 0, "it is asked once more");
    runs.asked(&key("flapping"), true, runs.moment());
    runs.close(now + COLLECT);
    assert_eq!(kinds(&runs, RunKind::Changed), 1);
}

#[test]
fn what_changes_within_a_while_is_one_run() {
    let (mut runs, now) = runs();
    for i in 0..10 {
        let name = format!("pod-{i}");
        runs.changed(vec![key(&name)], now + COLLECT / 10 * i);
        runs.asked(&key(&name), true, Moment::END);
        assert!(!runs.close(now + COLLECT / 10 * i).any);
    }
    // Again, and this time it is not there.
    runs.changed(vec![key("pod-3")], now + COLLECT / 10 * 9);
    runs.asked(&key("pod-3"), false, Moment::END);
    assert_eq!(runs.next(), Some(now + COLLECT));
    runs.changed(vec![key("later")], now + COLLECT);
    assert!(runs.close(now + COLLECT).any);
    let [run] = runs.ended().try_into().unwrap();
    assert_eq!((run.asked, run.answered, run.failed), (10, 9, 1));
    runs.asked(&key("later"), true, Moment::END);
    assert!(runs.close(now + COLLECT * 2).any);
}

#[test]
fn many_runs_of_one_kind_leave_those_of_the_other() {
    let (mut runs, now) = runs();
    for _ in 0..60 {
        runs.all(true, Vec::new(), now);
        runs.close(now);
    }
    assert_eq!(kinds(&runs, RunKind::Full), 60);
    for i in 1..=200 {
        let now = now + COLLECT * i;
        runs.changed(Vec::new(), now);
        runs.close(now + COLLECT);
    }
    assert_eq!(kinds(&runs, RunKind::Full), REMEMBERED_RUNS / 2);
    assert_eq!(runs.ended().len(), REMEMBERED_RUNS);
}
