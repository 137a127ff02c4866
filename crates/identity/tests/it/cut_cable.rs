//! A cable to a database that tests can cut: with a word, as when the server ends, or without, as when a network does.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// Connections are closed, and new ones too.
    Cut,
    /// Connections stay, and nothing passes.
    Silent,
}

/// A cable.
pub struct Cable {
    /// The database at its other end.
    pub dsn: String,
    state: Arc<watch::Sender<State>>,
}

impl Cable {
    /// A whole cable to the database of `dsn`.
    pub async fn to(dsn: &str) -> Self {
        let mut url: Url = dsn.parse().expect("a URL");
        let target = (url.host_str().expect("a host").to_owned(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(listener.local_addr().expect("an address").port())).expect("a port");
        let state = Arc::new(watch::channel(State::Whole).0);
        let states = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, target.clone(), states.subscribe()));
            }
        });
        Self { dsn: url.into(), state }
    }

    /// Cuts it.
    pub fn cut(&self, silent: bool) {
        self.state.send_replace(if silent { State::Silent } else { State::Cut });
    }

    /// Makes it whole. Connections that were cut stay dead.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

/// Carries what two ends say until the cable is cut.
async fn carry(mut stream: TcpStream, target: (String, u16), mut state: watch::Receiver<State>) {
    let began_with = *state.borrow_and_update();
    if began_with == State::Whole
        && let Ok(mut server) = TcpStream::connect(target).await
    {
        tokio::select! {
            _ = copy_bidirectional(&mut stream, &mut server) => return,
            _ = state.wait_for(|state| *state != State::Whole) => {}
        }
    }
    // A silent end holds its socket, and even a mended cable does not bring an old connection back.
    if *state.borrow() == State::Silent {
        let _ = state.wait_for(|state| *state != State::Silent).await;
    }
}
