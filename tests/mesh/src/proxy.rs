//! A connection to a server that can be cut and restored.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a server, while it is told to.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    left: Arc<AtomicUsize>,
    heard: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Silent,
    Cut,
}

impl Proxy {
    /// In front of `server`, open.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(watch::Sender::new(State::Open)),
            left: Arc::new(AtomicUsize::new(usize::MAX)),
            heard: Arc::new(AtomicUsize::new(usize::MAX)),
        };
        let (state, left, heard) = (proxy.state.clone(), proxy.left.clone(), proxy.heard.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (state, left, heard) = (state.clone(), left.clone(), heard.clone());
                tokio::spawn(pass_on(client, server, state, left, heard));
            }
        });
        proxy
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections, and every one that comes.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Passes nothing on any more, and closes nothing: neither side is told. What is there or comes
    /// until it is restored stays like that.
    pub fn fall_silent(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Passes so many more pieces of what clients send on to the server, then cuts.
    pub fn cut_after(&self, pieces: usize) {
        self.left.store(pieces, Ordering::SeqCst);
    }

    /// Passes so many more pieces of what clients send on to the server, and cuts when that begins to
    /// answer the last of them: what it was told to do is done, and nobody hears of it.
    pub fn mute_after(&self, pieces: usize) {
        self.heard.store(pieces, Ordering::SeqCst);
    }

    /// Passes on again what comes from now on.
    pub fn restore(&self) {
        self.left.store(usize::MAX, Ordering::SeqCst);
        self.heard.store(usize::MAX, Ordering::SeqCst);
        self.state.send_replace(State::Open);
    }
}

async fn pass_on(
    client: TcpStream,
    server: SocketAddr,
    state: Arc<watch::Sender<State>>,
    left: Arc<AtomicUsize>,
    heard: Arc<AtomicUsize>,
) {
    let mut seen = state.subscribe();
    let now = *seen.borrow_and_update();
    if now == State::Cut {
        return;
    }
    if now == State::Silent {
        let _ = seen.wait_for(|state| *state == State::Cut).await;
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut piece = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from_client.read(&mut piece).await {
            match left.load(Ordering::SeqCst) {
                0 => {
                    state.send_replace(State::Cut);
                    return;
                }
                usize::MAX => {}
                more => left.store(more - 1, Ordering::SeqCst),
            }
            match heard.load(Ordering::SeqCst) {
                0 | usize::MAX => {}
                more => heard.store(more - 1, Ordering::SeqCst),
            }
            if to_server.write_all(&piece[..length]).await.is_err() {
                return;
            }
        }
        // The client sends no more; what the server still answers goes on.
        let _ = to_server.shutdown().await;
        std::future::pending().await
    };
    let answers = async {
        let mut piece = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from_server.read(&mut piece).await {
            if heard.load(Ordering::SeqCst) == 0 {
                state.send_replace(State::Cut);
                return;
            }
            if to_client.write_all(&piece[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
        _ = seen.wait_for(|state| *state != State::Open) => {}
    }
    let now = *seen.borrow();
    if now == State::Silent {
        // Neither connection is closed meanwhile.
        let _ = seen.wait_for(|state| *state == State::Cut).await;
    }
}
