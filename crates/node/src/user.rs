//! What can be done to a signed-in user from outside.

use foghorn_cluster::{Message, Topic};
use foghorn_protocol::{Close, CloseCode, Recipient, UserId};

use crate::app::App;
use crate::node::{Inline, Node};

impl Node {
    /// Ends every connection that is signed in as `user`, on all nodes (protocol.md §9.4).
    pub fn terminate(&self, app: &App, user: &UserId) {
        self.terminate_here(app, user);
        let topic = Topic::Audience {
            app: app.id().clone(),
            recipient: Recipient::User(user.clone()),
        };
        let message = Message::Terminate {
            app: app.id().clone(),
            user_id: user.clone(),
        };
        self.tell(topic, message);
    }

    /// Ends this node's connections of `user`.
    pub(crate) fn terminate_here(&self, app: &App, user: &UserId) {
        let close = Close::new(CloseCode::Unauthorized, "Terminated by the application");
        let key = app.key(Recipient::User(user.clone()));
        self.start_drain(self.hub().close(&key, &close), &mut Inline::new());
    }
}
