//! A description in the form that kafmesh for Go serves, which tells less.

use kafmesh_proto::discover::v1 as from;
use kafmesh_proto::discovery::v1::{self, TopicDefinition, TopicType};

pub(super) fn service(service: from::Service) -> v1::Service {
    v1::Service {
        name: service.name,
        description: service.description,
        components: all(service.components, component),
    }
}

fn component(component: from::Component) -> v1::Component {
    v1::Component {
        name: component.name,
        description: component.description,
        sources: all(component.sources, |it| v1::Source {
            topic: topic(it.topic, it.message),
        }),
        processors: all(component.processors, processor),
        sinks: all(component.sinks, |it| v1::Sink {
            name: it.name,
            description: it.description,
            topic: topic(it.topic, it.message),
        }),
        views: all(component.views, |it| v1::View {
            topic: topic(it.topic, it.message),
        }),
        view_sources: all(component.view_sources, |it| v1::ViewSource {
            name: it.name,
            topic: topic(it.topic, it.message),
            description: it.description,
        }),
        view_sinks: all(component.view_sinks, |it| v1::ViewSink {
            name: it.name,
            topic: topic(it.topic, it.message),
            description: it.description,
        }),
    }
}

fn processor(processor: from::Processor) -> v1::Processor {
    v1::Processor {
        name: processor.name,
        group_name: processor.group_name,
        description: processor.description,
        inputs: all(processor.inputs, |it| v1::Input {
            topic: topic(it.topic, it.message),
        }),
        lookups: all(processor.lookups, |it| v1::Lookup {
            topic: topic(it.topic, it.message),
        }),
        joins: all(processor.joins, |it| v1::Join {
            topic: topic(it.topic, it.message),
        }),
        outputs: all(processor.outputs, |it| v1::Output {
            topic: topic(it.topic, it.message),
            description: it.description,
        }),
        persistence: processor.persistence.map(|it| v1::Persistence {
            topic: topic(it.topic, it.message),
        }),
    }
}

fn topic(topic: String, message: String) -> Option<TopicDefinition> {
    Some(TopicDefinition {
        topic,
        message,
        r#type: TopicType::Protobuf.into(),
    })
}

fn all<F, T>(from: Vec<F>, convert: fn(F) -> T) -> Vec<T> {
    from.into_iter().map(convert).collect()
}
