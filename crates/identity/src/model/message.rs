//! Messages of flows: a number that clients rely on, a sentence for people, and the values in that sentence.
//!
//! The numbers, kinds, English sentences and context keys stand in one table, `api/messages.json`; [`Message::new`]
//! reads it. The constants below name the numbers that the code uses.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// Neutral: what to do next, labels.
    Info,
    /// Something is wrong, and the text says what.
    Error,
    /// It worked.
    Success,
}

/// A message as the wire shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The number that clients translate by.
    pub id: u32,
    /// The English sentence with its values filled in.
    pub text: String,
    /// How it is meant.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// The values in the sentence, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "type")]
    kind: MessageKind,
    text: String,
}

static TABLE: LazyLock<HashMap<String, Row>> = LazyLock::new(|| {
    // A table that does not parse is found by the test below; at run time every lookup then misses.
    serde_json::from_str(include_str!("../../../../api/messages.json")).unwrap_or_default()
});

impl Message {
    /// The message with number `id` of the table; `{name}` in its sentence becomes the context's value of that name.
    pub fn new<const N: usize>(id: u32, context: [(&str, Value); N]) -> Self {
        let context: Map<String, Value> = context.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (kind, text) = match TABLE.get(&id.to_string()) {
            Some(row) => (row.kind, fill(&row.text, &context)),
            None => (MessageKind::Error, format!("message {id}")),
        };
        Self { id, text, kind, context }
    }

    /// The message with number `id`, which has no values.
    pub fn plain(id: u32) -> Self {
        Self::new(id, [])
    }
}

fn fill(template: &str, context: &Map<String, Value>) -> String {
    let mut text = template.to_owned();
    for (name, value) in context {
        let shown = match value {
            Value::String(value) => value.clone(),
            value => value.to_string(),
        };
        text = text.replace(&format!("{{{name}}}"), &shown);
    }
    text
}

/// The numbers that the code uses, by the names of the contract's catalogue (identity-flows.md §8).
pub mod ids {
    #![expect(missing_docs, reason = "api/messages.json says what each number means")]

