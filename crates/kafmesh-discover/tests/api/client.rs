//! A client that knows only the description of the API, and holds every answer against it.

use std::collections::HashMap;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, header};
use jsonschema::Validator;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::events::Events;
use crate::fixture::{Fixture, HOSTILE, encoded, get, mesh, read, send};

/// A parameter's value, and whether it is as its schema says.
#[derive(Debug, Clone)]
struct Given {
    name: String,
    place: String,
    value: Option<String>,
    valid: bool,
}

struct Description {
    document: Value,
    schemas: std::cell::RefCell<HashMap<String, Validator>>,
}

impl Description {
    fn operations(&self) -> impl Iterator<Item = (&str, &Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        paths
            .iter()
            .map(|(path, item)| (path.as_str(), &item["get"]))
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(&reference[1..]).unwrap(),
            None => value,
        }
    }

    /// What is wrong with a body, if anything.
    fn mistakes(&self, schema: &Value, body: &Value) -> Vec<String> {
        let mut schemas = self.schemas.borrow_mut();
        let validator = schemas.entry(schema.to_string()).or_insert_with(|| {
            let mut whole = schema.clone();
            whole["components"] = self.document["components"].clone();
            jsonschema::draft202012::new(&whole).expect("a schema")
        });
        validator
            .iter_errors(body)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect()
    }
}

/// Values for a parameter, good and bad.
fn values(parameter: &Value, names: &[String]) -> BoxedStrategy<Given> {
    let given = |valid| {
        let (name, place) = (&parameter["name"], &parameter["in"]);
        let (name, place) = (
            name.as_str().unwrap().to_owned(),
            place.as_str().unwrap().to_owned(),
        );
        move |value: String| Given {
            name: name.clone(),
            place: place.clone(),
            value: Some(value),
            valid,
        }
    };
    let schema = schema_of(parameter);
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let is = |name: &str| types.iter().any(|one| one == name);
    let junk = prop_oneof![
        "[a-z]{1,8}!",
        Just("-1".to_owned()),
        Just("99999999999".to_owned()),
        Just("1.5".to_owned())
    ];
    let strategy = if parameter["name"] == "after" {
        // Whoever made it up; those that lists have given are followed.
        junk.prop_map(given(false)).boxed()
    } else if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<String> = choices
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        prop_oneof![9 => select(choices).prop_map(given(true)), 1 => junk.prop_map(given(false))]
            .boxed()
    } else if is("integer") {
        let (least, most) = (
            schema["minimum"].as_i64().unwrap(),
            schema["maximum"].as_i64().unwrap(),
        );
        let outside = prop_oneof![
            Just((most + 1).to_string()),
            Just((least - 1).to_string()),
            junk
        ];
        let inside = prop_oneof![least..=most, least..=(least + 5), Just(least), Just(most)];
        prop_oneof![
            8 => inside.prop_map(|value| value.to_string()).prop_map(given(true)),
            1 => outside.prop_map(given(false))
        ]
        .boxed()
    } else if is("boolean") {
        prop_oneof![
            8 => any::<bool>().prop_map(|value| value.to_string()).prop_map(given(true)),
            1 => junk.prop_map(given(false))
        ]
        .boxed()
    } else {
        let longest = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
        let known = names
            .iter()
            .filter(|name| (name.chars().count() as u64) <= longest);
        let known: Vec<String> = known.cloned().collect();
        // The examples are of one thing that there is.
        let example = parameter["example"].as_str().map(str::to_owned);
        let example = select(example.map_or_else(|| known.clone(), |example| vec![example]));
        let valid = prop_oneof![6 => example, 6 => select(known), 1 => "\\PC{1,40}.".prop_map(|text| format!("x{text}"))];
        let valid = valid.prop_map(given(true));
        match usize::try_from(longest) {
            Ok(longest) if longest < 10_000 => {
                let long = "y".repeat(longest + 1);
                prop_oneof![8 => valid, 1 => Just(long).prop_map(given(false))].boxed()
            }
            _ => valid.boxed(),
        }
    };
    let required = parameter["required"] == true;
    let absent = Given {
        name: parameter["name"].as_str().unwrap().to_owned(),
        place: parameter["in"].as_str().unwrap().to_owned(),
        value: None,
        valid: !required,
    };
    if parameter["in"] == "path" {
        strategy
    } else if parameter["name"] == "after" {
        prop_oneof![1 => strategy, 9 => Just(absent)].boxed()
    } else if required {
        prop_oneof![9 => strategy, 1 => Just(absent)].boxed()
    } else {
        prop_oneof![1 => strategy, 1 => Just(absent)].boxed()
    }
}

