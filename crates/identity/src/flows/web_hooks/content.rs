//! The request of a web hook: what its template is given, and what is made of the template's result.

use courier::PreparedHook;
use courier::hooks::HookRequest;
use foundation::{ApiError, Uuid};
use scripting::jsonnet::{Evaluated, JsonnetError};
use serde_json::{Map, Value, json};

use super::super::view::{Extras, flow_json};
use super::super::visit::Visit;
use super::asks;
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::Flow;
use crate::model::identity::Identity as Person;
use crate::model::session::Session;
use crate::service::Identity;
use crate::sessions::view::{identity_json, session_json};
use crate::settings::{ApiKeyPlace, RequestAuth, WebHook};

/// What a hook is called about.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Moment<'a> {
    /// The request.
    pub(in super::super) visit: &'a Visit,
    /// The flow.
    pub(in super::super) flow: &'a Flow,
    /// Who, where that is known.
    pub(in super::super) identity: Option<&'a Person>,
    /// Their session, where the contract shows it.
    pub(in super::super) session: Option<&'a Session>,
    /// Whether the flow begins with it.
    pub(in super::super) begins: bool,
    /// Whether what the flow makes does not exist yet, the session or, where none is shown, the identity: its id is shown
    /// as nought then, as by the reference server.
    pub(in super::super) unsaved: bool,
}

impl<'a> Moment<'a> {
    /// After a flow of somebody.
    pub(in super::super) fn after(visit: &'a Visit, flow: &'a Flow) -> Self {
        Self { visit, flow, identity: None, session: None, begins: false, unsaved: false }
    }

