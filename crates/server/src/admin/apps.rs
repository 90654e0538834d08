//! `/admin/v1/apps`: the apps of the configuration to look at, those of the database to change.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use foghorn_api::Answer;
use foghorn_config::{AppConfig, KeyPair, Loaded};
use foghorn_directory::{Directory, Found as Stored, LookupError};
use foghorn_node::App;
use http::StatusCode;

use super::params::{Page, Params};
use super::refusal::{Refusal, excerpt};
use super::view::{AppList, AppView, Source, UnreadableView, json, nothing};
use super::{Admin, body};

/// An app and where it is from.
struct Found {
    source: Source,
    app: AppConfig,
}

impl Found {
    fn view(&self) -> AppView {
        AppView::new(self.source, &self.app)
    }
}

impl Admin {
    /// The apps of the configuration come first, because only a database knows its order of ids.
    pub(super) async fn list_apps(&self, params: &Params) -> Result<Answer, Refusal> {
        let page = params.page()?;
        let loaded = self.parts.catalogue.loaded();
        let configured = by_id(&loaded);
        let (begin, after) = match page.after {
            None => (Some(Bound::Unbounded), None),
            Some(after) if configured.contains_key(after) => (Some(Bound::Excluded(after)), None),
            // Behind all of the configuration's.
            Some(after) => (None, Some(after)),
        };
        let of_configuration = begin
            .into_iter()
            .flat_map(|begin| configured.range::<str, _>((begin, Bound::Unbounded)))
            .take(page.reach());
        let mut found: Vec<_> = of_configuration
            .map(|(_, app)| (Source::Configuration, Ok((*app).clone())))
            .collect();
        if let Some(directory) = self.parts.catalogue.directory() {
            let rest = Page {
                after,
                limit: page.reach() - found.len(),
            };
            let stored = stored(directory, rest, |id| configured.contains_key(id)).await?;
            found.extend(stored.into_iter().map(|app| (Source::Database, app)));
        }
        let (found, next) = page.cut(found, |(_, app)| id_of(app).to_owned());
        let mut list = AppList {
            apps: Vec::new(),
            unreadable: Vec::new(),
            next,
        };
        for (source, app) in &found {
            match app {
                Ok(app) => list.apps.push(AppView::new(*source, app)),
                Err(unreadable) => list.unreadable.push(UnreadableView::new(unreadable)),
            }
        }
        json(StatusCode::OK, &list)
    }

    pub(super) async fn create_app(&self, body: &[u8]) -> Result<Answer, Refusal> {
        let loaded = self.parts.catalogue.loaded();
        let app = body::new_app(body::object(body)?, &loaded.config.app_defaults)?;
        let id = app.settings.id.as_str();
        let directory = self.parts.catalogue.directory();
        let directory = directory.ok_or(Refusal::NoDatabase)?;
        let _turn = self.changing.lock().await;
        if by_id(&loaded).contains_key(id) {
            return Err(Refusal::AppExists(excerpt(id)));
        }
        refuse_taken(&loaded, &app.keys)?;
        let created = directory.create(&app).await;
        created.map_err(|error| Refusal::of_change(id, None, error))?;
        self.have_hold(&app)?;
        tracing::info!(id, "app created by the admin API");
        let view = AppView::with_secrets(Source::Database, &app);
        json(StatusCode::CREATED, &view)
    }

    pub(super) async fn show_app(&self, id: &str) -> Result<Answer, Refusal> {
        json(StatusCode::OK, &self.find(id).await?.view())
    }

    pub(super) async fn change_app(&self, id: &str, body: &[u8]) -> Result<Answer, Refusal> {
        let members = body::object(body)?;
        let _turn = self.changing.lock().await;
        let (directory, app) = self.changeable(id).await?;
        let loaded = self.parts.catalogue.loaded();
        let app = body::changed_app(&app, members, &loaded.config.app_defaults)?;
        let updated = directory.update(&app).await;
        updated.map_err(|error| Refusal::of_change(id, None, error))?;
        self.have_hold(&app)?;
        tracing::info!(id, "app changed by the admin API");
        json(StatusCode::OK, &AppView::new(Source::Database, &app))
    }

