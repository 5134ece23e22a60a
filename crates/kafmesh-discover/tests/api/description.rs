//! The description of the API: that it is whole.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::fixture::{Fixture, get, mesh};

async fn description() -> Value {
    get(&Fixture::new(mesh()).router(), "/openapi.json")
        .await
        .json()
}

#[tokio::test]
async fn it_is_what_the_library_tells() {
    let told = serde_json::to_value(kafmesh_discover::api::description()).unwrap();
    assert_eq!(description().await, told);
    assert_eq!(told["openapi"], "3.1.0");
}

#[tokio::test]
async fn every_route_is_in_it() {
    // axum tells its routes in its debug form only.
    let router = format!("{:?}", Fixture::new(mesh()).router());
    let routes: BTreeSet<&str> = router
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| text.starts_with('/') && !text.contains("__private__"))
        .collect();
    let description = description().await;
    let paths: BTreeSet<&str> = description["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(routes, paths);
}

#[tokio::test]
async fn every_operation_is_described_and_has_an_id_of_its_own() {
    let description = description().await;
    let mut ids = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            assert_eq!(method, "get", "{path}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let text = &parameter["description"];
                assert!(
                    text.as_str().is_some_and(|text| !text.is_empty()),
                    "{path}: {parameter}"
                );
            }
            let responses = operation["responses"].as_object().unwrap();
            for status in ["200", "421", "500", "504"] {
                assert!(responses.contains_key(status), "{path}: {status}");
            }
            let negotiates = responses.contains_key("406");
            assert_ne!(negotiates, path.starts_with("/health/"), "{path}");
            let open = operation["security"].as_array().unwrap().is_empty();
            assert_eq!(open, path.starts_with("/health/"), "{path}");
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let description = description().await;
    let mut waiting = vec![&description];
    let mut references = 0;
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(description.pointer(pointer).is_some(), "{reference}");
                    references += 1;
                }
                waiting.extend(object.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(references > 100, "{references}");
}

#[tokio::test]
async fn every_problem_is_described() {
    let description = description().await;
    let responses = description["components"]["responses"].as_object().unwrap();
    for kind in [
        "parameter",
        "token",
        "certificate",
        "unknown",
        "path",
        "method",
        "not-configured",
        "not-read",
        "streams",
    ] {
        let uri = format!("urn:kafmesh:problem:{kind}");
        let described = responses.values().any(|response| {
            response["content"]["application/problem+json"]["example"]["type"] == *uri
        });
        assert!(described, "{uri}");
    }
}
