//! What is drawn: services with components with objects, topics, and the lines between.

use std::collections::BTreeMap;

use kafmesh_definition::Definition;
use kafmesh_definition::model::{Component as DefinedComponent, TopicUse};

/// Everything in a picture. Nodes have numbers, not names: names may be anything.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) services: Vec<Service<'a>>,
    /// Topics by name: a topic of several services is one.
    pub(super) topics: BTreeMap<&'a str, usize>,
    pub(super) edges: Vec<Edge>,
}

#[derive(Debug)]
pub(super) struct Service<'a> {
    pub(super) name: &'a str,
    pub(super) components: Vec<Component<'a>>,
}

#[derive(Debug)]
pub(super) struct Component<'a> {
    pub(super) name: &'a str,
    pub(super) objects: Vec<Object<'a>>,
}

#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) id: usize,
    pub(super) kind: Kind,
    pub(super) name: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Source,
    Processor,
    View,
    ViewSource,
    Sink,
    ViewSink,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Processor => "processor",
            Self::View => "view",
            Self::ViewSource => "view source",
            Self::Sink => "sink",
            Self::ViewSink => "view sink",
        }
    }
}

/// A line from a node to a node.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) from: Node,
    pub(super) to: Node,
    pub(super) role: Role,
}

/// An end of a line.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node {
    Object(usize),
    Topic(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Records flow.
    Flow,
    Join,
    Lookup,
    /// A processor's changelog, its own or its component's: written as it goes, read when it starts.
    State,
}

impl Role {
    pub(super) fn label(self) -> Option<&'static str> {
        match self {
            Self::Flow => None,
            Self::Join => Some("join"),
            Self::Lookup => Some("lookup"),
            Self::State => Some("state"),
        }
    }
}

impl<'a> Graph<'a> {
    pub(super) fn new(definitions: &'a [Definition]) -> Self {
        let mut names: Vec<&str> = definitions
            .iter()
            .flat_map(|definition| &definition.topics)
            .map(|topic| topic.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        let topics = names
            .into_iter()
            .enumerate()
            .map(|(id, name)| (name, id))
            .collect();
        let mut graph = Self {
            services: Vec::new(),
            topics,
            edges: Vec::new(),
        };
        let mut objects = 0;
        for definition in definitions {
            let components = definition
                .components
                .iter()
                .map(|component| graph.component(component, &mut objects))
                .collect();
            graph.services.push(Service {
                name: definition.name.written(),
                components,
            });
        }
        graph
    }

    fn component(&mut self, component: &'a DefinedComponent, next: &mut usize) -> Component<'a> {
        let mut objects = Vec::new();
        let mut object = |kind, name| {
            let id = *next;
            *next += 1;
            objects.push(Object { id, kind, name });
            id
        };
        for source in &component.sources {
            let id = object(Kind::Source, source.topic.message.written());
            self.writes(id, &source.topic, Role::Flow);
        }
        for source in &component.view_sources {
            let id = object(Kind::ViewSource, source.name.written());
            self.writes(id, &source.topic, Role::Flow);
        }
        for processor in &component.processors {
            let id = object(Kind::Processor, processor.name.written());
            for (role, topics) in [
                (Role::Flow, &processor.inputs),
                (Role::Join, &processor.joins),
                (Role::Lookup, &processor.lookups),
            ] {
                for topic in topics {
                    self.reads(id, topic, role);
                }
            }
            for output in &processor.outputs {
                self.writes(id, &output.topic, Role::Flow);
            }
            if let Some(topic) = &processor.persistence {
                self.writes(id, topic, Role::State);
            }
        }
        for view in &component.views {
            let id = object(Kind::View, view.topic.message.written());
            self.reads(id, &view.topic, Role::Flow);
        }
        for sink in &component.sinks {
            let id = object(Kind::Sink, sink.name.written());
            self.reads(id, &sink.topic, Role::Flow);
        }
        for sink in &component.view_sinks {
            let id = object(Kind::ViewSink, sink.name.written());
            self.reads(id, &sink.topic, Role::Flow);
        }
        Component {
            name: component.name.written(),
            objects,
        }
    }

    fn writes(&mut self, object: usize, topic: &TopicUse, role: Role) {
        if let Some(&topic) = self.topics.get(topic.topic.as_str()) {
            self.edges.push(Edge {
                from: Node::Object(object),
                to: Node::Topic(topic),
                role,
            });
        }
    }

    fn reads(&mut self, object: usize, topic: &TopicUse, role: Role) {
        if let Some(&topic) = self.topics.get(topic.topic.as_str()) {
            self.edges.push(Edge {
                from: Node::Topic(topic),
                to: Node::Object(object),
                role,
            });
        }
    }
}
