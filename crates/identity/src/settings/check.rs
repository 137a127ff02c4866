//! What the schema cannot say: rules that need several keys, or knowledge of how a value is used.

use foundation::Secret;

use super::{CipherAlgorithm, SameSite, Settings};

impl Settings {
    /// What is wrong with settings that fit their types; empty when nothing is. Each sentence names the key.
    ///
    /// A server must not start, or put settings in force, while something is named here.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.secret_problems();
        let schemas = &self.identity.schemas;
        let default = &self.identity.default_schema_id;
        if !schemas.iter().any(|schema| schema.id == *default) {
            problems.push(format!(
                "identity.default_schema_id is {default:?}, but no entry of identity.schemas has that id"
            ));
        }
        for (index, schema) in schemas.iter().enumerate() {
            if schemas[..index].iter().any(|earlier| earlier.id == schema.id) {
                problems.push(format!("identity.schemas.{index}.id is {:?}, which an earlier entry has", schema.id));
            }
        }
        for (name, cookie) in [("session.cookie", self.session_cookie()), ("cookies", self.other_cookies())] {
            if cookie.same_site == SameSite::None && !cookie.secure {
                problems.push(format!("{name}: browsers drop cookies with same_site None that are not secure"));
            }
        }
        for (name, tls) in [("public", &self.serve.public.listener.tls), ("admin", &self.serve.admin.listener.tls)] {
            if tls.cert.is_set() != tls.key.is_set() {
                problems.push(format!("serve.{name}.tls needs both cert and key"));
            }
        }
        problems
    }

    fn secret_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.secrets.for_cookies().is_empty() && !self.dev {
            problems.push(
                "secrets.cookie is missing; make one with: openssl rand -base64 32 (without it, sessions and codes have no key)".to_owned(),
            );
        }
        let bytes = |secret: &Secret<String>| secret.reveal().len();
        if self.ciphers.algorithm != CipherAlgorithm::Noop && self.secrets.cipher_keys().next().is_none() {
            let lengths: Vec<String> = self.secrets.cipher.iter().map(|secret| bytes(secret).to_string()).collect();
            problems.push(format!(
                "secrets.cipher needs a secret of exactly 32 bytes; those there have: {}",
                lengths.join(", ")
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn problems(extra: Value) -> Vec<String> {
        let mut document = json!({
            "identity": {"schemas": [{"id": "default", "url": "base64://e30="}]},
            "secrets": {"cookie": ["a-secret-of-enough-characters"]},
        });
        for (key, value) in extra.as_object().unwrap() {
            document[key] = value.clone();
        }
        Settings::from_value(document).unwrap().problems()
    }

    #[test]
    fn good_settings_have_none() {
        assert_eq!(problems(json!({})), Vec::<String>::new());
    }

    #[test]
    fn each_rule_names_its_key() {
        for (extra, part) in [
            (json!({"secrets": {}}), "secrets.cookie is missing"),
            (json!({"ciphers": {"algorithm": "aes"}}), "exactly 32 bytes"),
            (json!({"identity": {"schemas": [{"id": "person"}]}}), "identity.default_schema_id"),
            (json!({"identity": {"schemas": [{"id": "default"}, {"id": "default"}]}}), "identity.schemas.1.id"),
            (json!({"cookies": {"same_site": "None", "secure": false}}), "cookies: browsers"),
            (json!({"serve": {"public": {"tls": {"cert": {"path": "/x"}}}}}), "serve.public.tls"),
        ] {
            let found = problems(extra.clone());
            assert!(found.len() == 1 && found[0].contains(part), "{extra}: {found:?}");
        }
    }

    #[test]
    fn development_needs_no_secrets() {
        assert_eq!(problems(json!({"dev": true, "secrets": {}})), Vec::<String>::new());
    }

    #[test]
    fn a_secret_of_another_length_does_not_show() {
        let found = problems(
            json!({"ciphers": {"algorithm": "aes"}, "secrets": {"cookie": ["0123456789abcdef"], "cipher": ["hunter2"]}}),
        );
        assert!(found[0].ends_with(": 7") && !found[0].contains("hunter2"), "{found:?}");
    }

    /// The schema is what operators read and the types are what the service uses: both state the defaults.
    #[test]
    fn the_schemas_defaults_are_those_of_the_types() {
        let stated = ::settings::Loader::new(crate::settings::SCHEMA).defaults().unwrap();
        let mut stated = Settings::from_value(stated).unwrap();
        // Ports and hosts have their defaults where they are read, as they differ between the two listeners. Listeners that
        // are absent by default have defaults all the same.
        stated.serve.public.listener.port = Some(4433);
        stated.serve.admin.listener.port = Some(4434);
        for listener in [&mut stated.serve.public.listener, &mut stated.serve.admin.listener] {
            listener.host.clear();
        }
        (stated.serve.pages, stated.serve.inbox) = (None, None);
        // The schema writes what is unset otherwise as an empty text.
        (stated.courier.mail.smtp.client_cert_path, stated.courier.mail.smtp.client_key_path) = (None, None);
        stated.feature_flags.password_profile_registration_node_group = None;
        // The method of a request has a default, but there is no request by default.
        stated.courier.http.request_config = None;
        let (stated, typed) = (format!("{stated:#?}"), format!("{:#?}", Settings::default()));
        let different = stated.lines().zip(typed.lines()).find(|(stated, typed)| stated != typed);
        assert_eq!((different, stated.lines().count()), (None, typed.lines().count()));
    }
}
