//! The OpenAPI document of the admin API.

use bytes::Bytes;
use foghorn_api::Answer;
use http::StatusCode;

use super::view::JSON;

/// Written by hand: it is what strangers read.
pub(super) const TEXT: &str = include_str!("openapi.json");

/// The document.
pub(super) fn answer() -> Answer {
    Answer::new(StatusCode::OK, JSON, Bytes::from_static(TEXT.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use foghorn_config::{AppConfig, AppSettings};
    use serde_json::Value;

    use super::super::route::ROUTES;
    use super::*;

    type Known = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

    /// Paths, their methods in upper case, and the names of their parameters in the query.
    fn documented() -> Known {
        let document: Value = serde_json::from_str(TEXT).unwrap();
        let resolve = |value: &Value| match value.get("$ref") {
            Some(pointer) => {
                let pointer = pointer.as_str().unwrap().strip_prefix('#').unwrap();
                document.pointer(pointer).unwrap().clone()
            }
            None => value.clone(),
        };
        let params = |operation: &Value| {
            let params = operation["parameters"].as_array().cloned();
            let params = params.unwrap_or_default();
            let params = params.iter().map(resolve);
            let in_query = params.filter(|param| param["in"] == "query");
            in_query
                .map(|param| param["name"].as_str().unwrap().to_owned())
                .collect()
        };
        let methods = |path: &Value| {
            let operations = path.as_object().unwrap().iter();
            let operations = operations.filter(|(name, _)| *name != "parameters");
            operations
                .map(|(name, operation)| (name.to_uppercase(), params(operation)))
                .collect()
        };
        let paths = document["paths"].as_object().unwrap();
        paths
            .iter()
            .map(|(path, value)| (path.clone(), methods(value)))
            .collect()
    }

    /// A setting that is new has to be described.
    #[test]
    fn the_document_has_every_setting_of_an_app() {
        let document: Value = serde_json::from_str(TEXT).unwrap();
        let app = serde_json::json!({"id": "7", "keys": [{"key": "k", "secret": "s"}]});
        let app = AppConfig::from_json(&app, &AppSettings::default()).unwrap();
        let names = |value: &Value| -> BTreeSet<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        let schema = |name: &str| names(&document["components"]["schemas"][name]["properties"]);
        let mut settings = names(&app.to_json());
        assert_eq!(schema("NewApp"), settings);
        settings.insert("source".to_owned());
        assert_eq!(schema("App"), settings);
        assert_eq!(schema("CreatedApp"), settings);
        for other in ["id", "keys", "source"] {
            settings.remove(other);
        }
        assert_eq!(schema("AppChange"), settings);
    }

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let text = |text: &&'static str| (*text).to_owned();
        let served: Known = ROUTES
            .iter()
            .map(|route| {
                let methods = route.methods.iter().map(|method| {
                    let params = method.params.iter().map(text).collect();
                    (method.name.to_owned(), params)
                });
                (route.path.to_owned(), methods.collect())
            })
            .collect();
        assert_eq!(documented(), served);
    }
}
