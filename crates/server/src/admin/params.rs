//! The query of a request, and the pages that it asks for.

use std::collections::BTreeMap;

use foghorn_auth::percent_decode;
use serde_json::Value;

use super::refusal::{Refusal, excerpt};

/// Entries of a page, where nothing else is asked for.
const USUAL: usize = 100;

/// Entries of a page, at most.
const MOST: usize = 1_000;

/// The parameters of a query, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Params(BTreeMap<&'static str, String>);

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page<'a> {
    /// Behind this entry; from the start without one.
    pub(super) after: Option<&'a str>,
    /// So many entries.
    pub(super) limit: usize,
}

impl Params {
    /// Takes a query apart that may have the parameters `known`. A slip of the pen is found:
    /// nothing is ignored.
    pub(super) fn parse(query: &str, known: &[&'static str]) -> Result<Self, Refusal> {
        let mut params = BTreeMap::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name);
            let refuse = |problem| Refusal::Parameter {
                name: excerpt(&name),
                problem,
            };
            let name = known.iter().find(|known| **known == name);
            let name = name.ok_or_else(|| refuse("is not known here"))?;
            if params.insert(*name, decode(value)).is_some() {
                return Err(refuse("is given more than once"));
            }
        }
        Ok(Self(params))
    }

    /// A parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The page that is asked for.
    pub(super) fn page(&self) -> Result<Page<'_>, Refusal> {
        let limit = match self.get("limit") {
            None => USUAL,
            Some(text) => {
                let limit = whole(text).and_then(|number| usize::try_from(number).ok());
                let limit = limit.filter(|limit| (1..=MOST).contains(limit));
                limit.ok_or_else(|| bad("limit", "must be a whole number from 1 to 1000"))?
            }
        };
        match self.get("after") {
            Some("") => Err(bad("after", "is empty; the first page has none")),
            after => Ok(Page { after, limit }),
        }
    }
}

impl Page<'_> {
    /// How much to look for: one more than is wanted, to know whether it is the last page.
    pub(super) fn reach(self) -> usize {
        self.limit + 1
    }

    /// What is on the page, and behind which entry the next one begins, if there is a next one.
    pub(super) fn cut<T, N>(
        self,
        mut found: Vec<T>,
        name: impl Fn(&T) -> N,
    ) -> (Vec<T>, Option<N>) {
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = found.last().filter(|_| more).map(name);
        (found, next)
    }
}

/// A parameter that is not what it must be.
pub(super) fn bad(name: &str, problem: &'static str) -> Refusal {
    Refusal::Parameter {
        name: name.to_owned(),
        problem,
    }
}

/// The largest number that every reader of JSON takes exactly.
const LARGEST: u64 = (1 << 53) - 1;

/// A number of digits alone.
pub(super) fn whole(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.filter(|number| *number <= LARGEST)
}

/// A number of a body. Some writers of JSON give whole numbers a fraction of zero.
pub(super) fn number(value: &Value) -> Option<u64> {
    let exact = |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number as u64);
    let number = value.as_u64().or_else(|| value.as_f64().and_then(exact));
    number.filter(|number| *number <= LARGEST)
}

/// The text itself where it cannot be decoded. A plus is a space, as in forms.
fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    match percent_decode(&text) {
        Some(decoded) => decoded.into_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["prefix", "after", "limit"];

    #[test]
    fn a_query_has_known_parameters_once() {
        let params = Params::parse("prefix=a%2Bb+c&limit=1000&", KNOWN).unwrap();
        assert_eq!(params.get("prefix"), Some("a+b c"));
        let page = Page {
            after: None,
            limit: 1_000,
        };
        assert_eq!(params.page().unwrap(), page);
        for (query, expect) in [
            ("limt=1", "The parameter limt is not known here"),
            (
                "limit=1&limit=2",
                "The parameter limit is given more than once",
            ),
        ] {
            let refusal = Params::parse(query, KNOWN).unwrap_err();
            assert_eq!(refusal.to_string(), expect);
        }
        for limit in ["0", "1001", "-1", "+5", "", "1.5", "many"] {
            let params = Params::parse(&format!("limit={limit}"), KNOWN).unwrap();
            assert!(params.page().is_err(), "{limit}");
        }
    }

    #[test]
    fn the_last_page_says_so() {
        let page = |limit| Page { after: None, limit };
        assert_eq!(page(2).cut(vec![1, 2, 3], |n| *n), (vec![1, 2], Some(2)));
        assert_eq!(page(3).cut(vec![1, 2, 3], |n| *n), (vec![1, 2, 3], None));
    }
}