    pub(super) async fn delete_app(&self, id: &str) -> Result<Answer, Refusal> {
        let _turn = self.changing.lock().await;
        let (directory, _) = self.changeable(id).await?;
        let deleted = directory.delete(id).await;
        deleted.map_err(|error| Refusal::of_change(id, None, error))?;
        let removed = self.parts.catalogue.drop_stored(id);
        removed.map_err(|error| Refusal::NotHere(format!("{error:#}")))?;
        tracing::info!(id, "app deleted by the admin API");
        Ok(nothing())
    }

    /// An app of the database, and the database.
    pub(super) async fn changeable(&self, id: &str) -> Result<(&Directory, AppConfig), Refusal> {
        let Found { source, app } = self.find(id).await?;
        match (source, self.parts.catalogue.directory()) {
            (Source::Database, Some(directory)) => Ok((directory, app)),
            _ => Err(Refusal::OfConfiguration(excerpt(id))),
        }
    }

    /// Has this node follow the database.
    pub(super) fn have_hold(&self, app: &AppConfig) -> Result<(), Refusal> {
        let held = self.parts.catalogue.put_stored(app);
        held.map_err(|error| Refusal::NotHere(format!("{error:#}")))
    }

    /// An app as this node has it, which looks for it if need be. A database that is down hides
    /// none that the node knows.
    pub(super) async fn on_node(&self, id: &str) -> Result<Arc<App>, Refusal> {
        let apps = self.parts.node.apps();
        if let Some(app) = apps.with_id(id) {
            return Ok(app);
        }
        let found = self.find(id).await?;
        self.have_hold(&found.app)?;
        apps.with_id(id).ok_or_else(|| Refusal::NoApp(excerpt(id)))
    }

    async fn find(&self, id: &str) -> Result<Found, Refusal> {
        let loaded = self.parts.catalogue.loaded();
        if let Some(app) = by_id(&loaded).get(id) {
            return Ok(Found {
                source: Source::Configuration,
                app: (*app).clone(),
            });
        }
        let missing = || Refusal::NoApp(excerpt(id));
        let directory = self.parts.catalogue.directory().ok_or_else(missing)?;
        // Not as strangers ask, who may be many.
        let found = directory.by_ids(&[id]).await?.pop();
        let found = found.transpose().map_err(LookupError::from)?;
        Ok(Found {
            source: Source::Database,
            app: found.ok_or_else(missing)?,
        })
    }
}

/// Keys of the configuration's apps are theirs.
pub(super) fn refuse_taken(loaded: &Loaded, keys: &[KeyPair]) -> Result<(), Refusal> {
    let mut taken = loaded.config.apps.iter().flat_map(|app| &app.keys);
    match taken.any(|taken| keys.iter().any(|pair| pair.key == taken.key)) {
        true => Err(Refusal::KeyTaken),
        false => Ok(()),
    }
}

fn by_id(loaded: &Loaded) -> BTreeMap<&str, &AppConfig> {
    let apps = loaded.config.apps.iter();
    apps.map(|app| (app.settings.id.as_str(), app)).collect()
}

fn id_of(stored: &Stored) -> &str {
    match stored {
        Ok(app) => app.settings.id.as_str(),
        Err(unreadable) => &unreadable.app,
    }
}

/// The apps of a database that are not hidden by others.
async fn stored(
    directory: &Directory,
    page: Page<'_>,
    is_hidden: impl Fn(&str) -> bool,
) -> Result<Vec<Stored>, Refusal> {
    let mut found = Vec::new();
    let mut after = page.after.map(str::to_owned);
    while found.len() < page.limit {
        let missing = u32::try_from(page.limit - found.len()).unwrap_or(u32::MAX);
        let apps = directory.list(after.as_deref(), missing).await?;
        let is_last = apps.len() < page.limit - found.len();
        after = apps.last().map(|app| id_of(app).to_owned());
        found.extend(apps.into_iter().filter(|app| !is_hidden(id_of(app))));
        if is_last {
            break;
        }
    }
    Ok(found)
}
