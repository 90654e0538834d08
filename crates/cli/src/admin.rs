//! Requests to the admin API of a server, on its private listener (docs/admin.md).

use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::address::{Address, Addresses};
use crate::api;
use crate::failure::Failure;
use crate::output::{Output, OutputArguments, Report};
use crate::paint::Paint;
use crate::target::{Environment, environment, secret_of_file};

/// Where a server has its private listener that nobody configured.
const DEFAULT_URL: &str = "http://127.0.0.1:9601";

/// Entries of a list that are asked for at a time.
const PAGE: &str = "limit=1000";

/// The admin API that is meant.
#[derive(Args)]
pub(crate) struct AdminArguments {
    /// The server's private listener, which metrics.host and metrics.port name: http[s]://HOST:PORT
    /// [env: FOGHORN_ADMIN_URL] [default: http://127.0.0.1:9601]
    #[arg(long, value_name = "URL", help_heading = "Server")]
    admin_url: Option<String>,
    /// Read the token, the server's admin.token, from this file, less the end of its last line
    /// [env: FOGHORN_ADMIN_TOKEN]
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    token_file: Option<PathBuf>,
}

/// What all commands for an admin API take.
#[derive(Args)]
pub(crate) struct Common {
    #[command(flatten)]
    admin: AdminArguments,
    #[command(flatten)]
    output: OutputArguments,
}

impl Common {
    /// Where to say what, and whom to ask.
    ///
    /// # Errors
    /// See [`AdminArguments::resolve`].
    pub(crate) fn open(self) -> Result<(Output, Admin), Failure> {
        let output = Output::open(&self.output);
        Ok((output, self.admin.resolve(&environment)?))
    }
}

/// An admin API and what proves that one may use it.
pub(crate) struct Admin {
    address: Address,
    token: String,
}

/// An answer, and how people read it.
pub(crate) struct Told {
    /// For pipes.
    pub(crate) json: Value,
    /// For people.
    pub(crate) people: fn(&Value, Paint) -> String,
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl Report for Told {
    fn people(&self, paint: Paint) -> String {
        (self.people)(&self.json, paint)
    }
}

impl AdminArguments {
    /// The admin API that is meant.
    ///
    /// # Errors
    /// The URL is none, or there is no token.
    pub(crate) fn resolve(self, environment: Environment<'_>) -> Result<Admin, Failure> {
        let (name, url) = match (self.admin_url, environment("FOGHORN_ADMIN_URL")) {
            (Some(url), _) => ("--admin-url", url),
            (None, Some(url)) => ("FOGHORN_ADMIN_URL", url),
            (None, None) => ("the default", DEFAULT_URL.to_owned()),
        };
        let parsed = Addresses::parse(&url);
        let (addresses, _) = parsed.map_err(|error| Failure::usage(format!("{name} {error}")))?;
        let token = match self.token_file {
            Some(path) => Some(secret_of_file(&path, "token")?),
            None => environment("FOGHORN_ADMIN_TOKEN"),
        };
        let token = token.ok_or_else(|| {
            let hint = "it is the value of admin.token in the server's configuration";
            Failure::usage("missing: a token (--token-file or FOGHORN_ADMIN_TOKEN)").hint(hint)
        })?;
        Ok(Admin {
            address: addresses.api,
            token,
        })
    }
}

impl Admin {
    /// Asks for what is below `/admin/v1`; `null` where the answer has no body.
    pub(crate) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let request = self.request(method, path, body)?;
        let (status, text) = api::runtime()?
            .block_on(api::answered(&self.address, request))
            .map_err(|failure| failure.hint(NOBODY))?;
        match status {
            StatusCode::NO_CONTENT => Ok(Value::Null),
            status if status.is_success() => serde_json::from_str(&text).map_err(|_| {
                let said = format!("{} answers {status} without JSON", self.address);
                Failure::refused(said).hint(NOT_ADMIN)
            }),
            status => Err(refusal(status, &text)),
        }
    }

