//! What ends a service from outside: signals, and the time a stop may take.
//!
//! Both have threads of their own. The timers and signals of a tokio runtime are served by its worker
//! threads, and handlers that block all of these would keep a process from noticing either.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// The signals that ask a process to end. From here on they no longer end it by themselves.
pub(super) struct Signals(oneshot::Receiver<Result<&'static str>>);

impl Signals {
    pub(super) fn listen() -> Result<Self> {
        let (tell, told) = oneshot::channel();
        let (listening, listens) = channel();
        spawn("kafmesh-signals", move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build();
            match runtime {
                Ok(runtime) => runtime.block_on(wait(listening, tell)),
                // Whoever waits learns that nobody listens, and why.
                Err(error) => drop(listening.send(Err(Error::handler(error)))),
            }
        })?;
        let ended = || Err(Error::handler("the thread that waits for signals ended"));
        listens.recv().unwrap_or_else(|_| ended())?;
        Ok(Self(told))
    }

    /// Resolves with the name of the first that arrives.
    pub(super) async fn next(&mut self) -> Result<&'static str> {
        match (&mut self.0).await {
            Ok(told) => told,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Tells the first signal, unless nobody wants to know any more.
async fn wait(listening: Sender<Result<()>>, mut tell: oneshot::Sender<Result<&'static str>>) {
    #[cfg(unix)]
    let signal = {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = signal(SignalKind::terminate())
            .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
        let (mut terminate, mut interrupt) = match signals {
            Ok(signals) => signals,
            Err(error) => return drop(listening.send(Err(Error::handler(error)))),
        };
        async move {
            tokio::select! {
                _ = terminate.recv() => Ok("SIGTERM"),
                _ = interrupt.recv() => Ok("SIGINT"),
            }
        }
    };
    #[cfg(not(unix))]
    let signal = async {
        let pressed = tokio::signal::ctrl_c().await;
        pressed.map(|()| "Ctrl-C").map_err(Error::handler)
    };
    // The service that asked may be gone already.
    let _ = listening.send(Ok(()));
    tokio::select! {
        told = signal => drop(tell.send(told)),
        () = tell.closed() => {}
    }
}

/// Passes after a time, whatever the threads of the runtime do.
pub(super) struct Deadline {
    passed: oneshot::Receiver<()>,
    /// Dropped with the deadline, which tells its thread that nobody waits any more.
    _waits: Sender<()>,
}

impl Deadline {
    pub(super) fn after(time: Duration) -> Result<Self> {
        let (tell, passed) = oneshot::channel();
        let (waits, waited) = channel::<()>();
        spawn("kafmesh-deadline", move || {
            if waited.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                // Nobody waits if the stop came to its end just now.
                let _ = tell.send(());
            }
        })?;
        Ok(Self {
            passed,
            _waits: waits,
        })
    }

    pub(super) async fn passed(&mut self) {
        if (&mut self.passed).await.is_err() {
            std::future::pending().await
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop).map_err(Error::handler)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_while_every_worker_is_blocked() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (release, blocked) = channel::<()>();
        runtime.block_on(async {
            let (begun, began) = oneshot::channel();
            tokio::spawn(async move {
                begun.send(()).unwrap();
                blocked.recv().unwrap();
            });
            began.await.unwrap();
            let mut deadline = Deadline::after(Duration::from_millis(20)).unwrap();
            deadline.passed().await;
        });
        release.send(()).unwrap();
    }
}
