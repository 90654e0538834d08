//! Signing in (protocol.md §9.1, §9.3).

use std::sync::Arc;

use foghorn_auth::{UserProof, verify_user};
use foghorn_protocol::{ServerMessage, User, UserId, Watched};

use crate::host::{Busy, Host};
use crate::policy::Watchlists;
use crate::refusal::tell_error;
use crate::session::Session;
use crate::user_channel::UserChannel;

/// Pusher's code for a watchlist that is too long.
const WATCHLIST_TOO_LONG: u16 = 4302;

/// Who the client has signed in as, until the connection ends.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) id: UserId,
    /// Who the user is on presence channels that are not told otherwise.
    pub(crate) user_info: Option<Arc<str>>,
    pub(crate) channel: UserChannel,
    pub(crate) watchlist: Vec<UserId>,
}

impl Session {
    pub(crate) fn sign_in(&mut self, auth: &str, user_data: &str, host: &mut dyn Host) {
        if let Err(message) = self.try_sign_in(auth, user_data, host) {
            tell_error(host, None, &message);
        }
    }

    fn try_sign_in(
        &mut self,
        auth: &str,
        user_data: &str,
        host: &mut dyn Host,
    ) -> Result<(), String> {
        let proof = UserProof {
            socket_id: &self.socket(),
            auth,
            user_data,
        };
        verify_user(&self.policy().keys, &proof).map_err(|error| error.to_string())?;
        let watched = match self.policy().watchlists {
            Watchlists::Served => Watched::Read,
            Watchlists::Ignored => Watched::Ignored,
        };
        let user = User::parse(user_data, watched, &self.policy().limits)
            .map_err(|invalid| format!("Cannot sign in: {invalid}"))?;
        let success = ServerMessage::SignInSuccess { user_data }.encode();
        match &self.user {
            // Clients that are not sure sign in again; nothing changes.
            Some(signed_in) if signed_in.id == user.id => {
                host.send(success);
                return Ok(());
            }
            Some(signed_in) => {
                let message = format!(
                    "Cannot sign in as {}: the connection is signed in as {} already",
                    user.id, signed_in.id
                );
                return Err(message);
            }
            None => {}
        }
        if let Err(close) = self.vouch(host) {
            self.close(close, host);
            return Ok(());
        }
        let watchlist = self.watchlist(&user, host);
        host.sign_in(&user.id, success).map_err(|Busy| {
            format!(
                "Cannot sign in as {}: over capacity, try again later",
                user.id
            )
        })?;
        if !watchlist.is_empty() {
            host.watch(&watchlist);
        }
        self.user = Some(Box::new(SignedIn {
            id: user.id,
            user_info: user.user_info,
            channel: UserChannel::Implied,
            watchlist,
        }));
        self.settle();
        Ok(())
    }

    /// Whom to watch. What is left out is told before the success: an error behind it would look
    /// to the .NET client like a refused subscription to the user's own events.
    fn watchlist(&self, user: &User, host: &mut dyn Host) -> Vec<UserId> {
        let limit = self.policy().limits.max_watchlist;
        if user.watched > limit {
            let message = format!(
                "The watchlist has {watched} user ids, the limit is {limit}; the first {limit} are \
                 watched",
                watched = user.watched
            );
            tell_error(host, Some(WATCHLIST_TOO_LONG), &message);
        }
        user.watchlist.clone()
    }

    /// The connection has ended.
    pub(crate) fn sign_out(&mut self, host: &mut dyn Host) {
        if let Some(signed_in) = self.user.take() {
            if !signed_in.watchlist.is_empty() {
                host.unwatch(&signed_in.watchlist);
            }
            host.sign_out(&signed_in.id);
        }
    }
}
