//! Who signs in (protocol.md §9.1).

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{object, object_text};
use crate::{InvalidUserId, Limits, UserId};

/// A user as signed in `user_data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub id: UserId,
    /// `user_info`: the JSON text of an object, or absent.
    pub user_info: Option<Arc<str>>,
    /// Whose coming and going the user wants to hear of: distinct, in the order given, and no more
    /// than the limit.
    pub watchlist: Vec<UserId>,
    /// How many ids the watchlist had, those left out included.
    pub watched: usize,
}

/// What becomes of a watchlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// It is read.
    Read,
    /// It is not even looked at.
    Ignored,
}

/// Why `user_data` does not describe a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUser {
    /// Not a JSON object.
    #[error("user_data must be a JSON object with a string id")]
    NotAnObject,
    /// There is no `id`, or it is no string: pusher-js would not take it either.
    #[error("user_data must have an id that is a string")]
    NoId,
    /// `id` is not usable.
    #[error("id in user_data: {0}")]
    Id(InvalidUserId),
    /// `user_info` is something else than an object.
    #[error("user_info must be an object")]
    UserInfoType,
    /// `watchlist` is something else than an array of strings.
    #[error("watchlist must be an array of user ids, which are strings")]
    WatchlistType,
    /// An id in the watchlist is not usable.
    #[error("id in watchlist: {0}")]
    WatchlistId(InvalidUserId),
}

impl User {
    /// Reads `user_data`: `{"id": string, "user_info": object or null, "watchlist": [string]}`,
    /// other members ignored.
    ///
    /// # Errors
    /// The first rule that `user_data` breaks. A watchlist that is too long breaks none: the ids
    /// beyond the limit are left out.
    pub fn parse(user_data: &str, watched: Watched, limits: &Limits) -> Result<Self, InvalidUser> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            #[serde(borrow)]
            user_info: Option<&'a RawValue>,
            #[serde(borrow)]
            watchlist: Option<&'a RawValue>,
        }
        let raw: Raw<'_> = object(user_data).ok_or(InvalidUser::NotAnObject)?;
        let id: String = raw
            .id
            .and_then(|id| serde_json::from_str(id.get()).ok())
            .ok_or(InvalidUser::NoId)?;
        let id = UserId::parse_plain(&id, limits.max_user_id_length).map_err(InvalidUser::Id)?;
        let user_info = object_text(raw.user_info).ok_or(InvalidUser::UserInfoType)?;
        let ids: Vec<String> = match raw.watchlist.filter(|_| watched == Watched::Read) {
            Some(list) => {
                serde_json::from_str(list.get()).map_err(|_| InvalidUser::WatchlistType)?
            }
            None => Vec::new(),
        };
        Ok(Self {
            id,
            user_info,
            watched: ids.len(),
            watchlist: watchlist(&ids, limits)?,
        })
    }
}

