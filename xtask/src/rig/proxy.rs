//! A small reverse proxy for several nodes: what a load balancer does, and no more. It asks each node whether it is ready,
//! sends requests to those that are, keeps connections to them open, and never sends a request twice that may have been
//! done once. HTTP/1.1 with bodies of a stated length, which is all that limen and the programs of this folder speak.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::client::{Request, send};

/// How often nodes are asked whether they are ready. A node's `serve.drain_delay` has to be longer.
const LOOK: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(30);
/// Shorter than limen keeps an idle connection.
const KEPT: Duration = Duration::from_secs(20);

/// A proxy that runs, as long as the program does.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    nodes: Vec<Upstream>,
    turn: AtomicUsize,
}

struct Upstream {
    authority: String,
    ready: AtomicBool,
    served: AtomicUsize,
    idle: Mutex<Vec<(Instant, BufReader<TcpStream>)>>,
}

impl Proxy {
    /// Starts it on `port` (0 takes a free one) in front of the nodes with these hosts and ports.
    pub fn start(port: u16, nodes: &[String]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let port = listener.local_addr()?.port();
        let nodes = nodes.iter().map(|authority| Upstream {
            authority: authority.clone(),
            ready: AtomicBool::new(false),
            served: AtomicUsize::new(0),
            idle: Mutex::default(),
        });
        let shared = Arc::new(Shared { nodes: nodes.collect(), turn: AtomicUsize::new(0) });
        for index in 0..shared.nodes.len() {
            let shared = Arc::clone(&shared);
            spawn(move || look_forever(&shared.nodes[index]));
        }
        let serving = Arc::clone(&shared);
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // A client that goes away is no concern of others.
                spawn(move || drop(serve(&shared, stream)));
            }
        });
        Ok(Self { port, shared })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many answers came from each node.
    pub fn served(&self) -> Vec<usize> {
        self.shared.nodes.iter().map(|node| node.served.load(Ordering::Relaxed)).collect()
    }

    /// Whether it sends requests to this node.
    pub fn is_ready(&self, node: usize) -> bool {
        self.shared.nodes[node].ready.load(Ordering::Relaxed)
    }
}

fn look_forever(node: &Upstream) {
    let url = format!("http://{}/health/ready", node.authority);
    loop {
        let request = Request { method: "GET", url: &url, token: None, body: None };
        if send(&request).is_ok_and(|answer| answer.status == 200) {
            node.ready.store(true, Ordering::Relaxed);
        } else {
            node.leave_out();
        }
        sleep(LOOK);
    }
}

/// One client's connection: requests one after the other.
fn serve(shared: &Shared, client: TcpStream) -> anyhow::Result<()> {
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(Duration::from_secs(120)))?;
    let address = client.peer_addr()?.ip().to_string();
    let mut output = client.try_clone()?;
    let mut input = BufReader::new(client);
    while let Some(mut request) = Message::read(&mut input)? {
        request.come_from(&address);
        let Some(answer) = forward(shared, &request) else {
            output.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
            return Ok(());
        };
        output.write_all(&answer.bytes)?;
        if request.closes {
            return Ok(());
        }
    }
    Ok(())
}

/// The answer of the first node that gives one. A node that cannot be reached has not seen the request, so another one may
/// get it; one that breaks off may have done it, so nobody else gets it unless it only reads.
fn forward(shared: &Shared, request: &Message) -> Option<Message> {
    let count = shared.nodes.len();
    let first = shared.turn.fetch_add(1, Ordering::Relaxed);
    let order = (0..count).map(|step| &shared.nodes[(first + step) % count]);
    for node in order.filter(|node| node.ready.load(Ordering::Relaxed)) {
        let Ok(mut stream) = node.connection() else {
            node.leave_out();
            continue;
        };
        match exchange(&mut stream, request) {
            Ok(answer) => {
                node.served.fetch_add(1, Ordering::Relaxed);
                if !answer.closes && node.ready.load(Ordering::Relaxed) {
                    node.idle().push((Instant::now(), stream));
                }
                return Some(answer);
            }
            Err(_) if request.only_reads => {}
            Err(_) => return None,
        }
    }
    None
}

