//! Where soketi keeps its apps: what several of its variables say together.

use super::reading::{Reading, plain};
use super::table::{Alias, Scope};
use super::{Given, PREFIX, set_shared};
use crate::Draft;
use crate::problem::{Place, Problem};
use crate::value::Found;

/// The variable that says in what kind of database apps are.
pub(crate) const DRIVER: &str = "APP_MANAGER_DRIVER";

/// What `DRIVER` says of apps that are in the environment.
const NO_DATABASE: &str = "array";

/// What `DRIVER` may say that has no meaning here.
pub(crate) const DYNAMODB: &str = "dynamodb";

/// How many seconds an answer is believed that soketi believes for ever.
const FOR_EVER: &str = "86400";

const DATABASE: Scope = Scope::Section("database");
const URL: Alias = alias("url", Reading::Verbatim);
const LAYOUT: Alias = alias("layout", Reading::Verbatim);
const TABLE: Alias = alias("table", Reading::Verbatim);
const MAX_CONNECTIONS: Alias = alias("max_connections", Reading::Plain);
const CACHE_TTL: Alias = alias("cache_ttl", Reading::Plain);

const fn alias(setting: &'static str, reading: Reading) -> Alias {
    Alias {
        scope: DATABASE,
        setting,
        reading,
        default: None,
    }
}

/// A kind of database, with the names and defaults that soketi has for it.
struct Kind {
    driver: &'static str,
    scheme: &'static str,
    /// What the names of its variables have in the middle.
    infix: &'static str,
    port: &'static str,
    user: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind {
        driver: "mysql",
        scheme: "mysql",
        infix: "MYSQL",
        port: "3306",
        user: "root",
    },
    Kind {
        driver: "postgres",
        scheme: "postgres",
        infix: "POSTGRES",
        port: "5432",
        user: "postgres",
    },
];

/// The values of soketi's variables, by their names without the prefix.
pub(super) struct Values<F>(pub(super) F);

impl<'a, F: Fn(&str) -> Option<&'a str>> Values<F> {
    /// Sets the database that they describe, if they describe one.
    pub(super) fn set(&self, draft: &mut Draft) {
        self.check_ports(draft);
        let Some(driver) = self.given(DRIVER) else {
            return;
        };
        let driver_name = plain(driver);
        if [NO_DATABASE, DYNAMODB].contains(&driver_name.as_str()) {
            return;
        }
        let Some(kind) = KINDS.iter().find(|kind| kind.driver == driver_name) else {
            let found = Found::Text(driver).describe();
            let message = format!("expected \"array\", \"mysql\" or \"postgres\", found {found}");
            return draft.notes.problem("database.url", place(DRIVER), message);
        };
        assign(&URL, &self.url(kind), DRIVER, draft);
        assign(&LAYOUT, "soketi", DRIVER, draft);
        self.pass_on(&TABLE, &format!("APP_MANAGER_{}_TABLE", kind.infix), draft);
        if self.is_on("DB_POOLING_ENABLED") {
            let most = self.or("DB_POOLING_MAX", "7");
            assign(&MAX_CONNECTIONS, &most, "DB_POOLING_MAX", draft);
        }
        const TTL: &str = "APP_MANAGER_CACHE_TTL";
        if self.is_on("APP_MANAGER_CACHE_ENABLED") {
            match plain(&self.or(TTL, "-1")).as_str() {
                "-1" => assign(&CACHE_TTL, FOR_EVER, TTL, draft),
                _ => self.pass_on(&CACHE_TTL, TTL, draft),
            }
        }
    }

    fn url(&self, kind: &Kind) -> String {
        let part = |name: &str, default: &str| {
            Reading::text(&self.or(&format!("DB_{}_{name}", kind.infix), default))
        };
        let host = part("HOST", "127.0.0.1");
        let host = match host.contains(':') && !host.starts_with('[') {
            true => format!("[{host}]"),
            false => host,
        };
        format!(
            "{}://{}:{}@{host}:{}/{}",
            kind.scheme,
            encoded(&part("USERNAME", kind.user)),
            encoded(&part("PASSWORD", "password")),
            plain(&part("PORT", kind.port)),
            encoded(&part("DATABASE", "main")),
        )
    }

    /// A port is a part of the URL, which is never shown.
    fn check_ports(&self, draft: &mut Draft) {
        for kind in &KINDS {
            let name = format!("DB_{}_PORT", kind.infix);
            let Some(port) = self.given(&name) else {
                continue;
            };
            if plain(port).parse::<u16>().is_err() {
                let found = Found::Text(port).describe();
                let message = format!("expected a whole number from 0 to 65535, found {found}");
                let problem = Problem::new("database.url", place(&name), message);
                draft.notes.problems.push(problem);
            }
        }
    }

    fn pass_on(&self, alias: &'static Alias, name: &str, draft: &mut Draft) {
        if let Some(raw) = self.given(name) {
            assign(alias, raw, name, draft);
        }
    }

    fn is_on(&self, name: &str) -> bool {
        self.given(name)
            .is_some_and(|raw| ["true", "1"].contains(&plain(raw).as_str()))
    }

    fn or(&self, name: &str, default: &str) -> String {
        self.given(name).unwrap_or(default).to_owned()
    }

    fn given(&self, name: &str) -> Option<&'a str> {
        (self.0)(name)
    }
}

fn assign(alias: &'static Alias, raw: &str, variable: &str, draft: &mut Draft) {
    let place = place(variable);
    set_shared(Given { alias, raw, place }, draft);
}

fn place(variable: &str) -> Place {
    Place::Environment(format!("{PREFIX}{variable}"))
}

/// The text as a part of a URL.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
