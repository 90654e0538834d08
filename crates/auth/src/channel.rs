//! Signatures that let a client subscribe (protocol.md §6.3).

use std::fmt;

use crate::excerpt::excerpt;
use crate::proof::{self, ProofError, Purpose, Signed};
use crate::{Credential, KeyRing, Secret, Signature};

/// Characters of a channel name or of `channel_data` that an error repeats.
const SUBJECT_EXCERPT: usize = 200;

/// Which text a signature has to cover when the client sends `channel_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All that was sent: presence channels, where `channel_data` says who the client is.
    Exactly,
    /// `channel_data` may be left out: private and encrypted channels, where it means nothing.
    /// Some libraries sign it and some pass it through unsigned. Empty data counts as none.
    DataOptional,
}

/// What a client sends to subscribe to a channel that needs permission.
#[derive(Clone, Copy)]
pub struct ChannelProof<'a> {
    /// The connection that asks.
    pub socket_id: &'a dyn fmt::Display,
    /// A checked channel name: it has no colon.
    pub channel: &'a str,
    /// `KEY:SIGNATURE`, unchecked.
    pub auth: &'a str,
    /// The text as received, not serialised again.
    pub channel_data: Option<&'a str>,
    /// Which rule the kind of channel asks for.
    pub coverage: Coverage,
}

/// Checks that a credential of the app signed this subscription.
///
/// # Errors
/// `auth` has another form, names a key that is not in `ring`, or does not sign the text that
/// [`ChannelProof::coverage`] asks for.
pub fn verify_channel(ring: &KeyRing, proof: &ChannelProof<'_>) -> Result<(), ProofError> {
    proof::check(ring, proof.auth, proof)
}

/// Signs a subscription as an application's back end does: `KEY:SIGNATURE`. `channel` must be a
/// valid channel name; one with a colon could pass for a sign-in.
#[must_use]
pub fn sign_channel(
    credential: &Credential,
    socket_id: impl fmt::Display,
    channel: &str,
    channel_data: Option<&str>,
) -> String {
    let text = channel_text(&socket_id, channel, channel_data);
    format!("{}:{}", credential.key, credential.secret.sign(text))
}

/// The text that a subscription's signature covers; `channel_data` exactly as it is sent.
pub fn channel_text<'a>(
    socket_id: &'a dyn fmt::Display,
    channel: &'a str,
    channel_data: Option<&'a str>,
) -> impl fmt::Display + 'a {
    Subject {
        socket_id,
        channel,
        channel_data,
    }
}

impl Signed for ChannelProof<'_> {
    const PURPOSE: Purpose = Purpose::Subscription;

    fn is_signed(&self, secret: &Secret, signature: Signature) -> bool {
        let (full, reduced) = self.subjects();
        signature == secret.sign(full)
            || reduced.is_some_and(|subject| signature == secret.sign(subject))
    }

    fn shortened(&self) -> String {
        self.subjects().0.shortened()
    }
}

impl<'a> ChannelProof<'a> {
    /// The text to sign, and the one that is accepted in its place.
    fn subjects(&self) -> (Subject<'a>, Option<Subject<'a>>) {
        let without_data = Subject {
            socket_id: self.socket_id,
            channel: self.channel,
            channel_data: None,
        };
        let full = Subject {
            channel_data: self.channel_data,
            ..without_data
        };
        match (self.coverage, self.channel_data) {
            (Coverage::DataOptional, Some("")) => (without_data, None),
            (Coverage::DataOptional, Some(_)) => (full, Some(without_data)),
            (Coverage::DataOptional, None) | (Coverage::Exactly, _) => (full, None),
        }
    }
}

/// Displays the text to sign.
#[derive(Clone, Copy)]
struct Subject<'a> {
    socket_id: &'a dyn fmt::Display,
    channel: &'a str,
    channel_data: Option<&'a str>,
}

