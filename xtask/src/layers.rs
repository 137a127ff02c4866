//! What may depend on what (docs/architecture.md), as three tables: the layers of our crates, the homes of outside
//! libraries, and the rooms inside a service. A new crate or library with a home is a new row.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::sources::{read, rust_files, shown};

/// Our crates and their layers. An edge goes strictly down. `testkit` and `xtask` stand aside: see [`edge_problem`].
const LAYERS: &[(&str, u8)] = &[
    ("foundation", 0),
    ("settings", 1),
    ("database", 1),
    ("crypto", 1),
    ("web", 1),
    ("scripting", 1),
    ("protocol", 1),
    ("courier", 2),
    ("operators", 2),
    ("identity", 3),
    ("permissions", 3),
    ("oauth2", 3),
    ("gateway", 3),
    ("pages", 4),
    ("console", 4),
    ("limen", 5),
];

/// Edges within a layer that are meant.
const SIDEWAYS: &[(&str, &str)] = &[("web", "crypto")];

/// Outside libraries that only some crates may use: each is hidden behind one crate of ours.
const HOMES: &[(&str, &[&str])] = &[
    ("rusqlite", &["database"]),
    ("tokio-postgres", &["database"]),
    ("postgres-types", &["database"]),
    ("deadpool-postgres", &["database"]),
    ("tokio-postgres-rustls", &["database"]),
    ("lettre", &["courier"]),
    ("argon2", &["crypto"]),
    ("bcrypt", &["crypto"]),
    ("scrypt", &["crypto"]),
    ("pbkdf2", &["crypto"]),
    ("sha-crypt", &["crypto"]),
    ("md-5", &["crypto"]),
    ("md4", &["crypto"]),
    ("sha3", &["crypto"]),
    ("sha1", &["crypto"]),
    ("hmac", &["crypto"]),
    ("chacha20poly1305", &["crypto"]),
    ("aws-lc-rs", &["crypto", "web"]),
    // xtask and the testkit play the person with the authenticator app.
    ("totp-rs", &["crypto", "xtask", "testkit"]),
    ("getrandom", &["foundation"]),
    ("reqwest", &["web"]),
    ("connectrpc", &["protocol", "permissions", "limen"]),
    ("buffa", &["protocol", "permissions"]),
    ("rsjsonnet-lang", &["scripting"]),
    ("rlimit", &["scripting"]),
    ("clap", &["limen", "xtask"]),
    ("anyhow", &["limen", "xtask"]),
    ("askama", &["pages", "console"]),
];

/// A second stack of TLS or cryptography beside rustls on aws-lc-rs would double what has to be watched.
const NEVER: &[&str] = &["ring", "openssl", "openssl-sys", "native-tls"];

/// A room of a service: a folder below `src/`, and what its files may name.
struct Room {
    folder: &'static str,
    /// Modules of the service: all but these, or only these.
    modules: Modules,
    /// Crates that `use` may name; `None` for all.
    crates: Option<&'static [&'static str]>,
}

enum Modules {
    Only(&'static [&'static str]),
    Not(&'static [&'static str]),
}

/// The rooms, the same in all services. Handlers reach storage through use cases, and storage knows nobody above it.
const ROOMS: &[Room] = &[
    Room {
        folder: "model",
        // What a schema derives from traits is plain data, too.
        modules: Modules::Only(&["model", "schema"]),
        crates: Some(&["std", "serde", "serde_json", "foundation"]),
    },
    Room { folder: "settings", modules: Modules::Only(&["model", "settings"]), crates: None },
    Room { folder: "store", modules: Modules::Only(&["model", "store"]), crates: None },
    Room { folder: "schema", modules: Modules::Not(&["http", "store", "sessions", "administration"]), crates: None },
    Room {
        folder: "sessions",
        modules: Modules::Not(&["http", "flows", "strategies", "administration"]),
        crates: None,
    },
    Room { folder: "strategies", modules: Modules::Not(&["http", "administration"]), crates: None },
    Room { folder: "flows", modules: Modules::Not(&["http", "administration"]), crates: None },
    Room { folder: "administration", modules: Modules::Not(&["http"]), crates: None },
    Room { folder: "http", modules: Modules::Not(&["store"]), crates: None },
];

