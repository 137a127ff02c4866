//! Pages of lists: which part is asked for, and the `Link` header that leads to the others (RFC 8288). Most lists
//! come by key (`page_token`); identities, an identity's sessions and schemas by number (`page`) too.

use axum::response::Response;
use foundation::ApiError;
use http::header::{HeaderName, HeaderValue, LINK};

use super::query::Query;

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
/// Parameters that say which part is asked for; links have their own.
const PAGING: [&str; 4] = ["page", "per_page", "page_size", "page_token"];

/// How many items a page has by default, and at most.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Without a parameter.
    pub default: i64,
    /// More is cut to this.
    pub most: i64,
}

impl Sizes {
    /// The size that was asked for, by the first of these parameters that is there.
    ///
    /// # Errors
    /// 400 if it is no number.
    pub fn asked(self, query: &Query, names: &[&str]) -> Result<i64, ApiError> {
        for name in names {
            if let Some(size) = query.number(name)? {
                return Ok(if size > 0 { size.min(self.most) } else { self.default });
            }
        }
        Ok(self.default)
    }
}

/// A list that comes by numbered pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// From nought.
    pub page: i64,
    /// Items of a page.
    pub size: i64,
}

impl Numbered {
    /// The page that was asked for. Some clients call the parameters of numbered pages as those of keys.
    ///
    /// # Errors
    /// 400 for what is no number.
    pub fn asked(query: &Query, sizes: Sizes) -> Result<Self, ApiError> {
        let page = match query.number("page")? {
            Some(page) => page,
            None => query.number("page_token")?.unwrap_or(0),
        };
        Ok(Self { page: page.clamp(0, i64::from(u32::MAX)), size: sizes.asked(query, &["per_page", "page_size"])? })
    }

    /// How many items come before the page.
    pub fn offset(self) -> i64 {
        self.page * self.size
    }

    /// Adds the links to the other pages, and how many items there are in all.
    pub fn link(self, response: &mut Response, path: &str, query: &Query, total: i64) {
        let at = |page: i64| vec![("page", page.to_string()), ("per_page", self.size.to_string())];
        self.link_at(response, path, query, total, at);
    }

    /// As [`Numbered::link`], with the parameters of lists by key as well: some clients know only those.
    pub fn link_in_full(self, response: &mut Response, path: &str, query: &Query, total: i64) {
        let at = |page: i64| {
            let size = self.size.to_string();
            let (page, token) = (page.to_string(), format!("{page:06}"));
            vec![("page", page), ("page_size", size.clone()), ("page_token", token), ("per_page", size)]
        };
        self.link_at(response, path, query, total, at);
    }

    fn link_at(
        self,
        response: &mut Response,
        path: &str,
        query: &Query,
        total: i64,
        at: impl Fn(i64) -> Vec<(&'static str, String)>,
    ) {
        let last = (total - 1).max(0) / self.size;
        let mut links = Vec::new();
        if total <= self.size || self.page > 0 {
            links.push(("first", at(0)));
        }
        if self.page < last {
            links.push(("next", at(self.page + 1)));
        }
        if self.page > 0 {
            links.push(("prev", at(self.page - 1)));
        }
        if self.page < last {
            links.push(("last", at(last)));
        }
        link(response, path, query, links);
        response.headers_mut().insert(TOTAL, HeaderValue::from(total));
    }
}

/// Adds a `Link` header: for each relation the present query with other paging parameters.
pub fn link(response: &mut Response, path: &str, query: &Query, links: Vec<(&str, Vec<(&str, String)>)>) {
    let links = links.into_iter().map(|(relation, own)| {
        let mut pairs: Vec<(&str, &str)> = query.pairs().filter(|(name, _)| !PAGING.contains(name)).collect();
        pairs.extend(own.iter().map(|(name, value)| (*name, value.as_str())));
        pairs.sort_by_key(|(name, _)| *name);
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("<{path}?{query}>; rel=\"{relation}\"")
    });
    // Encoded parameters fit in a header; if they did not, the list would still be right.
    if let Ok(value) = HeaderValue::try_from(links.collect::<Vec<_>>().join(",")) {
        response.headers_mut().insert(LINK, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { default: 250, most: 500 };

    fn relations(page: i64, total: i64) -> Vec<String> {
        let mut response = Response::default();
        Numbered { page, size: 2 }.link(&mut response, "/list", &Query::parse("b=1&page=9&a=2"), total);
        let header = response.headers()[LINK].to_str().unwrap().to_owned();
        header.split(',').map(|link| link.replace("</list?", "").replace(">; rel=", " ")).collect()
    }

    #[test]
    fn numbered_pages_lead_to_each_other() {
        assert_eq!(relations(0, 0), [r#"a=2&b=1&page=0&per_page=2 "first""#]);
        assert_eq!(relations(0, 2), [r#"a=2&b=1&page=0&per_page=2 "first""#]);
        assert_eq!(relations(0, 3), [r#"a=2&b=1&page=1&per_page=2 "next""#, r#"a=2&b=1&page=1&per_page=2 "last""#]);
        let middle: Vec<String> =
            relations(1, 5).iter().map(|link| link.split('"').nth(1).unwrap().to_owned()).collect();
        assert_eq!(middle, ["first", "next", "prev", "last"]);
        let end: Vec<String> = relations(2, 5).iter().map(|link| link.split('"').nth(1).unwrap().to_owned()).collect();
        assert_eq!(end, ["first", "prev"]);
    }

    #[test]
    fn sizes_have_a_default_and_a_bound() {
        let asked = |text: &str| SIZES.asked(&Query::parse(text), &["page_size", "per_page"]);
        assert_eq!(asked(""), Ok(250));
        assert_eq!(asked("page_size=0"), Ok(250));
        assert_eq!(asked("page_size=-3"), Ok(250));
        assert_eq!(asked("page_size=100000"), Ok(500));
        assert_eq!(asked("per_page=7"), Ok(7));
        assert_eq!(asked("page_size=nonsense").unwrap_err().status, 400);
    }

    #[test]
    fn the_number_of_a_page_is_never_negative() {
        assert_eq!(Numbered::asked(&Query::parse("page=-1"), SIZES), Ok(Numbered { page: 0, size: 250 }));
        assert!(Numbered::asked(&Query::parse("page=x"), SIZES).is_err());
    }
}
