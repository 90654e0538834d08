//! Which server is meant, and as which app: flags, then environment, then the built-in app.

use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use clap::Args;
use foghorn_auth::{AppKey, Credential, KeyRing, Secret};

use crate::address::{Address, Addresses, AppOfUrl};
use crate::failure::Failure;
use crate::input;

/// Where a server listens that nobody configured.
const DEFAULT_URL: &str = "http://127.0.0.1:6001";

/// The app that such a server has: id, key, secret.
const BUILT_IN: [&str; 3] = ["app-id", "app-key", "app-secret"];

/// The server and the app.
#[derive(Args)]
pub struct TargetArguments {
    /// The server: http[s]://HOST[:PORT][/PREFIX], or https://KEY:SECRET@HOST/apps/APP_ID
    /// [env: FOGHORN_URL, PUSHER_URL] [default: http://127.0.0.1:6001]
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "cluster",
        help_heading = "Server"
    )]
    url: Option<String>,
    /// A cluster of hosted Pusher, such as eu, in place of --url
    #[arg(long, value_name = "NAME", help_heading = "Server")]
    cluster: Option<String>,
    /// The app's id [env: FOGHORN_APP_ID]
    #[arg(
        long,
        visible_alias = "app",
        value_name = "ID",
        help_heading = "Server"
    )]
    app_id: Option<String>,
    #[command(flatten)]
    credentials: CredentialArguments,
}

/// A key and its secret.
#[derive(Args)]
pub(crate) struct CredentialArguments {
    /// The app's key [env: FOGHORN_APP_KEY]
    #[arg(long, value_name = "KEY", help_heading = "Server")]
    key: Option<String>,
    /// The app's secret [env: FOGHORN_APP_SECRET]. Everybody on this computer can see it in the
    /// list of processes: prefer --secret-file or the variable
    #[arg(
        long,
        value_name = "SECRET",
        conflicts_with = "secret_file",
        help_heading = "Server"
    )]
    secret: Option<String>,
    /// Read the app's secret from this file, less the end of its last line
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    secret_file: Option<PathBuf>,
}

/// A server and one of its apps.
pub struct Target {
    /// Where the server is.
    pub addresses: Addresses,
    /// The app's id.
    pub app_id: String,
    /// What its requests and subscriptions are signed with.
    pub credential: Credential,
}

/// What a client has to know of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// To connect, and to subscribe to public channels.
    Key,
    /// To sign as well.
    Credential,
}

/// With what a client meets a server.
pub(crate) enum Pass {
    /// It cannot sign.
    Key(AppKey),
    /// It can.
    Credential(Credential),
}

/// A key and its secret as they were given.
pub(crate) struct GivenCredential {
    pub(crate) credential: Credential,
    /// As written, for finding out what somebody made of it.
    pub(crate) secret_text: String,
    pub(crate) origin: Origin,
}

/// Whose credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From flags or the environment.
    Given,
    /// The one of the built-in development app.
    BuiltIn,
}

/// Looks up a variable; an empty one is none.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads the process's own variables.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl TargetArguments {
    /// The server and the app that are meant.
    ///
    /// # Errors
    /// A part is missing or not valid.
    pub fn resolve(self, environment: Environment<'_>) -> Result<Target, Failure> {
        let (addresses, found) = self.find(environment)?;
        let [app_id, key, secret] = match found {
            [Some(id), Some(key), Some(secret)] => [id, key, secret],
            found => return Err(missing(&found.map(|part| part.is_some()))),
        };
        Ok(Target {
            addresses,
            app_id,
            credential: credential(&key, &secret)?,
        })
    }

    /// Where WebSocket clients connect, and what `need` says of the app.
    pub(crate) fn resolve_client(
        self,
        need: Need,
        environment: Environment<'_>,
    ) -> Result<(Address, Pass), Failure> {
        let (addresses, [_, key, secret]) = self.find(environment)?;
        let pass = match (need, key, secret) {
            (Need::Key, Some(key), _) => Pass::Key(app_key(&key)?),
            (Need::Credential, Some(key), Some(secret)) => {
                Pass::Credential(credential(&key, &secret)?)
            }
            (Need::Key, None, _) => return Err(missing(&[true, false, true])),
            (Need::Credential, key, secret) => {
                return Err(missing(&[true, key.is_some(), secret.is_some()]));
            }
        };
        Ok((addresses.websocket, pass))
    }

    /// The addresses, and what is known of id, key and secret. Who says nothing of them means the
    /// built-in app, on this computer.
    fn find(
        self,
        environment: Environment<'_>,
    ) -> Result<(Addresses, [Option<String>; 3]), Failure> {
        let (addresses, of_url) = self.addresses(environment)?;
        let app_id = self.app_id.or_else(|| of_url.id.clone());
        let app_id = app_id.or_else(|| environment("FOGHORN_APP_ID"));
        let (key, secret) = self.credentials.find(&of_url, environment)?;
        let found = match [app_id, key, secret] {
            [None, None, None] if addresses.api.is_loopback() => {
                BUILT_IN.map(|part| Some(part.to_owned()))
            }
            found => found,
        };
        Ok((addresses, found))
    }

    fn addresses(&self, environment: Environment<'_>) -> Result<(Addresses, AppOfUrl), Failure> {
        if let Some(url) = &self.url {
            return parse("--url", url);
        }
        if let Some(cluster) = &self.cluster {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if cluster.is_empty() || !cluster.chars().all(is_name) {
                return Err(Failure::usage("--cluster must be a name such as eu"));
            }
            return Ok((Addresses::of_cluster(cluster), AppOfUrl::default()));
        }
        from_environment(environment).unwrap_or_else(|| parse("the default", DEFAULT_URL))
    }
}