const SERVICES: &[&str] = &["identity", "permissions", "oauth2", "gateway"];

/// A dependency of one of our packages.
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    /// Only for tests.
    dev: bool,
    /// A package of this workspace.
    own: bool,
}

/// All that breaks a rule.
pub fn problems(root: &Path) -> anyhow::Result<Vec<String>> {
    let metadata: Value =
        serde_json::from_str(&cargo(root, &["metadata", "--format-version", "1", "--no-deps", "--locked"])?)?;
    let mut problems = Vec::new();
    for package in list(&metadata["packages"]) {
        let from = package["name"].as_str().context("a package without a name")?;
        if layer(from).is_none() && !["testkit", "xtask"].contains(&from) {
            problems.push(format!("{from} has no layer: give it a row in xtask/src/layers.rs"));
        }
        for dependency in list(&package["dependencies"]) {
            let to = dependency["name"].as_str().context("a dependency without a name")?;
            let own = dependency["path"].is_string();
            problems.extend(edge_problem(&Edge { from, to, dev: dependency["kind"] == "dev", own }));
        }
    }
    let shipped = cargo(root, &["tree", "-p", "limen", "-e", "normal,build", "--prefix", "none", "--locked"])?;
    problems.extend(shipped_problems(&shipped));
    for service in SERVICES {
        problems.extend(room_problems(root, service)?);
    }
    Ok(problems)
}

fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("cargo").args(arguments).current_dir(root).output().context("cargo does not run")?;
    if !output.status.success() {
        bail!("cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

fn edge_problem(edge: &Edge<'_>) -> Option<String> {
    let Edge { from, to, dev, own } = *edge;
    if !own {
        let (_, homes) = HOMES.iter().find(|(library, _)| *library == to)?;
        return (!homes.contains(&from))
            .then(|| format!("{from} uses {to}, which belongs in {} only", homes.join(" and ")));
    }
    // A crate's tests may ask for its own test features.
    if dev && (to == "testkit" || to == from) || SIDEWAYS.contains(&(from, to)) {
        return None;
    }
    match (from, to) {
        (_, "testkit") => Some(format!("{from} uses testkit outside of tests")),
        (_, "xtask") => Some(format!("{from} uses xtask, which is no part of the product")),
        ("testkit", _) => None,
        ("xtask", "foundation") => None,
        ("xtask", _) => Some(format!("xtask uses {to}: it is to build in seconds, so foundation is all it may use")),
        _ => match (layer(from), layer(to)) {
            (Some(upper), Some(lower)) if upper <= lower => {
                Some(format!("{from} (layer {upper}) uses {to} (layer {lower}): edges go strictly down"))
            }
            _ => None,
        },
    }
}

fn shipped_problems(tree: &str) -> Vec<String> {
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    NEVER.iter().filter(|name| names.contains(name)).map(|name| format!("the program would ship {name}")).collect()
}

fn room_problems(root: &Path, service: &str) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for room in ROOMS {
        let folder = root.join("crates").join(service).join("src").join(room.folder);
        if !folder.is_dir() {
            continue;
        }
        for file in rust_files(&folder)? {
            let name = shown(root, &file);
            if !name.ends_with("tests.rs") {
                let found = text_problems(room, &read(&file)?);
                problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
            }
        }
    }
    Ok(problems)
}

/// What the text of a file in a room names against the rules. Tests at its end may name anything.
fn text_problems(room: &Room, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for line in
        text.lines().take_while(|line| *line != "#[cfg(test)]").filter(|line| !line.trim_start().starts_with("//"))
    {
        for module in line.split("crate::").skip(1).filter_map(first_word) {
            let allowed = match room.modules {
                Modules::Only(names) => names.contains(&module),
                Modules::Not(names) => !names.contains(&module),
            };
            if !allowed {
                problems.push(format!("{}/ may not use {module}", room.folder));
            }
        }
        if let (Some(crates), Some(name)) = (room.crates, used_crate(line))
            && !crates.contains(&name)
            && !["crate", "super", "self"].contains(&name)
            // `use` of a module beside: those start in lower case without a path in front, as in `pub use flow::Flow`.
            && !text.contains(&format!("mod {name};"))
        {
            problems.push(format!("{}/ may not use {name}", room.folder));
        }
    }
    problems.dedup();
    problems
}

/// The first name of a `use`.
fn used_crate(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line =
        ["pub use ", "pub(crate) use ", "pub(super) use ", "use "].iter().find_map(|start| line.strip_prefix(start))?;
    first_word(line)
}

fn first_word(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(from: &str, to: &str) -> Option<String> {
        edge_problem(&Edge { from, to, dev: false, own: true })
    }

    fn outside(from: &str, to: &str) -> Option<String> {
        edge_problem(&Edge { from, to, dev: false, own: false })
    }

    #[test]
    fn edges_go_strictly_down() {
        assert_eq!(own("identity", "database"), None);
        assert_eq!(own("limen", "pages"), None);
        assert!(own("database", "identity").unwrap().contains("strictly down"));
        assert!(own("identity", "oauth2").unwrap().contains("layer 3"));
        assert!(own("pages", "console").is_some() && own("crypto", "web").is_some());
        assert_eq!(own("web", "crypto"), None);
    }

    #[test]
    fn the_testkit_is_for_tests() {
        assert!(own("identity", "testkit").is_some());
        assert_eq!(edge_problem(&Edge { from: "identity", to: "testkit", dev: true, own: true }), None);
        assert_eq!(edge_problem(&Edge { from: "database", to: "database", dev: true, own: true }), None);
        assert!(edge_problem(&Edge { from: "database", to: "identity", dev: true, own: true }).is_some());
        assert!(own("xtask", "identity").is_some() && own("limen", "xtask").is_some());
    }

    #[test]
    fn libraries_stay_at_home() {
        assert_eq!(outside("database", "rusqlite"), None);
        assert!(outside("identity", "rusqlite").unwrap().contains("belongs in database only"));
        assert!(outside("identity", "argon2").is_some() && outside("pages", "reqwest").is_some());
        assert_eq!(outside("identity", "serde"), None);
        // For tests as well: they would reach around the crate that hides the library.
        assert!(edge_problem(&Edge { from: "courier", to: "rusqlite", dev: true, own: false }).is_some());
    }

    #[test]
    fn no_second_stack_of_tls_is_shipped() {
        assert_eq!(shipped_problems("limen v0.1.0 (/x)\nrustls v0.23.1\nspring v1.0.0\n"), Vec::<String>::new());
        assert_eq!(shipped_problems("limen v0.1.0\nring v0.17.0\n"), ["the program would ship ring"]);
    }

    fn in_room(folder: &str, text: &str) -> Vec<String> {
        text_problems(ROOMS.iter().find(|room| room.folder == folder).unwrap(), text)
    }

    #[test]
    fn rooms_keep_to_themselves() {
        assert_eq!(in_room("http", "use crate::store::sessions;\n"), ["http/ may not use store"]);
        assert_eq!(in_room("http", "let x = crate::store::find();\n"), ["http/ may not use store"]);
        assert_eq!(in_room("store", "use crate::http::Page;\n"), ["store/ may not use http"]);
        assert_eq!(in_room("http", "use crate::sessions::Gate;\n"), Vec::<String>::new());
        assert_eq!(in_room("http", "//! not crate::store\n#[cfg(test)]\nuse crate::store::x;\n"), Vec::<String>::new());
    }

    #[test]
    fn the_model_is_pure() {
        assert_eq!(
            in_room("model", "mod flow;\npub use flow::Flow;\nuse std::fmt;\nuse serde::Serialize;\n"),
            Vec::<String>::new()
        );
        assert_eq!(in_room("model", "use axum::Json;\n"), ["model/ may not use axum"]);
        assert_eq!(in_room("model", "use crate::settings::Settings;\n"), ["model/ may not use settings"]);
    }

    #[test]
    fn this_repository_keeps_the_rules() {
        assert_eq!(problems(crate::root().unwrap()).unwrap(), Vec::<String>::new());
    }
}
