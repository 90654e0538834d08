//! The timeline: what pusher-js tells hosted Pusher about its connections, if it is told to
//! (fallback-transports.md §9). It is answered, so that pages see no errors, and forgotten.

use bytes::Bytes;
use foghorn_api::Answer;
use http::StatusCode;

use super::answers::{error, for_all};

/// The answer to `path`, if it is the timeline's.
pub(super) fn answer(path: &str, method: &str) -> Option<Answer> {
    let (form, number) = path.strip_prefix("/timeline/v2/")?.split_once('/')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let ok = |media_type, text: String| {
        for_all(Answer::new(StatusCode::OK, media_type, Bytes::from(text)))
    };
    Some(match (form, method) {
        ("jsonp" | "xhr", "GET" | "HEAD") if !is_number => {
            let text = "Not found; the last part of a timeline's path is a number\n";
            error(StatusCode::NOT_FOUND, text)
        }
        // What is called is text of this server's own and digits: nothing of a stranger's is run.
        ("jsonp", "GET" | "HEAD") => ok(
            "text/javascript; charset=UTF-8",
            format!("Pusher.ScriptReceivers[{number}](null,{{}});"),
        ),
        ("xhr", "GET" | "HEAD") => ok("application/json", "{}".to_owned()),
        ("jsonp" | "xhr", _) => for_all(crate::plain::only_get("Method not allowed, use GET\n")),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_answered() {
        let ask = |path, method| {
            let answer = answer(path, method)?;
            Some((
                answer.status.as_u16(),
                String::from_utf8(answer.body.to_vec()).unwrap(),
            ))
        };
        let called = "Pusher.ScriptReceivers[17](null,{});".to_owned();
        assert_eq!(ask("/timeline/v2/jsonp/17", "GET"), Some((200, called)));
        assert_eq!(
            ask("/timeline/v2/xhr/2", "GET"),
            Some((200, "{}".to_owned()))
        );
        for (path, method, status) in [
            ("/timeline/v2/jsonp/1;alert(1)", "GET", 404),
            ("/timeline/v2/jsonp/", "GET", 404),
            ("/timeline/v2/xhr/1/2", "GET", 404),
            ("/timeline/v2/xhr/2", "POST", 405),
        ] {
            assert_eq!(
                ask(path, method).map(|(status, _)| status),
                Some(status),
                "{path}"
            );
        }
        for path in [
            "/timeline",
            "/timeline/v2/",
            "/timeline/v2/x/1",
            "/timeline/v1/xhr/1",
        ] {
            assert_eq!(ask(path, "GET"), None, "{path}");
        }
    }
}