impl CredentialArguments {
    /// The key and the secret for signing without a server.
    pub(crate) fn resolve(self, environment: Environment<'_>) -> Result<GivenCredential, Failure> {
        let of_url = match from_environment(environment) {
            Some(found) => found?.1,
            None => AppOfUrl::default(),
        };
        let (key, secret, origin) = match self.find(&of_url, environment)? {
            (Some(key), Some(secret)) => (key, secret, Origin::Given),
            (None, None) => {
                let [_, key, secret] = BUILT_IN.map(str::to_owned);
                (key, secret, Origin::BuiltIn)
            }
            (key, secret) => return Err(missing(&[true, key.is_some(), secret.is_some()])),
        };
        Ok(GivenCredential {
            credential: credential(&key, &secret)?,
            secret_text: secret,
            origin,
        })
    }

    fn find(
        self,
        of_url: &AppOfUrl,
        environment: Environment<'_>,
    ) -> Result<(Option<String>, Option<String>), Failure> {
        let key = self.key.or_else(|| of_url.key.clone());
        let key = key.or_else(|| environment("FOGHORN_APP_KEY"));
        let secret = match self.secret_file {
            Some(path) => Some(secret_of_file(&path, "secret")?),
            None => self.secret.or_else(|| of_url.secret.clone()),
        };
        let secret = secret.or_else(|| environment("FOGHORN_APP_SECRET"));
        Ok((key, secret))
    }
}

impl Pass {
    /// The app's key.
    pub(crate) fn key(&self) -> &AppKey {
        match self {
            Self::Key(key) => key,
            Self::Credential(credential) => &credential.key,
        }
    }

    /// What signatures are made with.
    pub(crate) fn credential(&self) -> Option<&Credential> {
        match self {
            Self::Key(_) => None,
            Self::Credential(credential) => Some(credential),
        }
    }
}

impl GivenCredential {
    /// A ring of this credential alone.
    pub(crate) fn ring(&self) -> Result<KeyRing, Failure> {
        KeyRing::new(vec![self.credential.clone()])
            .map_err(|error| Failure::usage(error.to_string()))
    }

    /// What a person should know who gave none.
    pub(crate) fn note(&self) -> Option<&'static str> {
        (self.origin == Origin::BuiltIn).then_some(
            "using the key and secret of the built-in development app; for another give --key \
             and --secret-file, or FOGHORN_APP_KEY and FOGHORN_APP_SECRET",
        )
    }
}

fn from_environment(
    environment: Environment<'_>,
) -> Option<Result<(Addresses, AppOfUrl), Failure>> {
    ["FOGHORN_URL", "PUSHER_URL"]
        .into_iter()
        .find_map(|name| Some(parse(name, &environment(name)?)))
}

fn parse(name: &str, url: &str) -> Result<(Addresses, AppOfUrl), Failure> {
    Addresses::parse(url).map_err(|error| Failure::usage(format!("{name} {error}")))
}

fn credential(key: &str, secret: &str) -> Result<Credential, Failure> {
    let key = app_key(key)?;
    let secret = Secret::parse(secret).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Credential { key, secret })
}

fn app_key(key: &str) -> Result<AppKey, Failure> {
    AppKey::parse(key).map_err(|error| Failure::usage(error.to_string()))
}

/// Names what was not given of id, key and secret.
fn missing(given: &[bool; 3]) -> Failure {
    let names = [
        "an app id (--app-id or FOGHORN_APP_ID)",
        "a key (--key or FOGHORN_APP_KEY)",
        "a secret (--secret-file or FOGHORN_APP_SECRET)",
    ];
    let names = names.into_iter().zip(given).filter(|(_, given)| !**given);
    let names: Vec<_> = names.map(|(name, _)| name).collect();
    Failure::usage(format!("missing: {}", names.join(", ")))
}

