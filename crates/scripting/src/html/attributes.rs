//! What an attribute's value means to a browser, told by its name.

use super::REFUSED;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// One address.
    Address,
    /// A list of addresses: `srcset`.
    Addresses,
    Script,
    Style,
    /// A value from data could change what the element is or does: none is written.
    Refused,
}

const ADDRESSES: [&str; 18] = [
    "action",
    "archive",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "ping",
    "poster",
    "profile",
    "src",
    "usemap",
    "xmlns",
];

const REFUSED_NAMES: [&str; 17] = [
    "accept-charset",
    "async",
    "charset",
    "codetype",
    "content",
    "crossorigin",
    "defer",
    "enctype",
    "formenctype",
    "formmethod",
    "http-equiv",
    "language",
    "method",
    "rel",
    "sandbox",
    "srcdoc",
    "type",
];

/// The kind of the attribute `name` (in lower case).
pub(super) fn kind(name: &str) -> Kind {
    let data = name.strip_prefix("data-");
    let name = data.unwrap_or(name);
    let name = match name.split_once(':') {
        Some(("xmlns", _)) => return Kind::Address,
        Some((_, local)) => local,
        None => name,
    };
    if name == "style" {
        Kind::Style
    } else if name == "srcset" || name == "imagesrcset" {
        Kind::Addresses
    } else if name.starts_with("on") {
        Kind::Script
    } else if data.is_none() && REFUSED_NAMES.contains(&name) {
        Kind::Refused
    } else if ADDRESSES.contains(&name) || ["src", "uri", "url"].iter().any(|part| name.contains(part)) {
        // Attributes that pages invent (data-image-url) are often used as addresses by their scripts.
        Kind::Address
    } else {
        Kind::Plain
    }
}

/// A value in the place of a tag's or attribute's name: letters and digits that name nothing with a meaning of its own.
pub(super) fn name(text: &str) -> String {
    let low = text.to_ascii_lowercase();
    let plain = !low.is_empty() && low.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let raw = ["script", "style", "title", "textarea"].contains(&low.as_str());
    if plain && !raw && kind(&low) == Kind::Plain { low } else { REFUSED.to_owned() }
}