/// The schema of a parameter, without the `null` of optional ones.
fn schema_of(parameter: &Value) -> &Value {
    let schema = &parameter["schema"];
    match schema["oneOf"].as_array() {
        Some(choices) => choices.iter().find(|one| one["type"] != "null").unwrap(),
        None => schema,
    }
}

fn requests(operation: &Value, names: &[String]) -> BoxedStrategy<Vec<Given>> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let mut all: BoxedStrategy<Vec<Given>> = Just(Vec::new()).boxed();
    for parameter in parameters {
        all = (all, values(parameter, names))
            .prop_map(|(mut all, one)| {
                all.push(one);
                all
            })
            .boxed();
    }
    all
}

fn uri(path: &str, given: &[Given], more: &[String]) -> String {
    let mut uri = path.to_owned();
    let mut query = more.to_vec();
    for one in given {
        let Some(value) = &one.value else { continue };
        match one.place.as_str() {
            "path" => uri = uri.replace(&format!("{{{}}}", one.name), &encoded(value)),
            "query" => query.push(format!("{}={}", one.name, encoded(value))),
            _ => {}
        }
    }
    if query.is_empty() {
        uri
    } else {
        format!("{uri}?{}", query.join("&"))
    }
}

async fn check(
    router: &Router,
    description: &Description,
    (path, operation): (&str, &Value),
    given: &[Given],
    more: &[String],
    zipped: bool,
) -> Result<(), String> {
    let uri = uri(path, given, more);
    let request = |method| {
        let mut request = Request::builder().method(method).uri(&uri);
        if zipped {
            request = request.header("accept-encoding", "gzip");
        }
        for one in given.iter().filter(|one| one.place == "header") {
            if let Some(value) = one.value.as_deref().filter(|value| value.is_ascii()) {
                request =
                    request.header(&one.name, value.replace(|c: char| c.is_ascii_control(), ""));
            }
        }
        request.body(Body::empty()).map_err(|e| e.to_string())
    };
    let head = send(router, request(Method::HEAD)?).await;
    let response = send(router, request(Method::GET)?).await;
    let status = response.status();
    if head.status() != status {
        return Err(format!("HEAD is answered {}, GET {status}", head.status()));
    }
    if status.is_server_error() {
        return Err(format!("a server error: {status}"));
    }
    let valid = given.iter().all(|one| one.valid) && more.is_empty();
    if !valid && status != 400 {
        return Err(format!(
            "a request that is not as described is answered {status}"
        ));
    }
    // That some parameters go together is told in words only.
    if valid && status == 400 && !path.starts_with("/api/v1/exports/") {
        return Err(format!("a request as described is refused: {uri}"));
    }
    let documented = &operation["responses"][status.as_str()];
    if documented.is_null() {
        return Err(format!("{status} is not described"));
    }
    let documented = description.resolved(documented);
    let content_type = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let essence = content_type.split(';').next().unwrap();
    let content = &documented["content"][essence];
    if content.is_null() {
        return Err(format!("{status} as {content_type} is not described"));
    }
    for name in documented["headers"].as_object().into_iter().flatten() {
        if !response.headers().contains_key(name.0) {
            return Err(format!("{status} has no header {}", name.0));
        }
    }
    if essence == "text/event-stream" {
        return first_event(description, operation, response).await;
    }
    let tag = response.headers().get(header::ETAG).cloned();
    let is_known_again = !operation["responses"]["304"].is_null();
    if status == 200 && tag.is_some() != is_known_again {
        return Err(format!("the tag is {tag:?}, and 304 is described or not"));
    }
    if let Some(tag) = tag {
        let mut again = request(Method::GET)?;
        again.headers_mut().insert(header::IF_NONE_MATCH, tag);
        let again = send(router, again).await.status();
        if again != 304 {
            return Err(format!("what the client has is answered {again}"));
        }
    }
    let body = read(response).await.decoded();
    let body: Value = match essence {
        "application/json" | "application/problem+json" => {
            serde_json::from_slice(&body).map_err(|e| e.to_string())?
        }
        _ => json!(str::from_utf8(&body).map_err(|e| e.to_string())?),
    };
    let mistakes = description.mistakes(&content["schema"], &body);
    if !mistakes.is_empty() {
        return Err(format!("{status}: {}", mistakes.join("\n")));
    }
    // A page leads to the next.
    let Some(next) = body["next"].as_str() else {
        return Ok(());
    };
    let with = if uri.contains('?') { '&' } else { '?' };
    let next = get(router, &format!("{uri}{with}after={next}")).await;
    if next.status != 200 {
        return Err(format!("the next page is refused: {}", next.text()));
    }
    let mistakes = description.mistakes(&content["schema"], &next.json());
    match mistakes.is_empty() {
        true => Ok(()),
        false => Err(format!("the next page: {}", mistakes.join("\n"))),
    }
}