/// The text of a file that has one secret. `what` is in its flag.
pub(crate) fn secret_of_file(path: &Path, what: &str) -> Result<String, Failure> {
    without_line_end(input::file(path)?)
        .map_err(|_| Failure::usage(format!("the {what} in --{what}-file is not valid UTF-8")))
}

fn without_line_end(bytes: Vec<u8>) -> Result<String, FromUtf8Error> {
    let text = String::from_utf8(bytes)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        target: TargetArguments,
    }

    fn given(flags: &[&str]) -> TargetArguments {
        let line = Line::try_parse_from([&["foghorn"], flags].concat());
        line.unwrap().target
    }

    fn resolve(flags: &[&str], variables: &[(&str, &str)]) -> Result<Target, Failure> {
        let environment = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        given(flags).resolve(&environment)
    }

    fn shown(flags: &[&str], variables: &[(&str, &str)]) -> String {
        let target = match resolve(flags, variables) {
            Ok(target) => target,
            Err(failure) => return format!("{failure:?}"),
        };
        let Credential { key, secret } = target.credential;
        let signed = ["app-secret", "s", "t"]
            .into_iter()
            .find(|candidate| Secret::parse(candidate).unwrap().sign("x") == secret.sign("x"));
        let id = target.app_id;
        format!("{} {id} {key} {}", target.addresses.api, signed.unwrap())
    }

    #[test]
    fn without_anything_it_is_the_built_in_app() {
        let expect = "http://127.0.0.1:6001 app-id app-key app-secret";
        assert_eq!(shown(&[], &[]), expect);
        let expect = "http://localhost:9 app-id app-key app-secret";
        assert_eq!(shown(&["--url", "http://localhost:9"], &[]), expect);
    }

    #[test]
    fn flags_come_before_the_url_and_the_environment() {
        let url = ("FOGHORN_URL", "http://k:s@h/apps/7");
        let pusher = ("PUSHER_URL", "https://q:t@api-eu.pusher.com/apps/8");
        let key = ("FOGHORN_APP_KEY", "other");
        assert_eq!(shown(&[], &[url, pusher, key]), "http://h 7 k s");
        assert_eq!(shown(&[], &[pusher]), "https://api-eu.pusher.com 8 q t");
        let flags = ["--key", "mine", "--secret", "t"];
        assert_eq!(shown(&flags, &[url, key]), "http://h 7 mine t");
        let credentials = [
            ("FOGHORN_APP_ID", "9"),
            ("FOGHORN_APP_KEY", "k"),
            ("FOGHORN_APP_SECRET", "s"),
            url,
        ];
        let flags = ["--cluster", "eu"];
        assert_eq!(
            shown(&flags, &credentials),
            "https://api-eu.pusher.com 9 k s"
        );
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_made_up() {
        for flags in [&["--key", "k"][..], &["--cluster", "eu", "--key", "k"]] {
            let text = shown(flags, &[]);
            assert!(
                text.contains("an app id (--app-id or FOGHORN_APP_ID), a secret"),
                "{text}"
            );
            assert!(!text.contains("a key"), "{text}");
        }
        let text = shown(&["--url", "http://k:s3cret@h/apps/7/8"], &[]);
        assert!(
            text.contains("--url must end") && !text.contains("s3cret"),
            "{text}"
        );
        assert!(shown(&["--cluster", "e/u"], &[]).contains("--cluster"));
    }

    #[test]
    fn a_client_needs_no_id_and_a_secret_only_to_sign() {
        let client = |flags: &[&str], need| {
            let resolved = given(flags).resolve_client(need, &|_| None);
            resolved.map(|(_, pass)| (pass.key().to_string(), pass.credential().is_some()))
        };
        let key = ["--key", "k"];
        let both = ["--key", "k", "--secret", "s"];
        assert_eq!(client(&key, Need::Key), Ok(("k".to_owned(), false)));
        assert_eq!(client(&both, Need::Credential), Ok(("k".to_owned(), true)));
        assert_eq!(
            client(&[], Need::Credential),
            Ok(("app-key".to_owned(), true))
        );
        for (flags, need, expect) in [
            (&key[..], Need::Credential, ": a secret"),
            (&["--app-id", "7"], Need::Key, ": a key"),
            (&["--cluster", "eu"], Need::Credential, ": a key"),
        ] {
            let text = format!("{:?}", client(flags, need));
            assert!(
                text.contains(expect) && !text.contains("an app id"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_secret_file_ends_with_a_line() {
        for (text, expect) in [("s", "s"), ("s\n", "s"), ("s\r\n", "s"), ("s\n\n", "s\n")] {
            assert_eq!(without_line_end(text.into()), Ok(expect.to_owned()));
        }
    }
}
