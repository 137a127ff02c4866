//! The kinds of mail, and what each knows about its occasion.

use foundation::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A kind of mail (the contract's `template_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it: what is done, by link or by code, for a known address or not")]
pub enum TemplateKind {
    RecoveryValid,
    RecoveryInvalid,
    RecoveryCodeValid,
    RecoveryCodeInvalid,
    VerificationValid,
    VerificationInvalid,
    VerificationCodeValid,
    VerificationCodeInvalid,
    LoginCodeValid,
    RegistrationCodeValid,
    RegistrationKnown,
    VerifiableAddressChanged,
}

/// One kind with its names, and what its built-in text carries.
pub(crate) struct Row {
    pub(crate) kind: TemplateKind,
    /// On the wire, in the database, and in the names of its texts (`mail.<name>.subject`).
    pub(crate) name: &'static str,
    /// The folder under `template_override_path`.
    pub(crate) folder: &'static str,
    /// The code to type in.
    pub(crate) code: Option<Carried>,
    /// The link to open.
    pub(crate) link: Option<Carried>,
}

/// A code or a link, out of what is known of the occasion.
type Carried = fn(&TemplateData) -> Option<&str>;

macro_rules! rows {
    ($($kind:ident $name:literal $folder:literal [$($code:ident)?] [$($link:ident)?];)+) => {
        &[$(Row {
            kind: TemplateKind::$kind,
            name: $name,
            folder: $folder,
            code: rows!(@carried $($code)?),
            link: rows!(@carried $($link)?),
        }),+]
    };
    (@carried) => { None };
    (@carried $field:ident) => { Some(|data| data.$field.as_deref()) };
}

/// Kind, name, folder, and which code and link its built-in text carries.
pub(crate) static ROWS: &[Row] = rows! {
    RecoveryValid "recovery_valid" "recovery/valid" [] [recovery_url];
    RecoveryInvalid "recovery_invalid" "recovery/invalid" [] [];
    RecoveryCodeValid "recovery_code_valid" "recovery_code/valid" [recovery_code] [];
    RecoveryCodeInvalid "recovery_code_invalid" "recovery_code/invalid" [] [];
    VerificationValid "verification_valid" "verification/valid" [] [verification_url];
    VerificationInvalid "verification_invalid" "verification/invalid" [] [];
    VerificationCodeValid "verification_code_valid" "verification_code/valid" [verification_code] [verification_url];
    VerificationCodeInvalid "verification_code_invalid" "verification_code/invalid" [] [];
    LoginCodeValid "login_code_valid" "login_code/valid" [login_code] [];
    RegistrationCodeValid "registration_code_valid" "registration_code/valid" [registration_code] [];
    RegistrationKnown "registration_known" "registration/known" [] [login_url];
    VerifiableAddressChanged "verifiable_address_changed" "verifiable_address_changed" [] [];
};

impl TemplateKind {
    pub(crate) fn row(self) -> &'static Row {
        // INVARIANT: the table has a row for each kind; a test walks it.
        ROWS.iter().find(|row| row.kind == self).unwrap_or(&ROWS[0])
    }

    /// The name on the wire and in the database, such as `recovery_code_valid`.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.name == name).map(|row| row.kind)
    }
}

