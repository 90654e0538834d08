//! What a person sees who starts the server without configuring anything.

use std::net::{IpAddr, SocketAddr};

use foghorn_config::AppConfig;

use crate::composition::NUMERIC_ID;

/// Ready-to-paste snippets for the built-in app.
pub(crate) fn text(address: SocketAddr, app: &AppConfig) -> String {
    let port = address.port();
    let host = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        // The clients build URLs from it.
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let id = app.settings.id.as_str();
    let Some(pair) = app.keys.first() else {
        return String::new();
    };
    let (key, secret) = (pair.key.as_str(), pair.secret.expose());
    format!(
        r#"
Foghorn is listening on http://{address} with a built-in app for development.
It exists only here, on the loopback interface, while no app is configured:
write one into a file made by `foghorn config example` before you go further.

  app id  {id}      key  {key}      secret  {secret}

Page (pusher-js):
  const pusher = new Pusher("{key}", {{ cluster: "self", forceTLS: false, enableStats: false,
    wsHost: "{host}", wsPort: {port}, httpHost: "{host}", httpPort: {port},
    enabledTransports: ["ws", "xhr_streaming", "xhr_polling"] }});
  pusher.subscribe("news").bind("hello", (data) => console.log(data));

Node (npm install pusher):
  const pusher = new Pusher({{ appId: "{id}", key: "{key}", secret: "{secret}",
    host: "{host}", port: "{port}", useTLS: false }});
  await pusher.trigger("news", "hello", {{ from: "Node" }});

Python (pip install pusher; it takes only digits for an app id, hence the app's second one):
  pusher_client = pusher.Pusher(app_id="{NUMERIC_ID}", key="{key}", secret="{secret}",
    host="{host}", port={port}, ssl=False)
  pusher_client.trigger("news", "hello", {{"from": "Python"}})

"#
    )
}
