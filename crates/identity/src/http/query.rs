//! The query of a request, read as the contract reads it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use foundation::{ApiError, Uuid};
use http::request::Parts;

use crate::model::identity::CredentialKind;

/// The parameters, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    /// Reads a query.
    pub fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// All parameters.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All values of a parameter that are not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs().filter(move |(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
    }

    /// The first value of a parameter; empty counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
    }

    /// A whole number.
    ///
    /// # Errors
    /// 400 for something else.
    pub fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let wrong = || ApiError::bad_request(format!("The parameter {name} is not a whole number."));
        self.get(name).map(|text| text.parse().map_err(|_| wrong())).transpose()
    }

    /// A truth value, as Go writes them.
    ///
    /// # Errors
    /// 400 for something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(Some(true)),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(Some(false)),
            Some(_) => Err(ApiError::bad_request(format!("The parameter {name} is neither true nor false."))),
        }
    }

    /// Ids.
    ///
    /// # Errors
    /// 400 for something else, or for more than `most`.
    pub fn ids(&self, name: &str, most: usize) -> Result<Vec<Uuid>, ApiError> {
        let ids: Vec<&str> = self.all(name).collect();
        if ids.len() > most {
            return Err(ApiError::bad_request(format!("The parameter {name} comes at most {most} times.")));
        }
        ids.into_iter().map(|id| uuid(name, id)).collect()
    }

    /// An id.
    ///
    /// # Errors
    /// 400 for something else.
    pub fn id(&self, name: &str) -> Result<Option<Uuid>, ApiError> {
        self.get(name).map(|id| uuid(name, id)).transpose()
    }

    /// The types of credentials whose secrets are asked for. Types that the contract knows and this version does not
    /// keep are no error: nobody has such a credential.
    ///
    /// # Errors
    /// 400 for a type that nobody knows.
    pub fn include_credential(&self) -> Result<Vec<CredentialKind>, ApiError> {
        const OTHERS: [&str; 6] = ["oidc", "saml", "webauthn", "passkey", "code", "deviceauthn"];
        let mut kinds = Vec::new();
        for name in self.all("include_credential") {
            match CredentialKind::parse(name) {
                Some(kind) => kinds.push(kind),
                None if OTHERS.contains(&name) => {}
                None => return Err(ApiError::bad_request(format!("{name:?} is no type of credential."))),
            }
        }
        Ok(kinds)
    }
}

fn uuid(name: &str, text: &str) -> Result<Uuid, ApiError> {
    text.parse().map_err(|_| ApiError::bad_request(format!("The parameter {name} is not a UUID.")))
}

/// An id in a path.
///
/// # Errors
/// 400 for something else.
pub fn path_id(text: &str) -> Result<Uuid, ApiError> {
    uuid("id", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_flags_and_ids_are_checked() {
        let query =
            Query::parse("page=2&size=x&active=true&bad=yes&ids=00000000-0000-4000-8000-000000000001&ids=no&none=");
        assert_eq!(query.number("page"), Ok(Some(2)));
        assert_eq!(query.number("size").unwrap_err().status, 400);
        assert_eq!(query.flag("active"), Ok(Some(true)));
        assert_eq!(query.flag("bad").unwrap_err().status, 400);
        assert_eq!(query.number("none"), Ok(None));
        assert_eq!(query.ids("ids", 2).unwrap_err().status, 400);
        assert_eq!(query.ids("ids", 1).unwrap_err().status, 400);
    }

    #[test]
    fn unknown_types_of_credentials_are_refused_and_later_ones_are_not() {
        let query = Query::parse("include_credential=totp&include_credential=oidc");
        assert_eq!(query.include_credential(), Ok(vec![CredentialKind::Totp]));
        assert!(Query::parse("include_credential=nonsense").include_credential().is_err());
    }
}
