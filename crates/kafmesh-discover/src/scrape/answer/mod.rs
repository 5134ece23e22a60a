//! From the bytes of an answer to a checked [`Description`]: both contracts, with limits.
//!
//! Whoever answers is trusted with nothing: bytes may be anything, and so may what they decode to.

use std::collections::HashSet;
use std::hash::Hash;

use prost::Message;

use crate::mesh::description::{Component, Description, TopicUse, Worker};
use crate::mesh::pod::Instance;

mod discover;
mod discovery;
mod parts;

/// Longest text, in bytes; names of topics and groups in Kafka are far shorter.
const MAX_TEXT: usize = 64 * 1024;

/// Reads an answer of `kafmesh.discover.v1.Discover/GetServiceInfo`.
pub(super) fn discover(bytes: &[u8]) -> Result<(Instance, Description), Invalid> {
    parts::check(bytes)?;
    let response = kafmesh_proto::discover::v1::GetServiceInfoResponse::decode(bytes)?;
    let instance = discover::instance(response.instance.unwrap_or_default())?;
    let service = response.service.ok_or(Invalid::NoService)?;
    Ok((instance, checked(discover::description(service))?))
}

/// Reads an answer of `kafmesh.discovery.v1.DiscoveryAPI/GetServiceInfo`, which tells nothing of the
/// process itself.
pub(super) fn discovery(bytes: &[u8]) -> Result<(Instance, Description), Invalid> {
    parts::check(bytes)?;
    let response = kafmesh_proto::discovery::v1::GetServiceInfoResponse::decode(bytes)?;
    let service = response.service.ok_or(Invalid::NoService)?;
    Ok((
        Instance::default(),
        checked(discovery::description(service))?,
    ))
}

/// What is wrong with an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Invalid {
    #[error("its answer is not what the contract says: {0}")]
    Undecodable(#[from] prost::DecodeError),
    #[error("its answer has more than {} parts", parts::MAX)]
    TooManyParts,
    #[error("its answer tells of no service")]
    NoService,
    #[error("its answer has a {0} without a name")]
    NoName(&'static str),
    #[error("its answer has a {what} of {length} bytes, more than {MAX_TEXT}")]
    TooLong { what: &'static str, length: usize },
    #[error("its answer has two different {what}s called {name:?}")]
    Twice { what: &'static str, name: String },
    #[error("its answer says that it started at no possible time")]
    NoTime,
}

fn worker(name: String, description: String, used: TopicUse, group: String) -> Worker {
    Worker {
        name,
        description,
        topic: used.topic,
        message: used.message,
        group,
    }
}

/// Brings a description into its one form, in which equal ones are equal whatever the order in which
/// their processes registered things; or says what is wrong with it.
fn checked(mut description: Description) -> Result<Description, Invalid> {
    named("service", &description.service)?;
    short("description", &description.description)?;
    for component in &mut description.components {
        check_component(component)?;
    }
    unique("component", &mut description.components, |it| &it.name)?;
    for message in &description.messages {
        named("message", &message.name)?;
        short("message's type", &message.message_type)?;
    }
    unique("message", &mut description.messages, |it| &it.name)?;
    for topic in &description.topics {
        named("topic", &topic.name)?;
    }
    unique("topic", &mut description.topics, |it| &it.name)?;
    Ok(description)
}

fn check_component(component: &mut Component) -> Result<(), Invalid> {
    named("component", &component.name)?;
    short("description", &component.description)?;
    for processor in &mut component.processors {
        named("processor", &processor.name)?;
        short("description", &processor.description)?;
        short("group", &processor.group)?;
        uses(&mut processor.inputs)?;
        uses(&mut processor.joins)?;
        uses(&mut processor.lookups)?;
        for output in &processor.outputs {
            named("topic", &output.topic)?;
            short("message", &output.message)?;
            short("description", &output.description)?;
        }
        dedup(&mut processor.outputs);
        if let Some(persistence) = &processor.persistence {
            named("topic", &persistence.topic)?;
            short("message", &persistence.message)?;
        }
    }
    unique("processor", &mut component.processors, |it| &it.name)?;
    for (what, workers) in [
        ("sink", &mut component.sinks),
        ("view source", &mut component.view_sources),
        ("view sink", &mut component.view_sinks),
    ] {
        for worker in workers.iter() {
            named(what, &worker.name)?;
            short("description", &worker.description)?;
            named("topic", &worker.topic)?;
            short("message", &worker.message)?;
            short("group", &worker.group)?;
        }
        unique(what, workers, |it| &it.name)?;
    }
    for (what, topics) in [
        ("source", &mut component.sources),
        ("view", &mut component.views),
    ] {
        uses(topics)?;
        unique(what, topics, |it| &it.topic)?;
    }
    Ok(())
}

/// Checks uses of topics and drops those that are told twice.
fn uses(uses: &mut Vec<TopicUse>) -> Result<(), Invalid> {
    for topic in uses.iter() {
        named("topic", &topic.topic)?;
        short("message", &topic.message)?;
    }
    dedup(uses);
    Ok(())
}

/// Drops what is told twice and keeps the order, which is the definition's.
fn dedup<T: Clone + Eq + Hash>(told: &mut Vec<T>) {
    let mut seen = HashSet::with_capacity(told.len());
    told.retain(|one| seen.insert(one.clone()));
}

/// Sorts by name and drops what is told twice. One name of two different things is an error.
fn unique<T: Eq>(
    what: &'static str,
    told: &mut Vec<T>,
    name: impl Fn(&T) -> &String,
) -> Result<(), Invalid> {
    told.sort_by(|one, other| name(one).cmp(name(other)));
    told.dedup();
    match told
        .windows(2)
        .find(|pair| name(&pair[0]) == name(&pair[1]))
    {
        Some(pair) => Err(Invalid::Twice {
            what,
            name: name(&pair[0]).chars().take(100).collect(),
        }),
        None => Ok(()),
    }
}

fn named(what: &'static str, name: &str) -> Result<(), Invalid> {
    if name.is_empty() {
        return Err(Invalid::NoName(what));
    }
    short(what, name)
}

fn short(what: &'static str, text: &str) -> Result<(), Invalid> {
    match text.len() {
        length if length > MAX_TEXT => Err(Invalid::TooLong { what, length }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
