//! The map as a file, read back.

use axum::http::StatusCode;

use crate::fixture::{Fixture, get, mesh};

/// The quoted texts of a file, unquoted by `unquote`; whatever is outside of quotes is plain.
fn quoted(file: &str, escape: Option<char>) -> Vec<String> {
    let (mut texts, mut current, mut chars) = (Vec::new(), None::<String>, file.chars());
    while let Some(c) = chars.next() {
        match (&mut current, c) {
            (None, '"') => current = Some(String::new()),
            (None, c) => assert!(
                c == '\n' || (' '..='~').contains(&c),
                "{c:?} outside of quotes"
            ),
            (Some(_), '"') => texts.extend(current.take()),
            (Some(text), c) if Some(c) == escape => text.push(chars.next().unwrap()),
            (Some(text), c) => {
                assert!(!c.is_control(), "{c:?} within quotes");
                text.push(c);
            }
        }
    }
    assert_eq!(current, None, "a quote is not closed");
    texts
}

#[tokio::test]
async fn json_has_every_node_and_edge() {
    let router = Fixture::new(mesh()).router();
    let graph = get(&router, "/api/v1/exports/mesh.json?pods=true")
        .await
        .json();
    let all = get(&router, "/api/v1/nodes?limit=1000").await.json();
    assert_eq!(graph["nodes"], all["items"]);
    let without = get(&router, "/api/v1/exports/mesh.json").await.json();
    let labels = without["nodes"].as_array().unwrap().iter();
    assert!(labels.clone().count() > 0);
    assert!(labels.into_iter().all(|node| node["label"] != "Pod"));
}

#[tokio::test]
async fn dot_holds_any_name() {
    let router = Fixture::new(mesh()).router();
    let answer = get(&router, "/api/v1/exports/mesh.dot").await;
    assert_eq!(answer.header("content-type"), Some("text/vnd.graphviz"));
    let dot = answer.text();
    let texts = quoted(dot, Some('\\'));
    assert!(texts.iter().any(|text| text == "shop.orders"));
    let hostile = "a\"b\\c/d%e␊]-->}; subgraph end <b>&amp;amp;`#\u{fffd}é💥";
    assert!(texts.iter().any(|text| text == hostile), "{texts:?}");
    let long = format!("{}…", "x".repeat(120));
    assert!(texts.contains(&long));
    assert_eq!(dot.matches('\n').count(), dot.lines().count());
    assert!(dot.ends_with("}\n"));
}

#[tokio::test]
async fn mermaid_holds_any_name() {
    let router = Fixture::new(mesh()).router();
    let answer = get(&router, "/api/v1/exports/mesh.mmd").await;
    assert_eq!(answer.header("content-type"), Some("text/vnd.mermaid"));
    let mermaid = answer.text();
    let texts = quoted(mermaid, None);
    assert!(texts.iter().any(|text| text == "shop.orders"));
    let hostile = "a#34;b#92;c/d#37;e␊#93;--#62;#125;#59; subgraph end #60;b#62;#38;amp#59;#96;#35;#65533;é#128165;";
    assert!(texts.iter().any(|text| text == hostile), "{texts:?}");
    let begun =
        mermaid.matches("\n  subgraph ").count() + mermaid.matches("\n    subgraph ").count();
    let ended = mermaid.lines().filter(|line| line.trim() == "end").count();
    assert_eq!((begun, ended), (4, 4));
}

#[tokio::test]
async fn a_part_is_what_is_around_a_node() {
    let router = Fixture::new(mesh()).router();
    let names = async |query: &str| {
        let answer = get(&router, &format!("/api/v1/exports/mesh.mmd?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let mut names = quoted(answer.text(), None);
        names.sort();
        names
    };
    assert_eq!(
        names("label=Topic&key=prices&depth=1").await,
        [
            "articleId.price",
            "orders",
            "prices",
            "prices",
            "shop",
            "totals"
        ]
    );
    assert_eq!(names("label=Topic&key=prices&depth=0").await, ["prices"]);
    let shop = names("label=Service&key=shop&depth=1").await;
    assert!(shop.contains(&"crm.customers".to_owned()), "{shop:?}");
    assert!(!shop.iter().any(|name| name.contains("xxx")));
}
