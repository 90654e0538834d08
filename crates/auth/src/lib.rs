//! Who may do what, proved by a signature: credentials of an app, and the signing and verifying of
//! channel subscriptions, user sign-ins, HTTP requests and webhooks.
//!
//! Everything signed here is HMAC-SHA-256 over a text, and every comparison of digests takes
//! constant time. Errors name the text that should have been signed, never its digest.
//!
//! This crate must not know: which kinds of channels there are, what an app is called, HTTP types,
//! what time it is (it is an argument), sockets. Names arrive here as checked text; in particular
//! the caller has refused channel names with a colon, which would make two requests sign alike.

mod channel;
mod credential;
mod excerpt;
mod hex;
mod proof;
mod query;
mod request;
mod signature;
mod user;
mod webhook;

pub use channel::{ChannelProof, Coverage, channel_text, sign_channel, verify_channel};
pub use credential::{
    AppKey, Credential, InvalidAppKey, InvalidKeyRing, InvalidSecret, KeyRing, Secret,
};
pub use proof::{ProofError, Purpose};
pub use query::{Query, percent_decode, without_mount};
pub use request::{
    RequestAuthError, SignedBody, SignedHead, TIMESTAMP_TOLERANCE, UnsignedRequest, Verified,
    request_text, sign_request, verify_head,
};
pub use signature::{InvalidSignature, Signature};
pub use user::{UserProof, sign_user, user_text, verify_user};
pub use webhook::{WebhookError, WebhookProof, sign_webhook, verify_webhook};
