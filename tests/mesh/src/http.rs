//! Plain HTTP, as the simplest of clients speaks it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The status and the body of what `path` answers.
pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let asked = async {
        let (status, mut stream) = ask(address, path).await;
        let mut body = String::new();
        stream.read_to_string(&mut body).await.unwrap();
        (status, body)
    };
    timeout(PATIENCE, asked).await.expect("no answer")
}

/// Asks for `path` in HTTP/1.0, whose bodies come as they are and end with the connection.
async fn ask(address: SocketAddr, path: &str) -> (u16, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
    }
    (status, stream)
}

/// A stream of server-sent events.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// Opens the one at `path`; `None` when there is none.
    pub async fn open(address: SocketAddr, path: &str) -> Option<Self> {
        let (status, stream) = ask(address, path).await;
        (status == 200).then_some(Self(stream))
    }

    /// The name and the data of the next event.
    pub async fn next(&mut self) -> (String, Value) {
        let reading = async {
            let mut name = String::new();
            let mut line = String::new();
            loop {
                line.clear();
                let length = self.0.read_line(&mut line).await.unwrap();
                assert_ne!(length, 0, "the stream ended");
                // Comments, which keep the connection open, are neither.
                if let Some(event) = line.strip_prefix("event: ") {
                    name = event.trim_end().to_owned();
                } else if let Some(data) = line.strip_prefix("data: ") {
                    return (name, serde_json::from_str(data).unwrap());
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("no event came")
    }
}