impl Upstream {
    /// A connection that was kept, or a new one.
    fn connection(&self) -> anyhow::Result<BufReader<TcpStream>> {
        while let Some((since, stream)) = self.idle().pop() {
            if since.elapsed() < KEPT {
                return Ok(stream);
            }
        }
        let address = self.authority.to_socket_addrs()?.next().context("no address")?;
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(stream))
    }

    /// No request goes to this node until it is ready again, and none to connections of its life before.
    fn leave_out(&self) {
        self.ready.store(false, Ordering::Relaxed);
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, BufReader<TcpStream>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exchange(stream: &mut BufReader<TcpStream>, request: &Message) -> anyhow::Result<Message> {
    stream.get_mut().write_all(&request.bytes)?;
    Message::read(stream)?.context("the node hung up")
}

/// A request or an answer, whole, without what concerns one connection only.
struct Message {
    bytes: Vec<u8>,
    /// Where the first line ends.
    first: usize,
    closes: bool,
    only_reads: bool,
}

impl Message {
    /// The next message; `None` if the other side closed before it.
    fn read(from: &mut BufReader<TcpStream>) -> anyhow::Result<Option<Self>> {
        let mut first = String::new();
        if from.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        // HTTP/1.0 closes unless it says otherwise, which none of our clients does.
        let mut closes = first.contains("HTTP/1.0");
        let only_reads = first.starts_with("GET ") || first.starts_with("HEAD ");
        let mut bytes = first.replace("HTTP/1.0", "HTTP/1.1").into_bytes();
        let first = bytes.len();
        let mut length = 0;
        loop {
            let start = bytes.len();
            ensure!(from.read_until(b'\n', &mut bytes)? > 0 && start < 65_536, "the head breaks off");
            let line = String::from_utf8_lossy(&bytes[start..]).into_owned();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            let (name, value) = (name.to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "transfer-encoding" => bail!("bodies without a length are not for this proxy"),
                "content-length" => length = value.parse().context("a length that is no number")?,
                "connection" => {
                    closes |= value.eq_ignore_ascii_case("close");
                    bytes.truncate(start);
                }
                // Only what this proxy itself has seen is passed on.
                "x-forwarded-for" | "forwarded" => bytes.truncate(start),
                _ => {}
            }
        }
        let head = bytes.len();
        ensure!(length < 16 << 20, "the body is too long");
        bytes.resize(head + length, 0);
        from.read_exact(&mut bytes[head..])?;
        Ok(Some(Self { bytes, first, closes, only_reads }))
    }

    /// Tells the node who asks.
    fn come_from(&mut self, address: &str) {
        let line = format!("X-Forwarded-For: {address}\r\n");
        self.bytes.splice(self.first..self.first, line.into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that answers each request with its name, `times` times, and hangs up after that.
    fn node(name: &'static str, times: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut left = times;
                spawn(move || {
                    let mut input = BufReader::new(stream);
                    while let Ok(Some(message)) = Message::read(&mut input) {
                        let health = message.bytes.starts_with(b"GET /health");
                        if !health && left == 0 {
                            return;
                        }
                        left -= usize::from(!health);
                        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n\"{name}\"", name.len() + 2);
                        input.get_mut().write_all(text.as_bytes()).unwrap();
                        if message.closes {
                            return;
                        }
                    }
                });
            }
        });
        authority
    }

    fn wait(proxy: &Proxy, node: usize) {
        while !proxy.is_ready(node) {
            sleep(Duration::from_millis(5));
        }
    }

    fn ask(proxy: &Proxy, method: &str) -> (u16, String) {
        let url = format!("{}/", proxy.url());
        let answer = send(&Request { method, url: &url, token: None, body: None }).unwrap();
        (answer.status, answer.body.as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn both_nodes_get_their_share_and_one_that_is_gone_gets_none() {
        let proxy = Proxy::start(0, &[node("a", 99), node("b", 99), "127.0.0.1:1".into()]).unwrap();
        wait(&proxy, 0);
        wait(&proxy, 1);
        let mut names: Vec<String> = (0..6).map(|_| ask(&proxy, "GET").1).collect();
        names.sort();
        assert!(names.iter().all(|name| name == "a" || name == "b"), "{names:?}");
        assert!(proxy.served()[0] >= 2 && proxy.served()[1] >= 2 && proxy.served()[2] == 0);
    }

    #[test]
    fn what_may_have_been_done_is_not_sent_again() {
        let proxy = Proxy::start(0, &[node("breaks", 0), node("b", 99)]).unwrap();
        wait(&proxy, 0);
        wait(&proxy, 1);
        for _ in 0..4 {
            assert_eq!(ask(&proxy, "GET"), (200, "b".to_owned()));
        }
        let mut statuses: Vec<u16> = (0..4).map(|_| ask(&proxy, "POST").0).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 502, 502]);
    }
}
