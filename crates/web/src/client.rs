//! Who is at the other end: address, program and place, as far as they can be believed. Headers that a proxy adds count
//! only if the peer is a configured proxy, because anybody can write them.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Extension;
use foundation::ClientInfo;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, Uri};
use ipnet::IpNet;

/// What is kept of a header that is stored with a session.
const LONGEST: usize = 512;

/// The other end of the connection that a request came on. [`crate::listen::serve`] puts it into each request's
/// extensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; `None` on a Unix socket.
    pub address: Option<SocketAddr>,
    /// True if limen itself ended TLS for this connection.
    pub tls: bool,
}

impl Peer {
    /// The peer of a request, from its extensions.
    pub fn of(extensions: &http::Extensions) -> Self {
        extensions.get::<Self>().copied().unwrap_or_default()
    }
}

/// For handlers: `peer: PeerOf` is the extension that `serve` sets.
pub type PeerOf = Extension<Peer>;

/// The proxies whose forwarding headers count.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    unix: bool,
}

/// Why an entry of the list of trusted proxies can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is no proxy address: write an address (10.0.0.1), a network (10.0.0.0/8, fd00::/8), or unix for everything that comes over a Unix socket"
)]
pub struct ProxyError(String);

impl TrustedProxies {
    /// No proxy is trusted.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads addresses, networks in CIDR notation, and `unix`.
    ///
    /// # Errors
    ///
    /// The first entry that is none of these.
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, ProxyError> {
        let mut proxies = Self::default();
        for entry in entries.iter().map(|entry| entry.as_ref().trim()) {
            if entry == "unix" {
                proxies.unix = true;
                continue;
            }
            let network = entry.parse().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from));
            proxies.networks.push(network.ok_or_else(|| ProxyError(entry.to_owned()))?);
        }
        Ok(proxies)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    fn trusts_peer(&self, peer: Option<SocketAddr>) -> bool {
        peer.map_or(self.unix, |peer| self.trusts(peer.ip()))
    }
}

/// What is known of the sender of a request. The address never has a port.
///
/// From a trusted proxy the first of `True-Client-Ip`, `Cf-Connecting-Ip` and `X-Real-Ip` that holds an address counts,
/// then the right-most entry of `X-Forwarded-For` that is no trusted proxy itself. A proxy that passes on the first
/// three without setting them lets clients choose their address: it has to remove them.
pub fn client_info(headers: &HeaderMap, peer: Option<SocketAddr>, trusted: &TrustedProxies) -> ClientInfo {
    let through_proxy = trusted.trusts_peer(peer);
    let forwarded = through_proxy.then(|| forwarded_address(headers, trusted)).flatten();
    ClientInfo {
        address: forwarded.or(peer.map(|peer| peer.ip().to_canonical())),
        user_agent: text(headers, USER_AGENT.as_str()),
        location: through_proxy.then(|| location(headers)).flatten(),
    }
}

/// What of an address tells clients apart, as a number: all of an IPv4 address, and of an IPv6 address the first 64 bits,
/// because whoever has one of those networks has all addresses in it.
pub fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

/// Scheme and host as the client used them, such as `https://login.example.com`: what a flow remembers in its
/// `request_url`. Never for links, redirects or decisions: those use the configured address. `None` if the request
/// names no usable host.
pub fn forwarded_base(headers: &HeaderMap, uri: &Uri, peer: Peer, trusted: &TrustedProxies) -> Option<String> {
    let through_proxy = trusted.trusts_peer(peer.address);
    let proxied = |name: &str| through_proxy.then(|| first(headers, name)).flatten();
    let scheme = match proxied("x-forwarded-proto").as_deref() {
        Some("https") => "https",
        Some("http") => "http",
        _ if peer.tls => "https",
        _ => "http",
    };
    let host = proxied("x-forwarded-host").or_else(|| host_of(headers, uri))?;
    is_authority(&host).then(|| format!("{scheme}://{host}"))
}

/// The host that a request names, with its port: `Host`, or the authority of HTTP/2.
pub(crate) fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let authority = uri.authority().map(|authority| authority.as_str().to_owned());
    authority.or_else(|| first(headers, HOST.as_str()))
}

/// True for `host` or `host:port`, and nothing that could change the meaning of an address made with it.
fn is_authority(text: &str) -> bool {
    let parsed: Result<http::uri::Authority, _> = text.parse();
    parsed.is_ok_and(|authority| !text.contains('@') && !authority.host().is_empty() && authority.as_str() == text)
}

fn forwarded_address(headers: &HeaderMap, trusted: &TrustedProxies) -> Option<IpAddr> {
    let single = ["true-client-ip", "cf-connecting-ip", "x-real-ip"];
    if let Some(address) = single.iter().find_map(|name| address(&first(headers, name)?)) {
        return Some(address);
    }
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut nearest = None;
    for entry in chain.iter().rev() {
        // What stands left of a broken entry was written by nobody we know.
        let Some(hop) = address(entry) else { break };
        nearest = Some(hop);
        if !trusted.trusts(hop) {
            break;
        }
    }
    nearest
}

/// An address with or without a port, in brackets or not.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed: Option<IpAddr> = bare.parse().ok();
    parsed.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())).map(|address| address.to_canonical())
}

fn location(headers: &HeaderMap) -> Option<String> {
    let parts: Vec<String> = ["cf-ipcity", "cf-ipcountry"].iter().filter_map(|name| text(headers, name)).collect();
    (!parts.is_empty()).then(|| cut(&parts.join(", ")).to_owned())
}

