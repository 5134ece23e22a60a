//! What is kept of pods that come, change and go.

use super::*;
use crate::mesh::pod::FailureKind::{NoAddress, NotAsked, Unreachable};

const NAMESPACE: &str = "shop";

fn found(name: &str, uid: &str) -> Found {
    // A target is a Found with everything a test does not care for.
    let mut found = Found::target("10.0.0.1:443");
    found.pod.key = PodKey::new(NAMESPACE, name);
    found.pod.namespace = Some(NAMESPACE.to_owned());
    found.pod.name = name.to_owned();
    found.pod.uid = Some(uid.to_owned());
    found
}

fn says(service: &str) -> Result<(Instance, Description), dial::Error> {
    let description = Description {
        service: service.to_owned(),
        ..Description::default()
    };
    Ok((Instance::default(), description))
}

fn refuses(pod: &Pod) -> Result<(Instance, Description), dial::Error> {
    Err(dial::Error::new(pod, Unreachable, "nobody listens there"))
}

fn empty() -> Known {
    Known::new(Pods::new(), Vec::new(), BTreeSet::from([None]))
}

fn service(known: &Known, name: &str) -> Option<String> {
    let observed = &known.pods[&PodKey::new(NAMESPACE, name)];
    let answer = observed.answer.as_ref()?;
    Some(answer.description.service.clone())
}

fn failure(known: &Known, name: &str) -> Option<FailureKind> {
    let observed = &known.pods[&PodKey::new(NAMESPACE, name)];
    observed.failure.as_ref().map(|failure| failure.kind)
}

/// With one pod that has answered.
fn answered() -> (Known, Found) {
    let mut known = empty();
    let pod = found("a", "1");
    assert_eq!(known.apply(pod.clone()), Some(pod.pod.key.clone()));
    assert_eq!(known.hear(&pod.pod, says("clicks")), Heard::Answered);
    known.take_changed();
    (known, pod)
}

#[test]
fn the_same_again_changes_nothing() {
    let (mut known, pod) = answered();
    let before = known.pods().clone();
    assert_eq!(known.apply(pod.clone()), None);
    known.hear(&pod.pod, says("clicks"));
    assert!(!known.take_changed());
    assert_eq!(*known.pods(), before);
    known.hear(&pod.pod, says("shop"));
    assert!(known.take_changed());
}

#[test]
fn a_failure_leaves_the_answer_as_stale_and_begins_once() {
    let (mut known, pod) = answered();
    assert_eq!(known.hear(&pod.pod, refuses(&pod.pod)), Heard::Failed);
    let observed = known.pods[&pod.pod.key].clone();
    assert!(observed.is_stale());
    known.take_changed();
    known.hear(&pod.pod, refuses(&pod.pod));
    assert!(!known.take_changed());
    known.hear(&pod.pod, says("clicks"));
    assert_eq!(failure(&known, "a"), None);
}

#[test]
fn the_same_answer_after_a_failure_is_later_than_it() {
    let (mut known, pod) = answered();
    let mut broken = pod.clone();
    broken.problem = Some("its annotation is wrong".to_owned());
    let answers_again = |known: &mut Known| {
        let since = known.pods[&pod.pod.key].failure.as_ref().unwrap().since;
        known.hear(&pod.pod, says("clicks"));
        let at = known.pods[&pod.pod.key].answer.as_ref().unwrap().at;
        assert!(at >= since, "{at} {since}");
    };
    known.hear(&pod.pod, refuses(&pod.pod));
    answers_again(&mut known);
    known.apply(broken);
    known.apply(pod.clone());
    answers_again(&mut known);
}

#[test]
fn another_process_of_the_same_name_has_said_nothing_yet() {
    let (mut known, old) = answered();
    let new = found("a", "2");
    assert!(known.apply(new.clone()).is_some());
    assert_eq!(service(&known, "a"), None);
    assert_eq!(known.hear(&old.pod, says("late")), Heard::Outdated);
    assert_eq!(service(&known, "a"), None);
    known.hear(&new.pod, says("clicks"));
    assert_eq!(service(&known, "a").as_deref(), Some("clicks"));
}