/// What a template may use. Fields that an occasion has no value for stay `None` and do not exist for the template.
#[derive(Clone, Default)]
pub struct TemplateData {
    /// `.RequestURL`: the address that began the flow.
    pub request_url: String,
    /// `.TransientPayload`: what the client sent along.
    pub transient_payload: Map<String, Value>,
    /// `.UserRequestHeaders`: allow-listed headers of the request.
    pub user_request_headers: Map<String, Value>,
    /// `.Identity`: the public view, with its lower-case keys.
    pub identity: Option<Value>,
    /// `.Traits`, of sign-up by code.
    pub traits: Option<Value>,
    /// `.ExpiresInMinutes`.
    pub expires_in_minutes: Option<i64>,
    /// `.RecoveryCode`.
    pub recovery_code: Option<String>,
    /// `.RecoveryURL`.
    pub recovery_url: Option<String>,
    /// `.VerificationCode`.
    pub verification_code: Option<String>,
    /// `.VerificationURL`.
    pub verification_url: Option<String>,
    /// `.LoginCode`.
    pub login_code: Option<String>,
    /// `.RegistrationCode`.
    pub registration_code: Option<String>,
    /// `.LoginURL`: where somebody signs in. No contract has it: only limen's own mail to who has an account already.
    pub login_url: Option<String>,
    /// `.ChangedAt`, RFC 3339.
    pub changed_at: Option<Timestamp>,
    /// `.OAuth2LoginRequest`.
    pub oauth2_login_request: Option<Value>,
}

impl std::fmt::Debug for TemplateData {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Codes and links open accounts.
        formatter.write_str("TemplateData([secret])")
    }
}

impl TemplateData {
    /// With the names that templates use (`.RecoveryCode`).
    pub(crate) fn to_go(&self, recipient: &str) -> Value {
        self.members(recipient).map(|(go, _, value)| (go.to_owned(), value)).collect::<Map<_, _>>().into()
    }

    /// With the names of the wire's `template_data` (`recovery_code`).
    pub(crate) fn to_wire(&self, recipient: &str) -> Value {
        self.members(recipient).map(|(_, wire, value)| (wire.to_owned(), value)).collect::<Map<_, _>>().into()
    }

    fn members(&self, recipient: &str) -> impl Iterator<Item = (&'static str, &'static str, Value)> {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let headers = (!self.user_request_headers.is_empty()).then(|| self.user_request_headers.clone().into());
        [
            ("To", "to", Some(recipient.into())),
            ("RequestURL", "request_url", Some(self.request_url.as_str().into())),
            ("TransientPayload", "transient_payload", Some(self.transient_payload.clone().into())),
            ("UserRequestHeaders", "user_request_headers", headers),
            ("Identity", "identity", self.identity.clone()),
            ("Traits", "traits", self.traits.clone()),
            ("ExpiresInMinutes", "expires_in_minutes", self.expires_in_minutes.map(Value::from)),
            ("RecoveryCode", "recovery_code", text(&self.recovery_code)),
            ("RecoveryURL", "recovery_url", text(&self.recovery_url)),
            ("VerificationCode", "verification_code", text(&self.verification_code)),
            ("VerificationURL", "verification_url", text(&self.verification_url)),
            ("LoginCode", "login_code", text(&self.login_code)),
            ("RegistrationCode", "registration_code", text(&self.registration_code)),
            ("LoginURL", "login_url", text(&self.login_url)),
            ("ChangedAt", "changed_at", self.changed_at.map(|at| at.to_string().into())),
            ("OAuth2LoginRequest", "oauth2_login_request", self.oauth2_login_request.clone()),
        ]
        .into_iter()
        .filter_map(|(go, wire, value)| value.map(|value| (go, wire, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_row_and_its_name() {
        for row in ROWS {
            assert_eq!(row.kind.row().name, row.name);
            assert_eq!(TemplateKind::from_name(row.name), Some(row.kind));
            assert_eq!(serde_json::to_value(row.kind).unwrap(), row.name);
        }
        assert_eq!(TemplateKind::from_name("stub"), None);
    }

    #[test]
    fn what_is_not_set_does_not_exist() {
        let data = TemplateData { recovery_code: Some("123456".into()), ..TemplateData::default() };
        let go = data.to_go("a@b");
        assert_eq!(go["RecoveryCode"], "123456");
        assert!(go.get("LoginCode").is_none());
        assert_eq!(data.to_wire("a@b")["to"], "a@b");
        assert!(!format!("{data:?}").contains("123456"));
    }
}