/// Holds the first event of a stream against its schema; ends the stream.
async fn first_event(
    description: &Description,
    operation: &Value,
    response: Response<Body>,
) -> Result<(), String> {
    let event = Events::of(response).next().await;
    let event = event.ok_or("the stream ends without an event")?;
    let schema = &operation["x-events"][&event.name];
    if schema.is_null() {
        return Err(format!("{event:?} is not described"));
    }
    let mistakes = description.mistakes(schema, &event.data);
    match mistakes.is_empty() {
        true => Ok(()),
        false => Err(format!("{event:?}: {}", mistakes.join("\n"))),
    }
}

#[test]
fn every_answer_is_as_described() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // Its streams last as long as somebody may change the mesh.
    let fixture = Fixture::new(mesh());
    let (router, description, names) = runtime.block_on(async {
        let router = fixture.router();
        let document = get(&router, "/openapi.json").await.json();
        let nodes = get(&router, "/api/v1/nodes?limit=1000").await.json();
        let keys = nodes["items"].as_array().unwrap().iter();
        let mut names: Vec<String> = keys
            .map(|node| node["key"].as_str().unwrap().to_owned())
            .collect();
        names.extend(["shop", "orders", "totals", "prod", "shop-1", HOSTILE].map(str::to_owned));
        let description = Description {
            document,
            schemas: Default::default(),
        };
        (router, description, names)
    });
    for operation in description.operations() {
        let strange = prop_oneof![
            12 => Just(Vec::new()),
            1 => vec("zz[a-z]{0,5}=[a-z0-9]{0,5}", 1..2)
        ];
        // Probes, Prometheus and browsers may have parameters of their own.
        let is_api = operation.0.starts_with("/api/");
        let strategy = (requests(operation.1, &names), strange, any::<bool>());
        let config = Config {
            cases: 96,
            failure_persistence: None,
            ..Config::default()
        };
        let mut runner = TestRunner::new(config);
        let result = runner.run(&strategy, |(given, more, zipped)| {
            let more = if is_api { more } else { Vec::new() };
            let checked = check(&router, &description, operation, &given, &more, zipped);
            runtime.block_on(checked).map_err(TestCaseError::fail)
        });
        if let Err(error) = result {
            panic!("{}: {error}", operation.0);
        }
    }
}