    pub const LOGIN_SIGN_IN: u32 = 1_010_001;
    pub const LOGIN_REAUTHENTICATE: u32 = 1_010_003;
    pub const LOGIN_SECOND_FACTOR: u32 = 1_010_004;
    pub const LOGIN_TOTP_LABEL: u32 = 1_010_006;
    pub const LOGIN_LOOKUP_LABEL: u32 = 1_010_007;
    pub const LOGIN_TOTP: u32 = 1_010_009;
    pub const LOGIN_LOOKUP: u32 = 1_010_010;
    pub const LOGIN_PASSWORD: u32 = 1_010_022;
    pub const REGISTRATION_SIGN_UP: u32 = 1_040_001;
    pub const REGISTRATION_BACK: u32 = 1_040_008;
    pub const REGISTRATION_CHOOSE_CREDENTIALS: u32 = 1_040_009;
    pub const SETTINGS_SAVED: u32 = 1_050_001;
    pub const SETTINGS_UNLINK_TOTP: u32 = 1_050_004;
    pub const SETTINGS_TOTP_QR: u32 = 1_050_005;
    pub const SETTINGS_TOTP_SECRET: u32 = 1_050_006;
    pub const SETTINGS_REVEAL_LOOKUP: u32 = 1_050_007;
    pub const SETTINGS_REGENERATE_LOOKUP: u32 = 1_050_008;
    pub const SETTINGS_LOOKUP_SECRET: u32 = 1_050_009;
    pub const SETTINGS_LOOKUP_LABEL: u32 = 1_050_010;
    pub const SETTINGS_LOOKUP_CONFIRM: u32 = 1_050_011;
    pub const SETTINGS_LOOKUP_USED: u32 = 1_050_014;
    pub const SETTINGS_LOOKUP_LIST: u32 = 1_050_015;
    pub const SETTINGS_LOOKUP_DISABLE: u32 = 1_050_016;
    pub const SETTINGS_TOTP_SECRET_LABEL: u32 = 1_050_017;
    pub const RECOVERY_SUCCESSFUL: u32 = 1_060_001;
    pub const RECOVERY_LINK_SENT: u32 = 1_060_002;
    pub const RECOVERY_CODE_SENT: u32 = 1_060_003;
    pub const RECOVERY_CODE_SENT_MASKED: u32 = 1_060_004;
    pub const RECOVERY_ASK_FULL_ADDRESS: u32 = 1_060_005;
    pub const RECOVERY_CHOOSE_ADDRESS: u32 = 1_060_006;
    pub const RECOVERY_BACK: u32 = 1_060_007;
    pub const LABEL_FREE: u32 = 1_070_000;
    pub const LABEL_PASSWORD: u32 = 1_070_001;
    pub const LABEL_GENERATED: u32 = 1_070_002;
    pub const LABEL_SAVE: u32 = 1_070_003;
    pub const LABEL_IDENTIFIER: u32 = 1_070_004;
    pub const LABEL_SUBMIT: u32 = 1_070_005;
    pub const LABEL_VERIFY_CODE: u32 = 1_070_006;
    pub const LABEL_EMAIL: u32 = 1_070_007;
    pub const LABEL_RESEND: u32 = 1_070_008;
    pub const LABEL_CONTINUE: u32 = 1_070_009;
    pub const LABEL_RECOVERY_CODE: u32 = 1_070_010;
    pub const LABEL_VERIFICATION_CODE: u32 = 1_070_011;
    pub const LABEL_RECOVERY_ADDRESS: u32 = 1_070_016;
    pub const LABEL_EMAIL_OR_PHONE: u32 = 1_070_018;
    pub const VERIFICATION_LINK_SENT: u32 = 1_080_001;
    pub const VERIFICATION_SUCCESSFUL: u32 = 1_080_002;
    pub const VERIFICATION_CODE_SENT: u32 = 1_080_003;
    pub const VERIFICATION_PHONE_CODE_SENT: u32 = 1_080_004;
    pub const VERIFICATION_PHONE_SUCCESSFUL: u32 = 1_080_005;
    pub const INVALID_GENERIC: u32 = 4_000_001;
    pub const INVALID_REQUIRED: u32 = 4_000_002;
    pub const PASSWORD_REFUSED: u32 = 4_000_005;
    pub const INVALID_CREDENTIALS: u32 = 4_000_006;
    pub const DUPLICATE_CREDENTIALS: u32 = 4_000_007;
    pub const TOTP_WRONG: u32 = 4_000_008;
    pub const IDENTIFIER_MISSING: u32 = 4_000_009;
    pub const ADDRESS_NOT_VERIFIED: u32 = 4_000_010;
    pub const NO_TOTP: u32 = 4_000_011;
    pub const LOOKUP_USED: u32 = 4_000_012;
    pub const NO_LOOKUP: u32 = 4_000_014;
    pub const LOOKUP_WRONG: u32 = 4_000_016;
    pub const DUPLICATE_WITH_HINTS: u32 = 4_000_028;
    pub const PASSWORD_TOO_SIMILAR: u32 = 4_000_031;
    pub const PASSWORD_TOO_SHORT: u32 = 4_000_032;
    pub const PASSWORD_TOO_LONG: u32 = 4_000_033;
    pub const PASSWORD_BREACHED: u32 = 4_000_034;
    pub const ACCOUNT_NOT_FOUND: u32 = 4_000_037;
    pub const PASSWORD_SAME_AS_OLD: u32 = 4_000_039;
    pub const INVALID_EMAIL: u32 = 4_000_040;
    pub const LOGIN_EXPIRED: u32 = 4_010_001;
    pub const LOGIN_NO_STRATEGY: u32 = 4_010_002;
    pub const REGISTRATION_NO_STRATEGY: u32 = 4_010_003;
    pub const SETTINGS_NO_STRATEGY: u32 = 4_010_004;
    pub const RECOVERY_NO_STRATEGY: u32 = 4_010_005;
    pub const VERIFICATION_NO_STRATEGY: u32 = 4_010_006;
    pub const LOGIN_COMPLETED: u32 = 4_010_007;
    pub const LOGIN_IDENTITY_DISABLED: u32 = 4_010_011;
    pub const REGISTRATION_EXPIRED: u32 = 4_040_001;
    pub const REGISTRATION_COMPLETED: u32 = 4_040_002;
    pub const SETTINGS_EXPIRED: u32 = 4_050_001;
    pub const SETTINGS_ONE_ADDRESS_AT_A_TIME: u32 = 4_050_002;
    pub const RECOVERY_COMPLETED: u32 = 4_060_001;
    pub const RECOVERY_FAILED_STATE: u32 = 4_060_002;
    pub const RECOVERY_TOKEN_MISSING: u32 = 4_060_003;
    pub const RECOVERY_TOKEN_INVALID: u32 = 4_060_004;
    pub const RECOVERY_EXPIRED: u32 = 4_060_005;
    pub const RECOVERY_CODE_INVALID: u32 = 4_060_006;
    pub const VERIFICATION_TOKEN_INVALID: u32 = 4_070_001;
    pub const VERIFICATION_COMPLETED: u32 = 4_070_002;
    pub const VERIFICATION_FAILED_STATE: u32 = 4_070_003;
    pub const VERIFICATION_TOKEN_MISSING: u32 = 4_070_004;
    pub const VERIFICATION_EXPIRED: u32 = 4_070_005;
    pub const VERIFICATION_CODE_INVALID: u32 = 4_070_006;
    // From here on limen's own: the contract leaves 4900000 to 4999999 alone.
    pub const TRY_AGAIN_IN_SECONDS: u32 = 4_900_001;
    pub const TRY_AGAIN_IN_MINUTES: u32 = 4_900_002;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Whole {
        text: String,
        context: Vec<String>,
    }

    #[test]
    fn every_value_in_a_sentence_is_a_key_of_its_context() {
        let table: HashMap<String, Whole> =
            serde_json::from_str(include_str!("../../../../api/messages.json")).expect("the table is JSON");
        assert!(table.len() > 100);
        for (id, row) in &table {
            let mut rest = row.text.as_str();
            while let Some((_, after)) = rest.split_once('{') {
                let (name, after) = after.split_once('}').expect("a closed brace");
                assert!(row.context.iter().any(|key| key == name), "{id}: {name}");
                rest = after;
            }
        }
    }

    #[test]
    fn values_are_written_into_the_sentence() {
        let message = Message::new(ids::INVALID_REQUIRED, [("property", Value::from("email"))]);
        assert!(message.text.contains("email") && !message.text.contains('{'), "{}", message.text);
        assert_eq!(message.kind, MessageKind::Error);
    }
}
