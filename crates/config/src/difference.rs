//! What has changed between two configurations, in words for a log: secrets are hidden.

use std::collections::BTreeMap;

use super::apps::{self, AppConfig, AppSource};
use super::section::Section;
use super::settings::KeyPair;
use super::{Config, Loaded, full_key};

impl Config {
    /// The full keys of settings that differ, apps left out.
    pub fn changed_settings(&self, other: &Self) -> Vec<String> {
        let mut keys = Vec::new();
        for (before, after) in self.sections().into_iter().zip(other.sections()) {
            keys.extend(changed(before, after).map(|name| full_key(before.heading(), name)));
        }
        // One secret looks like the other.
        let secrets = [
            (self.admin != other.admin, "admin.token"),
            (self.database.url != other.database.url, "database.url"),
        ];
        for (differs, key) in secrets {
            if differs && !keys.iter().any(|known| known == key) {
                keys.push(key.to_owned());
            }
        }
        keys
    }
}

impl Loaded {
    /// Whether the file lost all its apps on the way to `later`, as one does that was emptied by
    /// mistake; also if there is a database, or the built-in app would take their place.
    pub fn is_emptied_by(&self, later: &Self) -> bool {
        let falls_back = |loaded: &Self| loaded.config.app_source == AppSource::BuiltIn;
        let is_bare = |loaded: &Self| loaded.config.apps.is_empty();
        (falls_back(later) && !falls_back(self))
            || (is_bare(later) && !is_bare(self))
            || (self.has_apps_of_file() && !later.has_apps_of_file())
    }

    fn has_apps_of_file(&self) -> bool {
        // Those of the environment and the built-in one are called otherwise.
        let mut apps = self.provenance.apps.iter();
        apps.any(|prefix| prefix.app.starts_with(apps::HEADING))
    }
}

impl AppConfig {
    /// What differs in `other`, a later form of the same app: `max_connections: 100 is now 200`.
    pub fn changes(&self, other: &Self) -> Vec<String> {
        let (before, after) = (&self.settings, &other.settings);
        let mut changes: Vec<String> = changed(before, after)
            .map(|name| {
                let (old, new) = (before.literal(name), after.literal(name));
                format!("{name}: {old} is now {new}")
            })
            .collect();
        changes.extend(changed_keys(&self.keys, &other.keys));
        changes.extend(changed_signer(&self.keys, &other.keys));
        if self.webhooks != other.webhooks {
            let (old, new) = (self.webhooks.len(), other.webhooks.len());
            changes.push(format!("webhooks: {old} before, {new} now"));
        }
        changes
    }
}

/// The names of the settings that differ.
fn changed<'s>(
    before: &'s dyn Section,
    after: &'s dyn Section,
) -> impl Iterator<Item = &'static str> + 's {
    let names = before.rows().iter().map(|row| row.name);
    names.filter(move |name| before.literal(name) != after.literal(name))
}

fn changed_keys(before: &[KeyPair], after: &[KeyPair]) -> Vec<String> {
    let active = |pairs: &[KeyPair]| -> BTreeMap<String, KeyPair> {
        let active = pairs.iter().filter(|pair| pair.enabled);
        active
            .map(|pair| (pair.key.as_str().to_owned(), pair.clone()))
            .collect()
    };
    let (before, after) = (active(before), active(after));
    let mut changes = Vec::new();
    for (key, pair) in &after {
        match before.get(key) {
            None => changes.push(format!("key {key}: accepted now")),
            Some(old) if old.secret != pair.secret => {
                changes.push(format!("key {key}: has another secret"));
            }
            Some(_) => {}
        }
    }
    let retired = before.keys().filter(|key| !after.contains_key(*key));
    changes.extend(retired.map(|key| format!("key {key}: accepted no more")));
    changes
}

/// The key that signs webhooks is the first that is accepted, so the order of keys matters.
fn changed_signer(before: &[KeyPair], after: &[KeyPair]) -> Option<String> {
    let signer = |pairs: &'_ [KeyPair]| {
        let pair = pairs.iter().find(|pair| pair.enabled)?;
        Some(pair.key.as_str().to_owned())
    };
    let later = signer(after)?;
    (signer(before)? != later).then(|| format!("keys: webhooks are signed with {later} now"))
}
