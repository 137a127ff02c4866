//! JSON Patch (RFC 6902) with the limits of the contract (identity-admin.md §2.5): three operations, and paths that
//! nobody may touch.

use foundation::ApiError;
use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{AddOperation, PatchOperation};
use serde_json::{Map, Value};

/// A list of operations.
pub type Patch = Vec<PatchOperation>;

/// Paths that no patch may touch, in lower case. With `true` nor what lies below.
const DENIED: [(&str, bool); 6] = [
    ("/id", true),
    ("/statechangedat", true),
    ("/state_changed_at", true),
    ("/credentials", false),
    ("/credentials/oidc", true),
    ("/credentials/saml", true),
];

/// Reads a patch.
///
/// # Errors
/// 400 if it is no list of operations.
pub fn parse(bytes: &[u8]) -> Result<Patch, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| refused(&error))
}

/// Applies a patch, all of it or nothing.
///
/// # Errors
/// 400 for an operation or a path that is not allowed, or that fits nothing.
pub(super) fn apply(document: &Value, patch: &[PatchOperation]) -> Result<Value, ApiError> {
    let mut document = document.clone();
    for operation in patch {
        check(operation)?;
        let operation = prepared(&mut document, operation);
        json_patch::patch(&mut document, &[operation]).map_err(|error| refused(&error))?;
    }
    Ok(document)
}

fn check(operation: &PatchOperation) -> Result<(), ApiError> {
    let name = match operation {
        PatchOperation::Add(_) | PatchOperation::Remove(_) | PatchOperation::Replace(_) => {
            return check_path(operation.path());
        }
        PatchOperation::Move(_) => "move",
        PatchOperation::Copy(_) => "copy",
        PatchOperation::Test(_) => "test",
    };
    Err(refused(&format!("the operation {name} is not supported here: use add, remove or replace")))
}

fn check_path(path: &Pointer) -> Result<(), ApiError> {
    let lower = path.as_str().to_lowercase();
    let denied = DENIED.iter().any(|(denied, and_below)| match lower.strip_prefix(denied) {
        Some("" | "/") => true,
        Some(rest) => *and_below && rest.starts_with('/'),
        None => false,
    });
    if lower.is_empty() || denied {
        return Err(refused(&format!("the path {:?} cannot be changed", path.as_str())));
    }
    Ok(())
}

/// `replace` of a member that is not there adds it, and objects on the way to an added member are made.
fn prepared(document: &mut Value, operation: &PatchOperation) -> PatchOperation {
    match operation {
        PatchOperation::Add(add) => make_parents(document, &add.path),
        PatchOperation::Replace(replace) if document.pointer(replace.path.as_str()).is_none() => {
            let index = replace.path.last().is_some_and(|token| is_index(token.encoded()));
            if !index || !parent(document, &replace.path).is_some_and(Value::is_array) {
                make_parents(document, &replace.path);
                let add = AddOperation { path: replace.path.clone(), value: replace.value.clone() };
                return PatchOperation::Add(add);
            }
        }
        _ => {}
    }
    operation.clone()
}

fn is_index(token: &str) -> bool {
    token == "-" || token.bytes().all(|byte| byte.is_ascii_digit())
}

fn parent<'a>(document: &'a Value, path: &PointerBuf) -> Option<&'a Value> {
    document.pointer(path.parent()?.as_str())
}

fn make_parents(document: &mut Value, path: &Pointer) {
    let mut place = document;
    let mut tokens = path.tokens().peekable();
    while let Some(token) = tokens.next() {
        if tokens.peek().is_none() {
            return;
        }
        let name = token.decoded();
        place = match place {
            Value::Object(object) => {
                let member = object.entry(name.into_owned()).or_insert(Value::Null);
                if member.is_null() {
                    *member = Value::Object(Map::new());
                }
                member
            }
            // A list is entered and never made longer.
            Value::Array(list) => match name.parse::<usize>().ok().and_then(|index| list.get_mut(index)) {
                Some(item) => item,
                None => return,
            },
            _ => return,
        };
    }
}

fn refused(cause: &dyn std::fmt::Display) -> ApiError {
    ApiError::bad_request("The JSON patch could not be applied.").message(format!("JSON patch: {cause}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(document: &Value, patch: &Value) -> Result<Value, ApiError> {
        apply(document, &parse(patch.to_string().as_bytes())?)
    }

    #[test]
    fn objects_on_the_way_are_made_and_replace_adds() {
        let document = json!({"a": null, "list": [1, 2]});
        let patch = json!([
            {"op": "replace", "path": "/no/such/path", "value": 1},
            {"op": "add", "path": "/a/b", "value": 2},
            {"op": "add", "path": "/list/-", "value": 3},
            {"op": "remove", "path": "/list/0"}
        ]);
        let expected = json!({"a": {"b": 2}, "list": [2, 3], "no": {"such": {"path": 1}}});
        assert_eq!(patched(&document, &patch).unwrap(), expected);
    }

    #[test]
    fn replace_beyond_a_list_is_refused() {
        let document = json!({"list": [1]});
        assert!(patched(&document, &json!([{"op": "replace", "path": "/list/7", "value": 1}])).is_err());
        assert!(patched(&document, &json!([{"op": "add", "path": "/list/7/x", "value": 1}])).is_err());
    }

    #[test]
    fn other_operations_and_denied_paths_are_refused() {
        let document = json!({"id": "x", "credentials": {"oidc": {}, "password": {}}, "state": "active"});
        for (op, path) in [
            ("copy", "/state"),
            ("move", "/state"),
            ("test", "/state"),
            ("nonsense", "/state"),
            ("replace", "/id"),
            ("replace", "/ID"),
            ("remove", "/credentials"),
            ("remove", "/credentials/oidc"),
            ("replace", "/Credentials/OIDC/config"),
            ("add", "/state_changed_at"),
            ("replace", ""),
        ] {
            let patch = json!([{"op": op, "path": path, "from": "/state", "value": "active"}]);
            assert_eq!(patched(&document, &patch).map_err(|error| error.status), Err(400), "{op} {path}");
        }
        let allowed = json!([{"op": "replace", "path": "/credentials/password/config", "value": {}}]);
        assert!(patched(&document, &allowed).is_ok());
    }

    #[test]
    fn a_patch_that_fails_in_the_middle_changes_nothing() {
        let document = json!({"state": "active"});
        let patch = json!([
            {"op": "replace", "path": "/state", "value": "inactive"},
            {"op": "remove", "path": "/none"}
        ]);
        assert!(patched(&document, &patch).is_err());
        assert_eq!(document, json!({"state": "active"}));
    }
}