impl Subject<'_> {
    fn shortened(self) -> String {
        let data = self.channel_data.map(|data| excerpt(data, SUBJECT_EXCERPT));
        let shortened = Subject {
            socket_id: self.socket_id,
            channel: &excerpt(self.channel, SUBJECT_EXCERPT),
            channel_data: data.as_deref(),
        };
        shortened.to_string()
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.socket_id, self.channel)?;
        match self.channel_data {
            Some(data) => write!(f, ":{data}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::tests::{credential, ours, pushers, ring};
    use proptest::prelude::*;

    const SOCKET: &str = "52107.884321";
    const NOTE: &str = r#"{"note":"x"}"#;
    const ZOE: &str = r#"{"user_id":"u-17","user_info":{"nick":"Zoë"}}"#;
    const ORDERS: &str = "ea64bd8f526c0314597dbcf1efcc433e13feab443ee28ff42e38caa7aded1aa9";
    const ORDERS_NOTE: &str = "0f19cf7ed1ca3e350014d5d23aa16bb34ce426227ace45c2b372c4d02f07337b";
    const VAULT: &str = "8c69de16af8622d3794f361ed3291fac50590b02386a9377c00700daec751249";
    const LOBBY_ZOE: &str = "2e3c302f93e0bdd8b0e1302c7e8cb69a0053ddcec24dc3542746e02abf79e230";
    const LOBBY: &str = "25c6bd18941f4a841db5508f81983d6e58186f0bce3f7d098e2e2cba0909899b";

    fn verify(
        ring: &KeyRing,
        (channel, channel_data): (&str, Option<&str>),
        coverage: Coverage,
        auth: &str,
    ) -> Result<(), ProofError> {
        let proof = ChannelProof {
            socket_id: &SOCKET,
            channel,
            auth,
            channel_data,
            coverage,
        };
        verify_channel(ring, &proof)
    }

    /// protocol.md §18.
    #[test]
    fn vectors() {
        let ours = (ours(), SOCKET);
        let pushers = (pushers(), "1234.1234");
        let mr_pusher = r#"{"user_id":10,"user_info":{"name":"Mr. Pusher"}}"#;
        let mr_channels = r#"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#;
        let table = [
            (&ours, "private-orders", None, ORDERS),
            (&ours, "private-encrypted-vault", None, VAULT),
            (&ours, "private-orders", Some(NOTE), ORDERS_NOTE),
            (&ours, "presence-lobby", Some(ZOE), LOBBY_ZOE),
            (&ours, "presence-lobby", None, LOBBY),
            (
                &pushers,
                "private-foobar",
                None,
                "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4",
            ),
            (
                &pushers,
                "presence-foobar",
                Some(mr_pusher),
                "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
            ),
            (
                &pushers,
                "presence-foobar",
                Some(mr_channels),
                "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
            ),
        ];
        for ((credential, socket_id), channel, channel_data, digest) in table {
            let auth = format!("{}:{digest}", credential.key);
            let signed = sign_channel(credential, socket_id, channel, channel_data);
            assert_eq!(signed, auth, "{channel}");
            let proof = ChannelProof {
                socket_id,
                channel,
                auth: &auth,
                channel_data,
                coverage: Coverage::Exactly,
            };
            assert_eq!(verify_channel(&ring(credential.clone()), &proof), Ok(()));
        }
    }

    #[test]
    fn what_a_signature_has_to_cover() {
        use Coverage::{DataOptional, Exactly};
        let table = [
            ("private-orders", None, DataOptional, ORDERS, true),
            ("private-orders", None, DataOptional, ORDERS_NOTE, false),
            (
                "private-orders",
                Some(NOTE),
                DataOptional,
                ORDERS_NOTE,
                true,
            ),
            ("private-orders", Some(NOTE), DataOptional, ORDERS, true),
            ("private-orders", Some(NOTE), DataOptional, VAULT, false),
            (
                "private-orders",
                Some(ZOE),
                DataOptional,
                ORDERS_NOTE,
                false,
            ),
            ("private-orders", Some(""), DataOptional, ORDERS, true),
            (
                "private-encrypted-vault",
                Some(NOTE),
                DataOptional,
                VAULT,
                true,
            ),
            ("presence-lobby", Some(ZOE), Exactly, LOBBY_ZOE, true),
            ("presence-lobby", Some(ZOE), Exactly, LOBBY, false),
            ("presence-lobby", Some(""), Exactly, LOBBY, false),
            ("presence-lobby", None, Exactly, LOBBY, true),
            ("presence-lobby", None, Exactly, LOBBY_ZOE, false),
        ];
        for (channel, data, coverage, digest, accepted) in table {
            let auth = format!("{}:{digest}", ours().key);
            let result = verify(&ring(ours()), (channel, data), coverage, &auth);
            assert_eq!(result.is_ok(), accepted, "{channel} {data:?} {result:?}");
        }
    }

    #[test]
    fn refusals_imitate_hosted_texts() {
        let lower = format!("{}:{ORDERS}", ours().key);
        let wrong = "Invalid signature: Expected HMAC SHA256 hex digest of \
                     52107.884321:private-orders, but got ";
        let malformed = "Invalid subscription auth data: Expected APP_KEY:SIGNATURE, but got ";
        let unknown = "Invalid key in subscription auth data: ";
        let key = ours().key;
        let table = [
            (lower.clone(), String::new()),
            (
                format!("{key}:{}", ORDERS.to_ascii_uppercase()),
                String::new(),
            ),
            (format!("{key}:{VAULT}"), format!("{wrong}{VAULT}")),
            (format!("{key}:"), wrong.to_owned()),
            (format!("{key}:zz"), format!("{wrong}zz")),
            (format!("{key}:{ORDERS}00"), format!("{wrong}{ORDERS}…")),
            (
                format!("{key}:{}", "é".repeat(65)),
                format!("{wrong}{}…", "é".repeat(64)),
            ),
            (format!("spare:{ORDERS}"), format!("{wrong}{ORDERS}")),
            (
                lower.to_ascii_uppercase(),
                format!("{unknown}'K7F3D0C1B2A39485'"),
            ),
            (format!("other:{ORDERS}"), format!("{unknown}'other'")),
            (format!(":{ORDERS}"), format!("{unknown}''")),
            (
                format!("{}:{ORDERS}", "k".repeat(65)),
                format!("{unknown}'{}…'", "k".repeat(64)),
            ),
            (String::new(), format!("{malformed}''")),
            (ORDERS.to_owned(), format!("{malformed}'{ORDERS}'")),
            (
                format!("{key}::{ORDERS}"),
                format!("{malformed}'{key}::{}…'", &ORDERS[..46]),
            ),
            (
                format!("{key}:user:00"),
                format!("{malformed}'{key}:user:00'"),
            ),
        ];
        for (auth, expect) in table {
            let channel = ("private-orders", None);
            let text = verify(&ring(ours()), channel, Coverage::DataOptional, &auth)
                .map_or_else(|error| error.to_string(), |()| String::new());
            assert_eq!(text, expect, "{auth:?}");
        }
    }

    #[test]
    fn empty_data_of_a_private_channel_is_no_data() {
        let auth = sign_channel(&ours(), SOCKET, "private-orders", Some(""));
        let channel = ("private-orders", Some(""));
        let error = verify(&ring(ours()), channel, Coverage::DataOptional, &auth).unwrap_err();
        let expect = ProofError::WrongSignature {
            text: format!("{SOCKET}:private-orders"),
            got: auth[17..].to_owned(),
        };
        assert_eq!(error, expect);
    }

    #[test]
    fn refusals_show_the_text_to_sign_but_neither_digest_nor_all_of_it() {
        let data = "d".repeat(500);
        let auth = format!("{}:{}", ours().key, "0".repeat(64));
        let channel = ("presence-lobby", Some(data.as_str()));
        let error = verify(&ring(ours()), channel, Coverage::Exactly, &auth).unwrap_err();
        let expect = ProofError::WrongSignature {
            text: format!("{SOCKET}:presence-lobby:{}…", "d".repeat(200)),
            got: "0".repeat(64),
        };
        assert_eq!(error, expect);
    }

    proptest! {
        #[test]
        fn signed_is_verified_and_changed_is_refused(
            channel in "[a-z-]{1,20}",
            data in proptest::option::of(".{1,20}"),
            other in "[a-z-]{1,20}",
        ) {
            let ring = ring(ours());
            let data = data.as_deref();
            let impostor = credential(ours().key.as_str(), "another secret");
            for coverage in [Coverage::Exactly, Coverage::DataOptional] {
                let auth = sign_channel(&ours(), SOCKET, &channel, data);
                prop_assert!(verify(&ring, (&channel, data), coverage, &auth).is_ok());
                let moved = verify(&ring, (&other, data), coverage, &auth);
                prop_assert_eq!(moved.is_ok(), other == channel);
                let forged = sign_channel(&impostor, SOCKET, &channel, data);
                prop_assert!(verify(&ring, (&channel, data), coverage, &forged).is_err());
            }
        }

        #[test]
        fn any_text_is_refused_without_panic(auth: String, channel: String, data: Option<String>) {
            let channel = (channel.as_str(), data.as_deref());
            let result = verify(&ring(ours()), channel, Coverage::DataOptional, &auth);
            prop_assert!(!result.unwrap_err().to_string().is_empty());
        }
    }
}
