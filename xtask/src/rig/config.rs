//! The configuration of a rig, in the keys of kratos.yml: passwords that cost little, mail to a server of ours, sessions
//! that end with a change of the password.

use std::path::Path;

use serde_json::{Value, json};

/// What differs from rig to rig.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Where the data are; an SQLite file in the rig's folder if it is not given.
    pub dsn: Option<String>,
    /// The port of the mail server.
    pub smtp: Option<u16>,
    /// How public clients reach the server, where that is not its own port: a proxy.
    pub public_url: Option<String>,
    /// Members that are put on top of the document.
    pub more: Value,
}

/// Whom the rig knows: people with an address that is verified, recovered with, and signed in with.
pub fn person_schema() -> Value {
    json!({
        "$id": "https://schemas.limen.invalid/rig.schema.json",
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"traits": {
            "type": "object",
            "properties": {
                "email": {"type": "string", "format": "email", "title": "E-mail address", "ory.sh/kratos": {
                    "credentials": {"password": {"identifier": true}},
                    "verification": {"via": "email"},
                    "recovery": {"via": "email"}
                }},
                "name": {"type": "string"}
            },
            "required": ["email"],
            "additionalProperties": false
        }}
    })
}

/// The whole document, but for the ports.
pub fn document(plan: &Plan, dsn: &str, schema: &Path) -> Value {
    let mut document = json!({
        "dsn": dsn,
        "log": {"level": "info", "format": "text"},
        "serve": {"public": {"host": "127.0.0.1"}, "admin": {"host": "127.0.0.1"}},
        "identity": {
            "default_schema_id": "default",
            "schemas": [{"id": "default", "url": format!("file://{}", schema.display())}]
        },
        "selfservice": {
            "default_browser_return_url": "http://127.0.0.1/",
            "methods": {
                "password": {"enabled": true, "config": {"haveibeenpwned_enabled": false}},
                "profile": {"enabled": true},
                "code": {"enabled": true}
            },
            "flows": {
                "registration": {"enabled": true, "after": {"password": {"hooks": [{"hook": "session"}]}}},
                "settings": {"after": {"password": {"hooks": [{"hook": "revoke_active_sessions"}]}}},
                "recovery": {"enabled": true, "use": "code"},
                "verification": {"enabled": true, "use": "code"}
            }
        },
        "session": {"whoami": {"required_aal": "aal1"}},
        "secrets": {
            "default": ["a-default-secret-of-a-rig"],
            "cookie": ["a-cookie-secret-of-a-rig-0"],
            "cipher": ["a-cipher-secret-of-32-characters"]
        },
        "ciphers": {"algorithm": "xchacha20-poly1305"},
        "hashers": {"algorithm": "argon2", "argon2": {"memory": "64KB", "iterations": 1, "parallelism": 1}}
    });
    if let Some(port) = plan.smtp {
        let uri = format!("smtp://127.0.0.1:{port}/?disable_starttls=true");
        document["courier"] = json!({
            "smtp": {"connection_uri": uri, "from_address": "no-reply@rig.test"},
            // A worker that was killed is given up soon, so that nobody has to wait for minutes; and not so soon that a busy
            // machine takes longer for a delivery.
            "worker": {"lease": "20s", "pull_wait": "200ms", "pull_count": 20}
        });
    }
    if let Some(url) = &plan.public_url {
        document["serve"]["public"]["base_url"] = url.as_str().into();
    }
    merge(&mut document, &plan.more);
    document
}

/// Writes the ports of one server into the document.
pub fn set_ports(document: &mut Value, [public, admin]: [u16; 2]) {
    let serve = &mut document["serve"];
    for (name, port) in [("public", public), ("admin", admin)] {
        serve[name]["port"] = port.into();
        if serve[name]["base_url"].is_null() {
            serve[name]["base_url"] = format!("http://127.0.0.1:{port}/").into();
        }
    }
}

/// Puts the members of `more` on top of those of `target`, at any depth.
fn merge(target: &mut Value, more: &Value) {
    match (target, more) {
        (_, Value::Null) => {}
        (Value::Object(target), Value::Object(more)) => {
            for (name, value) in more {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, more) => target.clone_from(more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_goes_on_top_and_ports_are_named_everywhere() {
        let plan = Plan { more: json!({"session": {"lifespan": "1h"}}), smtp: Some(25), ..Plan::default() };
        let mut document = document(&plan, "memory", Path::new("/x"));
        set_ports(&mut document, [1, 2]);
        assert_eq!(document["session"], json!({"whoami": {"required_aal": "aal1"}, "lifespan": "1h"}));
        assert_eq!(document["serve"]["public"]["base_url"], "http://127.0.0.1:1/");
        assert_eq!(document["serve"]["admin"]["port"], 2);
    }

    #[test]
    fn a_proxy_is_what_clients_are_told_of() {
        let plan = Plan { public_url: Some("http://proxy.test/".into()), ..Plan::default() };
        let mut document = document(&plan, "memory", Path::new("/x"));
        set_ports(&mut document, [1, 2]);
        assert_eq!(document["serve"]["public"]["base_url"], "http://proxy.test/");
    }
}
