//! What becomes of a Neo4j that takes its time.

use tokio::net::TcpListener;

use super::*;

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_in_time_has_more_time_when_asked_again() {
    // Takes connections and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = Neo4j::new(Settings {
        uri: format!("bolt://{}", listener.local_addr().unwrap()),
        user: "neo4j".into(),
        password: "any".into(),
        database: None,
        ca: None,
    });
    let mut waited = Vec::new();
    for _ in 0..7 {
        let begun = tokio::time::Instant::now();
        let error = store.load().await.unwrap_err();
        let Error::Timeout { seconds, next, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(begun.elapsed().as_secs(), *seconds, "{error}");
        waited.push((*seconds, *next));
        let told = error.to_string();
        assert!(told.contains(&format!("more than {seconds} s")), "{told}");
    }
    let all = TIMEOUT.as_secs();
    let doubled = [1, 2, 4, 8, 16, 16, 16].map(|times| times * all);
    let waited: Vec<_> = waited.iter().map(|(waited, _)| *waited).collect();
    assert_eq!(waited, doubled);
}

#[test]
fn a_statement_that_takes_too_long_is_told_with_the_time_it_had() {
    let mut state = State {
        patience: 2,
        ..State::default()
    };
    let late = failed("writing the graph")(neo4rs::Error::ConnectionTimedOut);
    let error = state.keep_after::<()>(Err(late)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "writing the graph in Neo4j took more than 120 s; the next attempt has 240 s"
    );
    assert_eq!(state.patience, 4);
    // Another error does not take it back, a success does.
    let other = state.keep_after::<()>(Err(Error::Emptied));
    assert!(matches!(other, Err(Error::Emptied)));
    assert_eq!(state.patience, 4);
    state.keep_after(Ok(())).unwrap();
    assert_eq!(state.patience, 1);
}
