//! What to ask of a server once it has said the connection's socket id.

use foghorn_auth::{sign_channel, sign_user};
use foghorn_protocol::ChannelName;
use serde_json::{Map, Value, json};

use crate::encryption::MasterKey;
use crate::failure::Failure;
use crate::target::{Need, Pass};

/// Channels, and as whom.
pub(super) struct Plan {
    pub(super) channels: Vec<String>,
    pub(super) identity: Identity,
    pub(super) pass: Pass,
    /// Names of the events to print; empty for all.
    pub(super) events: Vec<String>,
    pub(super) master_key: Option<MasterKey>,
}

/// Who the connection is.
pub(super) struct Identity {
    /// On presence channels.
    pub(super) member: Option<String>,
    /// Signed in.
    pub(super) user: Option<String>,
    /// A JSON object that others see.
    pub(super) info: Option<Value>,
    pub(super) watchlist: Vec<String>,
}

impl Identity {
    /// What has to be known of the app to be this on `channels`.
    pub(super) fn need(&self, channels: &[String]) -> Need {
        let signed = |channel: &String| {
            ChannelName::parse(channel, usize::MAX).is_ok_and(|name| name.kind().is_authenticated())
        };
        if self.user.is_some() || channels.iter().any(signed) {
            Need::Credential
        } else {
            Need::Key
        }
    }
}

impl Plan {
    /// Refuses what no server would accept.
    pub(super) fn check(&self) -> Result<(), Failure> {
        for channel in &self.channels {
            let name = ChannelName::parse(channel, usize::MAX)
                .map_err(|error| Failure::usage(error.to_string()))?;
            let identity = &self.identity;
            let nobody = identity.member.is_none() && identity.user.is_none();
            if name.kind().is_presence() && nobody {
                let said = format!("{channel} asks who you are: give --user-id or --sign-in");
                return Err(Failure::usage(said));
            }
        }
        Ok(())
    }

    /// `pusher:signin`, if there is somebody to sign in.
    pub(super) fn sign_in(&self, socket_id: &str) -> Option<String> {
        let Identity {
            user,
            info,
            watchlist,
            ..
        } = &self.identity;
        let mut user_data = Map::from_iter([("id".to_owned(), Value::from(user.clone()?))]);
        user_data.extend(info.clone().map(|info| ("user_info".to_owned(), info)));
        if !watchlist.is_empty() {
            user_data.insert("watchlist".to_owned(), watchlist.clone().into());
        }
        let user_data = Value::Object(user_data).to_string();
        let auth = sign_user(self.pass.credential()?, socket_id, &user_data);
        let data = json!({ "auth": auth, "user_data": user_data });
        Some(json!({ "event": "pusher:signin", "data": data }).to_string())
    }

    /// All channels, and the one of the user, which official clients subscribe to after sign-in.
    pub(super) fn wanted(&self) -> impl Iterator<Item = String> {
        let user = self.identity.user.iter();
        let user = user.map(|user| format!("#server-to-user-{user}"));
        self.channels.iter().cloned().chain(user)
    }

    /// `pusher:subscribe`.
    pub(super) fn subscribe(&self, socket_id: &str, channel: &str) -> String {
        let kind = ChannelName::parse(channel, usize::MAX).map(|name| name.kind());
        let authenticated = kind.as_ref().is_ok_and(|kind| kind.is_authenticated());
        let mut data = json!({ "channel": channel, "auth": "" });
        if let Some(credential) = self.pass.credential().filter(|_| authenticated) {
            let presence = kind.is_ok_and(|kind| kind.is_presence());
            let channel_data = self.member_data().filter(|_| presence);
            let member = channel_data.as_deref();
            data = json!({
                "channel": channel,
                "auth": sign_channel(credential, socket_id, channel, member),
            });
            if let (Some(data), Some(member)) = (data.as_object_mut(), member) {
                data.insert("channel_data".to_owned(), member.into());
            }
        }
        json!({ "event": "pusher:subscribe", "data": data }).to_string()
    }

    /// `channel_data`; a user who is signed in needs none.
    fn member_data(&self) -> Option<String> {
        let member = self.identity.member.clone()?;
        let mut data = Map::from_iter([("user_id".to_owned(), Value::from(member))]);
        let info = self.identity.info.clone();
        data.extend(info.map(|info| ("user_info".to_owned(), info)));
        Some(Value::Object(data).to_string())
    }
}
