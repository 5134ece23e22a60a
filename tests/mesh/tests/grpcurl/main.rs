//! A process asked by grpcurl, which knows nothing of kafmesh: reflection tells it all it needs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod described;
mod mutual_tls;
mod watched;

use std::net::SocketAddr;
use std::process::Output;

use kafmesh_mesh_tests::servers::required;
use serde_json::Value;
use tokio::process::Command;

/// A grpcurl that is killed when it is dropped.
fn command() -> Command {
    let program = required("KAFMESH_TEST_GRPCURL", "cargo xtask servers tools");
    let mut command = Command::new(program);
    command.args(["-max-time", "60"]).kill_on_drop(true);
    command
}

async fn grpcurl(arguments: &[&str]) -> Output {
    command().args(arguments).output().await.unwrap()
}

/// What grpcurl prints, without TLS.
async fn plaintext(address: SocketAddr, rest: &[&str]) -> String {
    let address = address.to_string();
    printed(&[&["-plaintext", &address], rest].concat()).await
}

async fn printed(arguments: &[&str]) -> String {
    let output = grpcurl(arguments).await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "grpcurl {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The answer of a method that needs no request.
async fn ask(address: SocketAddr, method: &str) -> Value {
    let answer = plaintext(address, &[method]).await;
    serde_json::from_str(&answer).unwrap()
}