    /// Calls `each` with every entry of a list that comes in pages. `query` is empty or ends with
    /// an ampersand.
    pub(crate) fn each(
        &self,
        (path, query, list): (&str, &str, &str),
        mut each: impl FnMut(Value) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut after = String::new();
        loop {
            let path = format!("{path}?{query}{PAGE}{after}");
            let mut page = self.ask(Method::GET, &path, None)?;
            let entries = page.get_mut(list).and_then(Value::as_array_mut);
            let entries = entries.ok_or_else(|| {
                Failure::refused(format!("the server's answer has no {list}")).hint(NOT_ADMIN)
            })?;
            entries.drain(..).try_for_each(&mut each)?;
            after = match page.get("next") {
                Some(Value::String(next)) => format!("&after={}", api::segment(next)),
                Some(Value::Number(next)) => format!("&after={next}"),
                _ => return Ok(()),
            };
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let path = format!("{}/admin/v1{path}", self.address.prefix);
        let body = body.map(Value::to_string).unwrap_or_default();
        Request::builder()
            .method(method)
            .uri(&path)
            .header(header::HOST, self.address.authority())
            .header(header::USER_AGENT, api::AGENT)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Full::new(Bytes::from(body)))
            // The text would name the header's value.
            .map_err(|_| Failure::usage(format!("cannot ask for {path}: is the token ASCII?")))
    }
}

const NOBODY: &str = "is the server running, and is this the address of its private listener \
                      (metrics.host, metrics.port)? name another with --admin-url";

const NOT_ADMIN: &str = "is it the private listener (metrics.port) of a Foghorn server?";

fn refusal(status: StatusCode, text: &str) -> Failure {
    let answer = serde_json::from_str::<Value>(text).unwrap_or_default();
    let failure = api::refused(status, text);
    let problems = answer.get("problems").and_then(Value::as_array);
    let told = |problem: &Value| {
        let part = |name| problem.get(name)?.as_str();
        Some(match part("field")? {
            "" => part("problem")?.to_owned(),
            field => format!("{field} {}", part("problem")?),
        })
    };
    let problems: Vec<_> = problems.into_iter().flatten().filter_map(told).collect();
    if !problems.is_empty() {
        return failure.hint(problems.join("; "));
    }
    let said = answer.get("error").and_then(Value::as_str);
    let hint = match status {
        StatusCode::UNAUTHORIZED => "FOGHORN_ADMIN_TOKEN or --token-file has another token",
        // Other listeners know no such path either.
        StatusCode::NOT_FOUND if said.is_none_or(|said| said.starts_with("Unknown path")) => {
            NOT_ADMIN
        }
        StatusCode::SERVICE_UNAVAILABLE => "try again later",
        _ => return failure,
    };
    failure.hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(url: Option<&str>, variables: &[(&str, &str)]) -> Result<String, Failure> {
        let arguments = AdminArguments {
            admin_url: url.map(str::to_owned),
            token_file: None,
        };
        let environment = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let admin = arguments.resolve(&environment)?;
        Ok(format!("{} {}", admin.address, admin.token))
    }

    #[test]
    fn a_flag_comes_before_the_environment_and_a_token_is_required() {
        let token = ("FOGHORN_ADMIN_TOKEN", "t");
        let url = ("FOGHORN_ADMIN_URL", "http://h:7");
        let default = resolve(None, &[token]).unwrap();
        assert_eq!(default, "http://127.0.0.1:9601 t");
        assert_eq!(resolve(None, &[token, url]).unwrap(), "http://h:7 t");
        let flag = resolve(Some("http://f:8"), &[token, url]).unwrap();
        assert_eq!(flag, "http://f:8 t");
        let missing = resolve(None, &[]).unwrap_err();
        assert!(missing.to_string().starts_with("missing: a token"));
    }

    #[test]
    fn refusals_say_where_a_body_does_not_fit() {
        let text = r#"{"error":"no","code":400,"problems":[
            {"field":"webhooks[0].url","problem":"is missing"},{"field":"","problem":"b"}]}"#;
        let failure = refusal(StatusCode::BAD_REQUEST, text);
        assert_eq!(failure.advice(), Some("webhooks[0].url is missing; b"));
        let strange = refusal(StatusCode::NOT_FOUND, "<html>");
        assert_eq!(strange.advice(), Some(NOT_ADMIN));
    }
}
