//! Signatures of web hooks as the Standard Webhooks specification (1.0) has them: `v1,` and the HMAC-SHA256 of
//! `id.timestamp.body` in base64, one for each secret, so that receivers can be given a new secret before the old one goes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use foundation::Secret;

use crate::macs::{same, sign_with};

/// What secrets of that specification begin with; base64 follows.
const PREFIX: &str = "whsec_";

/// The seconds by which a signature's time may be off: the specification leaves the number to receivers.
const TOLERANCE: i64 = 300;

/// Signs the requests of web hooks, and checks the signatures of such requests.
pub struct WebhookKeys(Vec<Secret<Vec<u8>>>);

impl WebhookKeys {
    /// With these secrets, the newest first. `whsec_` and base64 is read as the specification has it; any other text is
    /// a key by its bytes.
    pub fn new(secrets: &[Secret<String>]) -> Self {
        let key = |text: &str| {
            let decoded = text.strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
            Secret::new(decoded.unwrap_or_else(|| text.as_bytes().to_vec()))
        };
        Self(secrets.iter().map(|secret| key(secret.reveal())).collect())
    }

    /// The value of `webhook-signature`, a signature for each secret; `None` without secrets.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let signed = signed(id, timestamp, body);
        let one = |key: &Secret<Vec<u8>>| format!("v1,{}", STANDARD.encode(sign_with(key.reveal(), &signed)));
        let all: Vec<String> = self.0.iter().map(one).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// Whether one of the signatures in `header` is right under one of the secrets, and `timestamp` is near `now`
    /// (seconds since 1970).
    pub fn verify(&self, id: &str, timestamp: i64, body: &[u8], header: &str, now: i64) -> bool {
        if now.abs_diff(timestamp) > TOLERANCE.unsigned_abs() {
            return false;
        }
        let signed = signed(id, timestamp, body);
        let given: Vec<Vec<u8>> = header
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"))
            .filter_map(|encoded| STANDARD.decode(encoded).ok())
            .collect();
        self.0.iter().any(|key| {
            let expected = sign_with(key.reveal(), &signed);
            given.iter().any(|signature| same(signature, &expected))
        })
    }
}

impl std::fmt::Debug for WebhookKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("WebhookKeys([secret])")
    }
}

fn signed(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    signed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secrets: &[&str]) -> WebhookKeys {
        WebhookKeys::new(&secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect::<Vec<_>>())
    }

    /// The example that libraries of the specification test against.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let keys = keys(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
        let body = br#"{"test": 2432232314}"#;
        let signature = keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn a_changed_body_id_or_time_is_noticed_and_so_is_an_old_one() {
        let keys = keys(&["a secret of the operator"]);
        let signature = keys.sign("1", 1000, b"body").unwrap();
        assert!(keys.verify("1", 1000, b"body", &signature, 1299));
        for (id, timestamp, body, now) in
            [("2", 1000, "body", 1000), ("1", 1001, "body", 1000), ("1", 1000, "bode", 1000), ("1", 1000, "body", 1301)]
        {
            assert!(!keys.verify(id, timestamp, body.as_bytes(), &signature, now), "{id} {timestamp} {body} {now}");
        }
        assert!(!keys.verify("1", 1000, b"body", "v1,", 1000) && !keys.verify("1", 1000, b"body", "", 1000));
    }

    #[test]
    fn while_secrets_change_receivers_with_either_are_served() {
        let both = keys(&["new", "old"]).sign("1", 5, b"").unwrap();
        assert_eq!(both.split(' ').count(), 2);
        assert!(keys(&["new"]).verify("1", 5, b"", &both, 5) && keys(&["old"]).verify("1", 5, b"", &both, 5));
        assert!(!keys(&["other"]).verify("1", 5, b"", &both, 5));
        assert_eq!(keys(&[]).sign("1", 5, b""), None);
    }
}
