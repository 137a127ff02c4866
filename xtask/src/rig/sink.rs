//! A mail server that keeps what it gets (RFC 5321, as little of it as a client needs), and can misbehave.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;

/// A mail that was taken: the server said 250 to it, or meant to.
#[derive(Debug, Clone)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// Its `Message-ID`: the same for each copy of one mail.
    pub id: String,
    /// Its `Subject`.
    pub subject: String,
}

/// How the server behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Good,
    /// Takes this long for each mail.
    Slow(Duration),
    /// Says 550 to this recipient.
    Refuses(String),
    /// Closes the connection in the middle of a mail.
    Drops,
    /// Closes every connection at once.
    Down,
}

/// The mail server. It lives as long as the program.
#[derive(Clone)]
pub struct Sink {
    port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    mails: Vec<Mail>,
    manner: Manner,
}

impl Sink {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State { mails: Vec::new(), manner: Manner::Good }));
        let sink = Self { port, state };
        let serving = sink.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sink = serving.clone();
                // A connection that breaks is the client's business.
                std::thread::spawn(move || drop(sink.talk(stream)));
            }
        });
        Ok(sink)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes how it behaves, for mails that begin from now on.
    pub fn behave(&self, manner: Manner) {
        self.lock().manner = manner;
    }

    /// All mails so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.lock().mails.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn talk(&self, stream: TcpStream) -> anyhow::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut output = stream.try_clone()?;
        let mut lines = BufReader::new(stream).lines();
        if self.lock().manner == Manner::Down {
            return Ok(());
        }
        write!(output, "220 sink.test\r\n")?;
        let mut to = String::new();
        while let Some(line) = lines.next() {
            let line = line?;
            let manner = self.lock().manner.clone();
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let reply = match verb.as_str() {
                "EHLO" | "HELO" | "MAIL" | "RSET" | "NOOP" => "250 ok",
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).context("no recipient")?.to_owned();
                    if manner == Manner::Refuses(to.clone()) { "550 nobody of that name" } else { "250 ok" }
                }
                "DATA" => {
                    write!(output, "354 go on\r\n")?;
                    if manner == Manner::Drops {
                        return Ok(());
                    }
                    let mail = read_mail(&mut lines, &to)?;
                    if let Manner::Slow(time) = manner {
                        std::thread::sleep(time);
                    }
                    self.lock().mails.push(mail);
                    "250 taken"
                }
                "QUIT" => {
                    write!(output, "221 bye\r\n")?;
                    return Ok(());
                }
                _ => "502 what?",
            };
            write!(output, "{reply}\r\n")?;
        }
        Ok(())
    }
}

fn read_mail(lines: &mut impl Iterator<Item = std::io::Result<String>>, to: &str) -> anyhow::Result<Mail> {
    let mut mail = Mail { to: to.to_owned(), id: String::new(), subject: String::new() };
    loop {
        let line = lines.next().context("the mail breaks off")??;
        if line == "." {
            return Ok(mail);
        }
        if let Some(id) = line.strip_prefix("Message-ID: ") {
            mail.id = id.to_owned();
        }
        if let Some(subject) = line.strip_prefix("Subject: ") {
            mail.subject = subject.to_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn deliver(sink: &Sink, to: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", sink.port())).unwrap();
        let text = format!(
            "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<{to}>\r\nDATA\r\nMessage-ID: <1@b>\r\nSubject: Hi\r\n\r\nx\r\n.\r\nQUIT\r\n"
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        // A server that drops the connection may do so with a reset.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn it_keeps_mails_and_misbehaves_on_demand() {
        let sink = Sink::start().unwrap();
        assert!(deliver(&sink, "c@d").contains("250 taken"));
        let mails = sink.mails();
        assert_eq!((mails[0].to.as_str(), mails[0].id.as_str(), mails[0].subject.as_str()), ("c@d", "<1@b>", "Hi"));
        sink.behave(Manner::Refuses("c@d".into()));
        assert!(deliver(&sink, "c@d").contains("550"));
        assert!(!deliver(&sink, "e@d").contains("550"));
        for manner in [Manner::Drops, Manner::Down] {
            sink.behave(manner);
            assert!(!deliver(&sink, "c@d").contains("250 taken"));
        }
    }
}
