//! A mail server that does as a test tells it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use courier::{CourierSettings, Smtp};
use foundation::Secret;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_rustls::TlsAcceptor;

/// What the server does to a recipient.
#[derive(Clone)]
pub(crate) enum Manner {
    Accept,
    /// Answers this to `RCPT`.
    Refuse(&'static str),
    /// Hangs up instead of answering to `RCPT`.
    HangUp,
    /// Takes the mail, says nothing until told so.
    Wait(Arc<Notify>),
}

/// A mail that the server took.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) recipients: Vec<String>,
    pub(crate) data: String,
}

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) extensions: &'static [&'static str],
    pub(crate) auth_answer: &'static str,
    pub(crate) tls: Option<TlsAcceptor>,
    /// TLS from the first byte.
    pub(crate) implicit: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { extensions: &["8BITMIME"], auth_answer: "235 welcome", tls: None, implicit: false }
    }
}

pub(crate) struct MailServer {
    pub(crate) port: u16,
    manners: Arc<Mutex<HashMap<String, Manner>>>,
    /// Each mail as its data arrives, before it is answered.
    pub(crate) arrived: mpsc::UnboundedReceiver<Taken>,
    /// Each line that a client said outside of mails.
    pub(crate) said: Arc<Mutex<Vec<String>>>,
}

struct Shared {
    options: Options,
    manners: Arc<Mutex<HashMap<String, Manner>>>,
    arrivals: mpsc::UnboundedSender<Taken>,
    said: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub(crate) async fn start(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (arrivals, arrived) = mpsc::unbounded_channel();
        let manners = Arc::<Mutex<HashMap<String, Manner>>>::default();
        let said = Arc::<Mutex<Vec<String>>>::default();
        let shared = Arc::new(Shared { options, manners: manners.clone(), arrivals, said: said.clone() });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { port, manners, arrived, said }
    }

    pub(crate) fn manner(&self, recipient: &str, manner: Manner) {
        self.manners.lock().unwrap().insert(recipient.to_owned(), manner);
    }

    pub(crate) fn uri(&self, scheme: &str, query: &str) -> CourierSettings {
        let uri = format!("{scheme}://127.0.0.1:{}/?{query}", self.port);
        with_uri(&uri)
    }

    /// Settings that reach this server in the open.
    pub(crate) fn plain(&self) -> CourierSettings {
        self.uri("smtp", "disable_starttls=true")
    }

    pub(crate) async fn next(&mut self) -> Taken {
        self.arrived.recv().await.unwrap()
    }
}

pub(crate) fn with_uri(uri: &str) -> CourierSettings {
    CourierSettings {
        smtp: Smtp {
            connection_uri: Some(Secret::new(uri.to_owned())),
            from_address: "no-reply@limen.example".to_owned(),
            ..Smtp::default()
        },
        ..CourierSettings::default()
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let acceptor = shared.options.tls.clone();
    match acceptor {
        Some(acceptor) if shared.options.implicit => {
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = talk(BufReader::new(stream), &shared, true).await;
            }
        }
        Some(acceptor) => {
            if let Ok(Some(stream)) = talk(BufReader::new(stream), &shared, true).await
                && let Ok(stream) = acceptor.accept(stream.into_inner()).await
            {
                let _ = talk(BufReader::new(stream), &shared, false).await;
            }
        }
        None => {
            let _ = talk(BufReader::new(stream), &shared, true).await;
        }
    }
}

/// Speaks until the client leaves; gives the stream back when it asks for STARTTLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    shared: &Shared,
    greet: bool,
) -> std::io::Result<Option<BufReader<S>>> {
    let mut recipients: Vec<String> = Vec::new();
    if greet {
        stream.write_all(b"220 test\r\n").await?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_owned();
        shared.said.lock().unwrap().push(line.clone());
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => {
                let mut lines: Vec<String> = vec!["250-test".to_owned()];
                lines.extend(shared.options.extensions.iter().map(|extension| format!("250-{extension}")));
                lines.push("250 SIZE 1000000".to_owned());
                lines.join("\r\n")
            }
            "STARTTLS" => {
                stream.write_all(b"220 go ahead\r\n").await?;
                return Ok(Some(stream));
            }
            "AUTH" => shared.options.auth_answer.to_owned(),
            "MAIL" => {
                recipients.clear();
                "250 fine".to_owned()
            }
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                match manner(shared, &address) {
                    Manner::Refuse(answer) => answer.to_owned(),
                    Manner::HangUp => return Ok(None),
                    Manner::Accept | Manner::Wait(_) => {
                        recipients.push(address);
                        "250 fine".to_owned()
                    }
                }
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let data = read_data(&mut stream).await?;
                shared.arrivals.send(Taken { recipients: recipients.clone(), data }).unwrap();
                for recipient in &recipients {
                    if let Manner::Wait(told) = manner(shared, recipient) {
                        told.notified().await;
                    }
                }
                "250 taken".to_owned()
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(None);
            }
            _ => "502 unknown".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

fn manner(shared: &Shared, address: &str) -> Manner {
    shared.manners.lock().unwrap().get(address).cloned().unwrap_or(Manner::Accept)
}

async fn read_data<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(data);
        }
        data.push_str(&line);
    }
}
