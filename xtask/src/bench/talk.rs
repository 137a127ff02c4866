//! One kept HTTP/1.1 connection to the server, with as little work on this side as can be: client and server share the machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

/// A connection.
pub struct Talk {
    stream: BufReader<TcpStream>,
    authority: String,
    /// Who says to ask: the server trusts this machine to pass that on.
    client: Option<String>,
    body: Vec<u8>,
}

impl Talk {
    /// Opens one to this host and port.
    pub fn open(authority: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(authority).context("the server does not listen")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream: BufReader::new(stream), authority: authority.to_owned(), client: None, body: Vec::new() })
    }

    /// The same, as a client with an address of its own.
    pub fn open_as(authority: &str, client: String) -> anyhow::Result<Self> {
        Ok(Self { client: Some(client), ..Self::open(authority)? })
    }

    /// The bytes of a request, to be sent as often as one likes.
    pub fn request(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Vec<u8> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n", self.authority);
        if let Some(token) = token {
            text += &format!("X-Session-Token: {token}\r\n");
        }
        if let Some(client) = &self.client {
            text += &format!("X-Forwarded-For: {client}\r\n");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        (text + "\r\n" + &body).into_bytes()
    }

    /// Sends a request and reads the whole answer; its body stays until the next one.
    pub fn send(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.get_mut().write_all(request)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the server hung up")?;
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        }
        self.body.resize(length.unwrap_or_default(), 0);
        self.stream.read_exact(&mut self.body)?;
        Ok(status)
    }

    /// Asks, and reads JSON.
    pub fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
        let request = self.request(method, path, None, body);
        let status = self.send(&request)?;
        Ok((status, serde_json::from_slice(&self.body).unwrap_or_default()))
    }

    /// Begins a flow and gives the path that its form goes to.
    pub fn begin(&mut self, kind: &str) -> anyhow::Result<String> {
        let (status, flow) = self.ask("GET", &format!("/self-service/{kind}/api"), None)?;
        let id = flow["id"].as_str().with_context(|| format!("no {kind} begins ({status}): {flow}"))?;
        Ok(format!("/self-service/{kind}?flow={id}"))
    }
}