fn first(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?.split(',').next()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// A header as text, without what no database keeps (U+0000) and no longer than is worth keeping.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).replace('\0', "");
    let value = cut(value.trim());
    (!value.is_empty()).then(|| value.to_owned())
}

/// The longest beginning of `text` of at most 512 bytes that ends between characters.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
        }
        map
    }

    fn address_seen(pairs: &[(&'static str, &str)], peer: &str) -> String {
        let trusted = TrustedProxies::parse(&["10.0.0.0/8", "fd00::/8", "192.0.2.7"]).expect("networks");
        let peer = Some(peer.parse().expect("a socket address"));
        client_info(&headers(pairs), peer, &trusted).address.expect("an address").to_string()
    }

    #[test]
    fn strangers_cannot_choose_their_address() {
        let forged = [("x-forwarded-for", "1.2.3.4"), ("true-client-ip", "1.2.3.4"), ("x-real-ip", "1.2.3.4")];
        assert_eq!(address_seen(&forged, "203.0.113.9:5000"), "203.0.113.9");
        let place = [("cf-ipcity", "Bern"), ("cf-ipcountry", "CH")];
        let peer = Some("203.0.113.9:1".parse().expect("a socket address"));
        assert_eq!(client_info(&headers(&place), peer, &TrustedProxies::none()).location, None);
    }

    #[test]
    fn behind_a_trusted_proxy_the_right_most_untrusted_entry_counts() {
        for (chain, seen) in [
            ("1.2.3.4, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
            ("1.2.3.4, 203.0.113.9:444", "203.0.113.9"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("::ffff:198.51.100.4", "198.51.100.4"),
            ("10.2.2.2, 10.1.1.1", "10.2.2.2"),
            ("1.2.3.4, unknown, 10.1.1.1", "10.1.1.1"),
            ("nonsense", "10.0.0.1"),
        ] {
            assert_eq!(address_seen(&[("x-forwarded-for", chain)], "10.0.0.1:80"), seen, "{chain}");
        }
        let two_lines = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(address_seen(&two_lines, "[fd00::1]:80"), "203.0.113.9");
        assert_eq!(address_seen(&two_lines, "[::ffff:10.0.0.1]:80"), "203.0.113.9");
    }

    #[test]
    fn the_named_headers_come_before_the_chain() {
        let all =
            [("x-forwarded-for", "203.0.113.1"), ("x-real-ip", "203.0.113.2"), ("cf-connecting-ip", "203.0.113.3")];
        assert_eq!(address_seen(&all, "192.0.2.7:80"), "203.0.113.3");
        assert_eq!(
            address_seen(&[("true-client-ip", "rubbish"), ("x-real-ip", "203.0.113.2")], "10.0.0.1:1"),
            "203.0.113.2"
        );
    }

    #[test]
    fn a_unix_socket_is_trusted_only_if_named() {
        let sent = headers(&[("x-real-ip", "203.0.113.2")]);
        assert_eq!(client_info(&sent, None, &TrustedProxies::none()).address, None);
        let unix = TrustedProxies::parse(&["unix"]).expect("unix");
        assert_eq!(client_info(&sent, None, &unix).address, Some("203.0.113.2".parse().expect("an address")));
    }

    #[test]
    fn long_headers_are_cut_between_characters() {
        let long = "é".repeat(300);
        let trusted = TrustedProxies::parse(&["unix"]).expect("unix");
        let info = client_info(&headers(&[("user-agent", &format!("a{long}")), ("cf-ipcity", &long)]), None, &trusted);
        assert_eq!(info.user_agent.expect("one").len(), 511);
        assert_eq!(info.location.expect("one").len(), 512);
        assert_eq!(
            client_info(&headers(&[("cf-ipcity", "Bern"), ("cf-ipcountry", "CH")]), None, &trusted).location.as_deref(),
            Some("Bern, CH")
        );
    }

    #[test]
    fn forwarded_host_and_scheme_count_from_proxies_only() {
        let trusted = TrustedProxies::parse(&["10.0.0.0/8"]).expect("networks");
        let sent = headers(&[
            ("host", "inside:4433"),
            ("x-forwarded-host", "login.example.com"),
            ("x-forwarded-proto", "https"),
        ]);
        let base = |sent: &HeaderMap, peer: &str, tls| {
            let peer = Peer { address: Some(peer.parse().expect("a socket address")), tls };
            forwarded_base(sent, &Uri::from_static("/a"), peer, &trusted)
        };
        assert_eq!(base(&sent, "10.0.0.1:1", false).as_deref(), Some("https://login.example.com"));
        assert_eq!(base(&sent, "203.0.113.9:1", false).as_deref(), Some("http://inside:4433"));
        assert_eq!(base(&sent, "203.0.113.9:1", true).as_deref(), Some("https://inside:4433"));
        assert_eq!(base(&headers(&[]), "203.0.113.9:1", true), None);
        for bad in ["a@evil.example", "evil.example/x", "a b", ""] {
            assert_eq!(base(&headers(&[("host", bad)]), "203.0.113.9:1", true), None, "{bad}");
        }
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_half_of_an_ipv6_one() {
        let number = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(number("203.0.113.9"), number("::ffff:203.0.113.9"));
        assert_ne!(number("203.0.113.9"), number("203.0.113.10"));
        assert_eq!(number("2001:db8::1"), number("2001:db8::ffff:0:0:1"));
        assert_ne!(number("2001:db8:0:1::1"), number("2001:db8:0:2::1"));
    }

    #[test]
    fn a_broken_entry_is_named() {
        let refused = TrustedProxies::parse(&["10.0.0.0/8", "10.0.0.0/99"]).expect_err("no network");
        assert!(refused.to_string().contains("10.0.0.0/99"));
    }
}
