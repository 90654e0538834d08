//! Which path is which operation.

use foghorn_auth::percent_decode;

use super::refusal::Refusal;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    ListApps,
    CreateApp,
    ShowApp(String),
    ChangeApp(String),
    DeleteApp(String),
    CreateKey(String),
    ChangeKey(String, String),
    DeleteKey(String, String),
    ListConnections(String),
    CloseConnection(String, String),
    ListChannels(String),
    ShowUsage(String),
    ShowWebhooks,
    ListDeadLetters,
    Redeliver,
    DiscardDeadLetter(String),
    ShowConfiguration,
    ShowDocument,
}

/// The names in a path, decoded, in its order; empty where there is none.
type Names = [String; 2];

/// A method of a path.
pub(super) struct Method {
    pub(super) name: &'static str,
    /// The parameters that the query may have.
    pub(super) params: &'static [&'static str],
    operation: fn(Names) -> Operation,
}

/// A path with its methods.
pub(super) struct Route {
    /// As the document has it.
    pub(super) path: &'static str,
    pub(super) methods: &'static [Method],
}

const fn method(
    name: &'static str,
    params: &'static [&'static str],
    operation: fn(Names) -> Operation,
) -> Method {
    Method {
        name,
        params,
        operation,
    }
}

const fn route(path: &'static str, methods: &'static [Method]) -> Route {
    Route { path, methods }
}

const PAGE: &[&str] = &["after", "limit"];

/// All there is.
pub(super) const ROUTES: &[Route] = &[
    route(
        "/admin/v1/apps",
        &[
            method("GET", PAGE, |_| Operation::ListApps),
            method("POST", &[], |_| Operation::CreateApp),
        ],
    ),
    route(
        "/admin/v1/apps/{id}",
        &[
            method("GET", &[], |[id, _]| Operation::ShowApp(id)),
            method("PATCH", &[], |[id, _]| Operation::ChangeApp(id)),
            method("DELETE", &[], |[id, _]| Operation::DeleteApp(id)),
        ],
    ),
    route(
        "/admin/v1/apps/{id}/keys",
        &[method("POST", &[], |[id, _]| Operation::CreateKey(id))],
    ),
    route(
        "/admin/v1/apps/{id}/keys/{key}",
        &[
            method("PATCH", &[], |[id, key]| Operation::ChangeKey(id, key)),
            method("DELETE", &[], |[id, key]| Operation::DeleteKey(id, key)),
        ],
    ),
    route(
        "/admin/v1/apps/{id}/connections",
        &[method("GET", PAGE, |[id, _]| {
            Operation::ListConnections(id)
        })],
    ),
    route(
        "/admin/v1/apps/{id}/connections/{socket_id}",
        &[method("DELETE", &[], |[id, socket]| {
            Operation::CloseConnection(id, socket)
        })],
    ),
    route(
        "/admin/v1/apps/{id}/channels",
        &[method("GET", &["prefix", "after", "limit"], |[id, _]| {
            Operation::ListChannels(id)
        })],
    ),
    route(
        "/admin/v1/apps/{id}/usage",
        &[method("GET", &[], |[id, _]| Operation::ShowUsage(id))],
    ),
    route(
        "/admin/v1/webhooks",
        &[method("GET", &[], |_| Operation::ShowWebhooks)],
    ),
    route(
        "/admin/v1/webhooks/dead",
        &[method("GET", &["app", "after", "limit"], |_| {
            Operation::ListDeadLetters
        })],
    ),
    route(
        "/admin/v1/webhooks/dead/redeliver",
        &[method("POST", &[], |_| Operation::Redeliver)],
    ),
    route(
        "/admin/v1/webhooks/dead/{id}",
        &[method("DELETE", &[], |[id, _]| {
            Operation::DiscardDeadLetter(id)
        })],
    ),
    route(
        "/admin/v1/config",
        &[method("GET", &[], |_| Operation::ShowConfiguration)],
    ),
    route(
        "/admin/v1/openapi.json",
        &[method("GET", &[], |_| Operation::ShowDocument)],
    ),
];

/// What a path asks for, and which parameters its query may have.
pub(super) fn find(
    method: &str,
    path: &str,
) -> Result<(Operation, &'static [&'static str]), Refusal> {
    let found = ROUTES
        .iter()
        .find_map(|route| Some((route, names(route.path, path)?)));
    let (route, names) = found.ok_or(Refusal::UnknownPath)?;
    let asked = route.methods.iter().find(|known| known.name == method);
    match asked {
        Some(known) => Ok(((known.operation)(names), known.params)),
        None => {
            let all: Vec<_> = route.methods.iter().map(|known| known.name).collect();
            let allow = all.join(", ");
            Err(Refusal::Method { allow })
        }
    }
}

/// The names in `path`, if it is one of `pattern`.
fn names(pattern: &str, path: &str) -> Option<Names> {
    let mut names = Names::default();
    let mut free = names.iter_mut();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        if !expected.starts_with('{') {
            if segment != expected {
                return None;
            }
        } else if segment.is_empty() {
            return None;
        } else if let Some(name) = free.next() {
            // What cannot be decoded is no name, and nothing will be found under it.
            let decoded = percent_decode(segment);
            *name = decoded.map_or_else(|| segment.to_owned(), Into::into);
        }
    }
    segments.next().is_none().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Result<Operation, String> {
        let found = find(method, path);
        found
            .map(|(operation, _)| operation)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn paths_and_methods() {
        let text = str::to_owned;
        for (method, path, expect) in [
            ("GET", "/admin/v1/apps", Operation::ListApps),
            ("PATCH", "/admin/v1/apps/7", Operation::ChangeApp(text("7"))),
            (
                "DELETE",
                "/admin/v1/apps/a%40b/keys/k%",
                Operation::DeleteKey(text("a@b"), text("k%")),
            ),
            (
                "DELETE",
                "/admin/v1/webhooks/dead/7",
                Operation::DiscardDeadLetter(text("7")),
            ),
            (
                "POST",
                "/admin/v1/webhooks/dead/redeliver",
                Operation::Redeliver,
            ),
        ] {
            assert_eq!(found(method, path), Ok(expect), "{path}");
        }
        for path in [
            "/admin/",
            "/admin/v1",
            "/admin/v1/",
            "/admin/v1/apps/",
            "/admin/v1/apps//usage",
            "/admin/v1/apps/7/usage/",
            "/admin/v1/apps/7/nothing",
        ] {
            let expect = Err(Refusal::UnknownPath.to_string());
            assert_eq!(found("GET", path), expect, "{path}");
        }
        let expect = "Method not allowed, use GET, PATCH, DELETE";
        assert_eq!(found("PUT", "/admin/v1/apps/7"), Err(text(expect)));
    }
}
