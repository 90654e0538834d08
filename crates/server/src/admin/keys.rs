//! `/admin/v1/apps/{id}/keys`: new pairs come, old ones are retired and go.

use foghorn_api::Answer;
use foghorn_config::{AppConfig, AppSettings, KeyPair};
use http::StatusCode;
use serde_json::Value;

use super::apps::refuse_taken;
use super::body::Members;
use super::refusal::{Refusal, excerpt};
use super::view::{KeyView, NewKey, json, nothing};
use super::{Admin, body, random};

impl Admin {
    pub(super) async fn create_key(&self, id: &str, body: &[u8]) -> Result<Answer, Refusal> {
        let members = match body.trim_ascii() {
            [] => Members::new(),
            body => body::object(body)?,
        };
        let pair = new_pair(members)?;
        let _turn = self.changing.lock().await;
        let (directory, mut app) = self.changeable(id).await?;
        refuse_taken(&self.parts.catalogue.loaded(), std::slice::from_ref(&pair))?;
        let added = directory.add_key(id, &pair).await;
        added.map_err(|error| Refusal::of_change(id, None, error))?;
        app.keys.push(pair.clone());
        self.have_hold(&app)?;
        tracing::info!(id, key = pair.key.as_str(), "key added by the admin API");
        json(StatusCode::CREATED, &NewKey::from(&pair))
    }

    pub(super) async fn change_key(
        &self,
        (id, key): (&str, &str),
        body: &[u8],
    ) -> Result<Answer, Refusal> {
        let members = body::object(body)?;
        body::only(&members, &["enabled"])?;
        let enabled = members.get("enabled").and_then(Value::as_bool);
        let enabled = enabled.ok_or_else(|| Refusal::unfit("enabled", "must be true or false"))?;
        let _turn = self.changing.lock().await;
        let (directory, mut app) = self.changeable(id).await?;
        let set = match enabled {
            true => directory.enable_key(id, key).await,
            false => {
                refuse_last(&app, key)?;
                directory.disable_key(id, key).await
            }
        };
        set.map_err(|error| Refusal::of_change(id, Some(key), error))?;
        for pair in app.keys.iter_mut().filter(|pair| pair.key.as_str() == key) {
            pair.enabled = enabled;
        }
        self.have_hold(&app)?;
        tracing::info!(id, key, enabled, "key changed by the admin API");
        json(StatusCode::OK, &KeyView { key, enabled })
    }

    pub(super) async fn delete_key(&self, (id, key): (&str, &str)) -> Result<Answer, Refusal> {
        let _turn = self.changing.lock().await;
        let (directory, mut app) = self.changeable(id).await?;
        refuse_last(&app, key)?;
        let removed = directory.remove_key(id, key).await;
        removed.map_err(|error| Refusal::of_change(id, Some(key), error))?;
        app.keys.retain(|pair| pair.key.as_str() != key);
        self.have_hold(&app)?;
        tracing::info!(id, key, "key deleted by the admin API");
        Ok(nothing())
    }
}

/// A pair as it is wanted, or one that is made up.
fn new_pair(mut members: Members) -> Result<KeyPair, Refusal> {
    body::only(&members, &["key", "secret"])?;
    if members.values().all(Value::is_null) {
        members.insert("key".to_owned(), random::key()?.into());
        members.insert("secret".to_owned(), random::secret()?.into());
    }
    // An app may be written with one pair directly in it.
    members.insert("id".to_owned(), "new".into());
    let app = AppConfig::from_json(&Value::Object(members), &AppSettings::default());
    let pair = app.map_err(Refusal::Unfit)?.keys.pop();
    pair.ok_or_else(|| Refusal::unfit("key", "is required"))
}

/// Whether `key` is one of the app's, and not the only one that lets anybody in.
fn refuse_last(app: &AppConfig, key: &str) -> Result<(), Refusal> {
    let pair = app.keys.iter().find(|pair| pair.key.as_str() == key);
    let pair = pair.ok_or_else(|| Refusal::NoKey(excerpt(key)))?;
    let active = app.keys.iter().filter(|pair| pair.enabled).count();
    match pair.enabled && active == 1 {
        true => Err(Refusal::LastKey(excerpt(key))),
        false => Ok(()),
    }
}