    /// With the identity.
    pub(in super::super) fn identity(self, identity: &'a Person) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// With the session.
    pub(in super::super) fn session(self, session: &'a Session) -> Self {
        Self { session: Some(session), ..self }
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl Identity {
    /// Makes the request of a hook; `None` if its template wants nothing to be sent.
    pub(super) async fn hook_prepare(
        &self,
        cx: &Context,
        hook: &WebHook,
        moment: &Moment<'_>,
    ) -> Result<Option<PreparedHook>, Error> {
        if hook.response.ignore && asks(hook) {
            let reason = "A web hook whose answer is ignored cannot have it read, nor stop the flow.";
            return Err(ApiError::internal().id("invalid_configuration").reason(reason).into());
        }
        let mut headers = credentials(hook);
        let traces = hook.method.eq_ignore_ascii_case("TRACE");
        let body = match hook.body.as_deref().filter(|_| !traces) {
            None => String::new(),
            Some(source) => {
                let template = self.courier.source(source).await?;
                let json = match self.jsonnet.evaluate(&template, &argument(cx, moment)).await {
                    Ok(Evaluated::Json(json)) => json,
                    Ok(Evaluated::Cancelled) => return Ok(None),
                    Err(error) => return Err(unmade(&name(hook, moment), &error)),
                };
                encoded(hook, json)?
            }
        };
        let given = |name: &str| hook.headers.keys().any(|known| known.eq_ignore_ascii_case(name));
        if !body.is_empty() && !given("content-type") {
            headers.push(("Content-Type".to_owned(), JSON.to_owned()));
        }
        headers.extend(hook.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        let request =
            HookRequest { name: name(hook, moment), method: hook.method.clone(), url: hook.url.clone(), headers, body };
        Ok(Some(self.courier.hook_prepare(request)))
    }
}

/// What the log calls a hook.
fn name(hook: &WebHook, moment: &Moment<'_>) -> String {
    let place = if moment.begins { "before" } else { "after" };
    hook.id.clone().unwrap_or_else(|| format!("{}.{place}", moment.flow.kind.as_str()))
}

/// The template's argument (identity-flows.md §11.5). No CSRF token and none of our own cookies are in it: receivers are
/// not trusted with sessions (known fault).
fn argument(cx: &Context, moment: &Moment<'_>) -> Value {
    let visit = Visit { csrf: None, ..moment.visit.clone() };
    let extras = Extras { identity: moment.identity, ..Extras::default() };
    let facts = &moment.visit.request;
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &facts.headers {
        let values = headers.entry(canonical(name)).or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.push(value.clone().into());
        }
    }
    let cookies: Map<String, Value> =
        facts.cookies.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let mut argument = json!({
        "flow": flow_json(cx, &visit, moment.flow, extras),
        "request_headers": headers,
        "request_method": facts.method,
        "request_url": moment.visit.url,
        "request_cookies": cookies,
    });
    if let Some(identity) = moment.identity {
        argument["identity"] = identity_json(cx, identity);
    }
    if let Some(session) = moment.session {
        argument["session"] = session_json(cx, session, moment.identity);
    }
    if moment.unsaved {
        let made = if moment.session.is_some() { "session" } else { "identity" };
        argument[made]["id"] = Uuid::nil().to_string().into();
    }
    argument
}

/// A header's name as templates of the reference server know it: `User-Agent`.
fn canonical(name: &str) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

fn credentials(hook: &WebHook) -> Vec<(String, String)> {
    match &hook.auth {
        None => Vec::new(),
        Some(RequestAuth::ApiKey { name, value, place: ApiKeyPlace::Header }) => {
            vec![(name.clone(), value.reveal().clone())]
        }
        Some(RequestAuth::ApiKey { name, value, place: ApiKeyPlace::Cookie }) => {
            vec![("Cookie".to_owned(), format!("{name}={}", value.reveal()))]
        }
        Some(RequestAuth::BasicAuth { user, password }) => {
            use base64::Engine as _;
            let pair = format!("{user}:{}", password.reveal());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            vec![("Authorization".to_owned(), format!("Basic {encoded}"))]
        }
    }
}

/// The body in the encoding that the configured `Content-Type` asks for.
fn encoded(hook: &WebHook, json: String) -> Result<String, Error> {
    let configured = hook.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let kind = configured.map_or(JSON, |(_, value)| value.split(';').next().unwrap_or_default().trim());
    if kind.eq_ignore_ascii_case(JSON) {
        return Ok(json);
    }
    if !kind.eq_ignore_ascii_case(FORM) {
        let reason = "The Content-Type of a web hook is application/json or application/x-www-form-urlencoded.";
        return Err(ApiError::internal().id("invalid_configuration").reason(reason).into());
    }
    let value: Value = serde_json::from_str(&json).unwrap_or_default();
    let Some(members) = value.as_object() else {
        return Err(Error::Internal("the template of a web hook that sends a form gives no object".to_owned()));
    };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in members {
        match value {
            Value::String(text) => form.append_pair(name, text),
            Value::Number(_) | Value::Bool(_) => form.append_pair(name, &value.to_string()),
            _ => {
                let problem = "the template of a web hook that sends a form gives more than texts and numbers";
                return Err(Error::Internal(problem.to_owned()));
            }
        };
    }
    Ok(form.finish())
}

fn unmade(name: &str, error: &JsonnetError) -> Error {
    match error {
        JsonnetError::Busy => {
            let mut refusal = ApiError::new(503).reason("Too much is going on. Try again in a moment.");
            refusal.retry_after = Some(2);
            refusal.into()
        }
        error => Error::Internal(format!("the body of the web hook {name} cannot be made: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_named_as_templates_know_them() {
        for (name, known) in [("user-agent", "User-Agent"), ("sec-ch-ua", "Sec-Ch-Ua"), ("x", "X"), ("", "")] {
            assert_eq!(canonical(name), known);
        }
    }

    #[test]
    fn a_form_is_made_of_flat_objects_alone() {
        let hook = |kind: &str| WebHook {
            headers: [("content-type".to_owned(), kind.to_owned())].into(),
            ..WebHook::default()
        };
        let form = |json: &str| encoded(&hook("application/x-www-form-urlencoded"), json.to_owned());
        assert_eq!(form(r#"{"a": "b&c", "n": 1, "t": true}"#).unwrap(), "a=b%26c&n=1&t=true");
        assert!(form(r#"{"a": {"b": 1}}"#).is_err() && form("[1]").is_err());
        assert_eq!(encoded(&hook("application/json; charset=utf-8"), "{}".to_owned()).unwrap(), "{}");
        assert!(encoded(&hook("text/plain"), "{}".to_owned()).is_err());
    }
}
