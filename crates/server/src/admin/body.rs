//! Bodies of requests to the admin API.

use foghorn_config::{AppConfig, AppSettings, FieldProblem};
use serde_json::{Map, Value, json};

use super::random;
use super::refusal::{Refusal, excerpt};

/// The members of a JSON object.
pub(super) type Members = Map<String, Value>;

/// What secrets are shown as.
const HIDDEN: &str = "…";

/// Reads a body that must be an object.
pub(super) fn object(body: &[u8]) -> Result<Members, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Refusal::NoObject("it is another kind of value".to_owned())),
        // serde's text may repeat a whole value.
        Err(error) => Err(Refusal::NoObject(excerpt(&error.to_string()))),
    }
}

/// Refuses members other than these.
pub(super) fn only(members: &Members, known: &[&str]) -> Result<(), Refusal> {
    let strangers = members
        .keys()
        .filter(|name| !known.contains(&name.as_str()));
    let problems: Vec<_> = strangers
        .map(|name| FieldProblem {
            field: excerpt(name),
            problem: format!("unknown; there is {}", known.join(", ")),
        })
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Unfit(problems)),
    }
}

/// A new app, whose id and keys are made up where they are not given.
pub(super) fn new_app(mut members: Members, base: &AppSettings) -> Result<AppConfig, Refusal> {
    for name in ["key", "secret"] {
        if members.contains_key(name) {
            let problem = "pairs are given in keys, as [{\"key\": …, \"secret\": …}]";
            return Err(Refusal::unfit(name, problem));
        }
    }
    if is_absent(&members, "id") {
        members.insert("id".to_owned(), random::id()?.into());
    }
    if is_absent(&members, "keys") {
        let pair = json!([{ "key": random::key()?, "secret": random::secret()? }]);
        members.insert("keys".to_owned(), pair);
    }
    let app = read(members, base)?;
    // Who wants a key retired would not make it first.
    match app.keys.iter().all(|pair| pair.enabled) {
        true => Ok(app),
        false => Err(Refusal::unfit("keys", "those of a new app are all enabled")),
    }
}

/// An app with the changes of `members` (RFC 7396): null is back to the default.
pub(super) fn changed_app(
    app: &AppConfig,
    members: Members,
    base: &AppSettings,
) -> Result<AppConfig, Refusal> {
    for name in ["key", "secret", "keys"] {
        if members.contains_key(name) {
            let problem = "keys are changed below /admin/v1/apps/{id}/keys";
            return Err(Refusal::unfit(name, problem));
        }
    }
    let id = Value::from(app.settings.id.as_str());
    if members.get("id").is_some_and(|given| *given != id) {
        return Err(Refusal::unfit("id", "an app keeps its id"));
    }
    let Value::Object(mut merged) = app.to_json_with_secrets() else {
        return Err(Refusal::NoObject("the app is none".to_owned()));
    };
    merged.extend(members);
    read(merged, base)
}

fn read(members: Members, base: &AppSettings) -> Result<AppConfig, Refusal> {
    refuse_hidden(&members)?;
    AppConfig::from_json(&Value::Object(members), base).map_err(Refusal::Unfit)
}

/// What was shown in place of a secret would be taken for one.
fn refuse_hidden(members: &Members) -> Result<(), Refusal> {
    let webhooks = members.get("webhooks").and_then(Value::as_array);
    for (index, webhook) in webhooks.into_iter().flatten().enumerate() {
        let headers = webhook.get("headers").and_then(Value::as_object);
        for (name, value) in headers.into_iter().flatten() {
            if value == HIDDEN {
                let field = format!("webhooks[{index}].headers.{}", excerpt(name));
                let problem = "… stands for a value that is not shown; give the value";
                return Err(Refusal::unfit(field, problem));
            }
        }
    }
    Ok(())
}

fn is_absent(members: &Members, name: &str) -> bool {
    members.get(name).is_none_or(Value::is_null)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: Value) -> Members {
        let Value::Object(members) = json else {
            panic!("{json}");
        };
        members
    }

    fn made(json: Value) -> Result<AppConfig, Refusal> {
        new_app(members(json), &AppSettings::default())
    }

    fn changed(app: &AppConfig, json: Value) -> Result<AppConfig, Refusal> {
        changed_app(app, members(json), &AppSettings::default())
    }

    #[track_caller]
    fn check_unfit(result: Result<AppConfig, Refusal>, expect: &str) {
        let Err(Refusal::Unfit(problems)) = result else {
            panic!("{result:?}");
        };
        let fields: Vec<_> = problems.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, [expect]);
    }

    #[test]
    fn what_a_new_app_lacks_is_made_up() {
        let app = made(json!({"id": null, "client_events": true})).unwrap();
        assert_eq!(app.settings.id.as_str().len(), 7);
        let [pair] = app.keys.as_slice() else {
            panic!("{:?}", app.keys);
        };
        let lengths = (pair.key.as_str().len(), pair.secret.expose().len());
        assert_eq!(lengths, (20, 40));
        assert!(app.settings.client_events && pair.enabled);
        check_unfit(made(json!({"key": "k", "secret": "s"})), "key");
        let retired = json!([{"key": "k", "secret": "s", "enabled": false}]);
        check_unfit(made(json!({ "keys": retired })), "keys");
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let webhook = json!({"url": "http://h/", "headers": {"a": "secret"}});
        let app = made(json!({"id": "7", "max_batch_size": 3, "webhooks": [webhook]})).unwrap();
        let later = changed(&app, json!({"id": "7", "name": "Shop"})).unwrap();
        assert_eq!(later.settings.name, "Shop");
        assert_eq!(later.settings.max_batch_size, 3);
        assert_eq!((&later.keys, &later.webhooks), (&app.keys, &app.webhooks));
        let later = changed(&app, json!({"max_batch_size": null, "webhooks": null})).unwrap();
        assert_eq!(
            later.settings,
            AppSettings {
                id: app.settings.id.clone(),
                ..AppSettings::default()
            }
        );
        assert!(later.webhooks.is_empty());
        check_unfit(changed(&app, json!({"id": "8"})), "id");
        check_unfit(changed(&app, json!({"keys": []})), "keys");
        let shown = json!({ "webhooks": app.to_json()["webhooks"] });
        check_unfit(changed(&app, shown), "webhooks[0].headers.a");
    }
}