#[test]
fn what_is_gone_says_nothing_more() {
    let (mut known, pod) = answered();
    known.remove(&pod.pod.key);
    assert_eq!(known.hear(&pod.pod, says("late")), Heard::Outdated);
    assert!(known.pods().is_empty());
}

#[test]
fn a_change_that_matters_is_asked_about() {
    let (mut known, pod) = answered();
    let mut unready = pod.clone();
    unready.ready = false;
    assert!(known.apply(unready).is_some());
    let mut leaving = pod.clone();
    leaving.leaving = true;
    assert_eq!(known.apply(leaving), None, "it is being stopped");
    assert_eq!(service(&known, "a").as_deref(), Some("clicks"));
}

#[test]
fn a_pod_that_cannot_be_asked_says_why() {
    let (mut known, pod) = answered();
    let mut broken = pod.clone();
    broken.problem = Some("its annotation is wrong".to_owned());
    assert_eq!(known.apply(broken), None);
    assert_eq!(failure(&known, "a"), Some(NoAddress));
    assert_eq!(service(&known, "a").as_deref(), Some("clicks"));
    assert_eq!(known.askable_pod(&pod.pod.key), None);
    assert_eq!(known.hear(&pod.pod, says("late")), Heard::Outdated);
    assert!(known.apply(pod.clone()).is_some());
    known.hear(&pod.pod, says("clicks"));
    assert_eq!(failure(&known, "a"), None);
}

#[test]
fn what_a_list_leaves_out_is_gone() {
    let (mut known, pod) = answered();
    let other = found("b", "2");
    assert!(!known.is_listed());
    let asked = known.list(None, vec![other.clone()]);
    assert!(known.is_listed());
    assert_eq!(asked, [other.pod.key]);
    assert!(!known.pods().contains_key(&pod.pod.key));
}

#[test]
fn a_list_is_about_its_namespace() {
    let (mut known, pod) = answered();
    known.list(Some("other".to_owned()), Vec::new());
    assert!(known.pods().contains_key(&pod.pod.key));
}

#[test]
fn what_is_known_from_before_is_stale_until_it_is_asked() {
    let (before, pod) = answered();
    let namespaces = BTreeSet::from([Some(NAMESPACE.to_owned())]);
    let mut known = Known::new(before.pods().clone(), Vec::new(), namespaces);
    assert_eq!(failure(&known, "a"), Some(NotAsked));
    assert!(!known.is_failing(&pod.pod.key));
    assert_eq!(
        known.askable().next(),
        None,
        "Kubernetes has not confirmed it"
    );
    known.list(Some(NAMESPACE.to_owned()), vec![pod.clone()]);
    assert_eq!(failure(&known, "a"), Some(NotAsked));
    known.hear(&pod.pod, says("clicks"));
    assert_eq!(known.pods(), before.pods());
}

#[test]
fn what_nobody_would_ask_is_not_known_from_before() {
    let (mut before, _) = answered();
    for target in ["here:1", "gone:1"] {
        before.apply(Found::target(target));
    }
    let targets = vec![Found::target("here:1")];
    let known = Known::new(before.pods().clone(), targets, BTreeSet::new());
    let keys: Vec<_> = known.pods().keys().cloned().collect();
    assert_eq!(keys, [PodKey::of_target("here:1")]);
}

#[test]
fn equal_descriptions_share_one_allocation() {
    let (mut known, one) = answered();
    let other = found("b", "2");
    known.apply(other.clone());
    known.hear(&other.pod, says("clicks"));
    let of = |pod: &Found| {
        let observed = &known.pods[&pod.pod.key];
        observed.answer.as_ref().unwrap().description.clone()
    };
    assert!(Arc::ptr_eq(&of(&one), &of(&other)));
    known.remove(&one.pod.key);
    known.remove(&other.pod.key);
    known.tidy();
    assert!(known.descriptions.is_empty());
}