fn watchlist(ids: &[String], limits: &Limits) -> Result<Vec<UserId>, InvalidUser> {
    let mut list = Vec::new();
    for id in ids.iter().take(limits.max_watchlist) {
        let id = UserId::parse(id, limits.max_user_id_length).map_err(InvalidUser::WatchlistId)?;
        if !list.contains(&id) {
            list.push(id);
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<User, InvalidUser> {
        User::parse(text, Watched::Read, &Limits::default())
    }

    #[test]
    fn a_watchlist_that_is_ignored_spoils_nothing() {
        let text = r#"{"id":"u","watchlist":[1]}"#;
        let user = User::parse(text, Watched::Ignored, &Limits::default()).unwrap();
        assert_eq!((user.id, user.watched), (id("u"), 0));
    }

    fn id(text: &str) -> UserId {
        UserId::parse(text, 200).unwrap()
    }

    #[test]
    fn what_applications_sign() {
        let user = parse(r#"{"id":"u-17"}"#).unwrap();
        assert_eq!(
            (user.id, user.user_info, user.watched),
            (id("u-17"), None, 0)
        );
        let user = parse(
            r#"{"id":"u-17","user_info": {"b":1, "a":2},"watchlist":["u-18","u-19","u-18"]}"#,
        )
        .unwrap();
        assert_eq!(user.user_info.as_deref(), Some(r#"{"b":1, "a":2}"#));
        assert_eq!(user.watchlist, [id("u-18"), id("u-19")]);
        assert_eq!(user.watched, 3);
        let nothing = parse(r#" {"id":"a","user_info":null,"watchlist":null,"x":[[]]} "#).unwrap();
        assert_eq!((nothing.user_info, nothing.watched), (None, 0));
    }

    #[test]
    fn everything_else_names_its_fault() {
        for (text, expect) in [
            ("", InvalidUser::NotAnObject),
            ("[]", InvalidUser::NotAnObject),
            (r#"["u"]"#, InvalidUser::NotAnObject),
            (r#"{"id":"#, InvalidUser::NotAnObject),
            ("{}", InvalidUser::NoId),
            (r#"{"id":17}"#, InvalidUser::NoId),
            (r#"{"id":null}"#, InvalidUser::NoId),
            (r#"{"user_id":"u"}"#, InvalidUser::NoId),
            (r#"{"id":""}"#, InvalidUser::Id(InvalidUserId::Empty)),
            (
                r#"{"id":"a b"}"#,
                InvalidUser::Id(InvalidUserId::Character(' ')),
            ),
            (r#"{"id":"u","user_info":"x"}"#, InvalidUser::UserInfoType),
            (r#"{"id":"u","watchlist":"x"}"#, InvalidUser::WatchlistType),
            (r#"{"id":"u","watchlist":[1]}"#, InvalidUser::WatchlistType),
            (
                r#"{"id":"u","watchlist":[""]}"#,
                InvalidUser::WatchlistId(InvalidUserId::Empty),
            ),
        ] {
            assert_eq!(parse(text), Err(expect), "{text}");
        }
    }

    #[test]
    fn a_long_watchlist_is_cut() {
        let list = |n: usize| {
            let ids: Vec<_> = (0..n).map(|i| format!("\"w-{i}\"")).collect();
            format!(r#"{{"id":"u","watchlist":[{}]}}"#, ids.join(","))
        };
        let full = parse(&list(100)).unwrap();
        assert_eq!((full.watchlist.len(), full.watched), (100, 100));
        let over = parse(&list(101)).unwrap();
        assert_eq!((over.watchlist, over.watched), (full.watchlist, 101));
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
        assert!(parse(&format!(r#"{{"id":"u","x":{deep}}}"#)).is_ok());
        for (member, expect) in [
            ("id", InvalidUser::NoId),
            ("user_info", InvalidUser::UserInfoType),
            ("watchlist", InvalidUser::WatchlistType),
        ] {
            let id = if member == "id" { "" } else { r#""id":"u","# };
            let text = format!(r#"{{{id}"{member}":{deep}}}"#);
            assert_eq!(parse(&text), Err(expect), "{member}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_keeps_its_limits(ids in prop::collection::vec("[a-c]{1,2}", 0..30)) {
            let limits = Limits { max_watchlist: 8, ..Limits::default() };
            let text = serde_json::json!({"id": "u", "watchlist": ids}).to_string();
            let user = User::parse(&text, Watched::Read, &limits).unwrap();
            prop_assert_eq!(user.watched, ids.len());
            let mut expect: Vec<String> = Vec::new();
            for id in ids.into_iter().take(8) {
                if !expect.contains(&id) { expect.push(id); }
            }
            let watchlist: Vec<_> = user.watchlist.iter().map(|id| id.as_str()).collect();
            prop_assert_eq!(watchlist, expect);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn no_perturbed_user_panics(at in 0usize..60, byte: u8) {
            let mut text =
                br#"{"id":"u-17","user_info":{"nick":"Z"},"watchlist":["u-18"]}"#.to_vec();
            if let Some(b) = text.get_mut(at) { *b = byte; }
            if let Ok(text) = std::str::from_utf8(&text) { let _ = parse(text); }
        }
    }
}
