//! Finds out how a wrong signature came about, by making the signatures of likely mistakes.

use foghorn_auth::Secret;

use super::difference::{self, Difference};
use super::digest;
use super::verdict::Verdict;
use crate::target::GivenCredential;

/// A text that people sign by mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// What went wrong; several things may have.
    pub(super) mistakes: Vec<String>,
    pub(super) text: Vec<u8>,
}

/// A piece of the text that should be signed, and what it means if the difference is there.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Characters of it.
    length: usize,
    meaning: &'static str,
}

/// All that is known of a signature that was refused.
pub(super) struct Examination<'a> {
    /// What should have been signed.
    pub(super) text: Vec<u8>,
    /// The same in pieces, from the start; what follows them has no meaning.
    pub(super) parts: Vec<Part>,
    /// What may have been signed in its place.
    pub(super) attempts: Vec<Attempt>,
    /// What was given for a signature.
    pub(super) digest: &'a str,
    pub(super) given: &'a GivenCredential,
    /// What the person says was signed.
    pub(super) signed: Option<Vec<u8>>,
}

impl Part {
    fn new(text: &str, meaning: &'static str) -> Self {
        Self {
            length: text.chars().count(),
            meaning,
        }
    }

    /// Of `SOCKET_ID:CHANNEL[:CHANNEL_DATA]`.
    pub(super) fn of_channel(socket_id: &str, channel: &str, data: Option<&str>) -> Vec<Self> {
        let mut parts = vec![
            Self::new(socket_id, "another socket id was signed"),
            Self::new(":", "a colon must follow the socket id"),
            Self::new(channel, "another channel was signed"),
        ];
        if let Some(data) = data {
            parts.push(Self::new(":", "a colon must follow the channel"));
            parts.push(Self::new(data, "another channel_data was signed"));
        }
        parts
    }

    /// Of `SOCKET_ID::user::USER_DATA`.
    pub(super) fn of_user(socket_id: &str, user_data: &str) -> Vec<Self> {
        vec![
            Self::new(socket_id, "another socket id was signed"),
            Self::new("::user::", "::user:: must follow the socket id"),
            Self::new(user_data, "another user_data was signed"),
        ]
    }

    /// Of method, path and parameters, each on a line.
    pub(super) fn of_request(text: &str) -> Vec<Self> {
        let mut lines = text.splitn(3, '\n');
        let mut line = |meaning| Self::new(lines.next().unwrap_or_default(), meaning);
        let line_break = Self::new("\n", "a line break, \\n, must follow");
        vec![
            line("another method was signed"),
            line_break,
            line("another path was signed: is there a prefix that a proxy adds or takes away?"),
            line_break,
            line("other parameters were signed; they are sorted by name, all but auth_signature"),
        ]
    }
}

impl Examination<'_> {
    /// Looks for the mistake behind a refusal. `known` is what the refusal itself tells of it.
    pub(super) fn explain(self, error: String, known: Option<&str>) -> Verdict {
        let expected = String::from_utf8_lossy(&self.text).into_owned();
        let digest = digest::read(self.digest);
        let mut mistakes: Vec<String> = known.map(str::to_owned).into_iter().collect();
        mistakes.extend(digest.mistake.map(str::to_owned));
        let found = digest.signature.and_then(|signature| {
            let fits = |secret: &Secret, text: &[u8]| secret.sign_bytes(text) == signature;
            self.find(fits)
        });
        let unexplained = digest.signature.is_some() && found.is_none() && self.signed.is_none();
        let signed = match (found, self.signed.clone()) {
            (Some(found), signed) => {
                mistakes.extend(found.mistakes);
                Some(signed.unwrap_or(found.text))
            }
            (None, Some(signed)) => {
                if digest.signature.is_some() {
                    mistakes.push(self.of_no_known_text(&signed));
                }
                Some(signed)
            }
            (None, None) => None,
        };
        let signed = signed.map(|signed| String::from_utf8_lossy(&signed).into_owned());
        let mut verdict = Verdict::wrong(error, together(&mistakes), expected);
        if let Some(signed) = signed
            && let Some(mut difference) = difference::first(&verdict.expected_text, &signed)
        {
            let place = || self.meaning_at(difference.at);
            difference.hint = difference.hint.or_else(place);
            verdict.place(signed, difference);
        } else if unexplained {
            verdict.notes.push(NOT_FOUND.to_owned());
        }
        verdict
    }

    /// A refusal that has nothing to do with the digest.
    pub(super) fn refuse(self, error: String) -> Verdict {
        let expected = String::from_utf8_lossy(&self.text).into_owned();
        Verdict::wrong(error, None, expected)
    }

    /// The text and the secret with the fewest mistakes that fit.
    fn find(&self, fits: impl Fn(&Secret, &[u8]) -> bool) -> Option<Attempt> {
        let told = self.signed.iter().map(|text| Attempt {
            mistakes: Vec::new(),
            text: text.clone(),
        });
        let right = Attempt {
            mistakes: Vec::new(),
            text: self.text.clone(),
        };
        let mut attempts: Vec<_> = [right].into_iter().chain(told).collect();
        attempts.extend(self.attempts.iter().cloned());
        let secrets = self.secrets();
        let mut best: Option<Attempt> = None;
        for attempt in &attempts {
            for (mistake, secret) in &secrets {
                let mut found = attempt.clone();
                found.mistakes.extend(mistake.map(str::to_owned));
                let better = |best: &Attempt| found.mistakes.len() < best.mistakes.len();
                if best.as_ref().is_none_or(better) && fits(secret, &found.text) {
                    best = Some(found);
                }
            }
        }
        best
    }

    /// What people use for the secret.
    fn secrets(&self) -> Vec<(Option<&'static str>, Secret)> {
        let text = self.given.secret_text.as_str();
        let key = self.given.credential.key.as_str();
        let bare = text.trim_matches(['"', '\'']);
        let variants = [
            (None, text.to_owned()),
            (
                Some("the secret given here has white space around it"),
                text.trim().to_owned(),
            ),
            (
                Some("the secret given here has quotes around it"),
                bare.to_owned(),
            ),
            (
                Some("the signer's secret ends with a line break"),
                format!("{text}\n"),
            ),
            (
                Some("the signer's secret ends with a line break"),
                format!("{text}\r\n"),
            ),
            (
                Some("the signer's secret ends with a space"),
                format!("{text} "),
            ),
            (
                Some("the signer's secret has quotes around it"),
                format!("\"{text}\""),
            ),
            (
                Some("the signer's secret has quotes around it"),
                format!("'{text}'"),
            ),
            (
                Some("the key was used in place of the secret"),
                key.to_owned(),
            ),
            (
                Some("the signer's secret is in capital letters"),
                text.to_uppercase(),
            ),
            (
                Some("the signer's secret is in small letters"),
                text.to_lowercase(),
            ),
        ];
        let mut secrets: Vec<(Option<&'static str>, Secret)> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (mistake, variant) in variants {
            if !seen.contains(&variant)
                && let Ok(secret) = Secret::parse(&variant)
            {
                secrets.push((mistake, secret));
                seen.push(variant);
            }
        }
        secrets
    }

    fn of_no_known_text(&self, signed: &[u8]) -> String {
        let secret = "it was made with another secret, or not as HMAC-SHA-256 of that text";
        if signed == self.text {
            format!("the text is right: {secret}")
        } else {
            format!("the text is wrong, and the signature is not of it either: {secret}")
        }
    }

    fn meaning_at(&self, at: usize) -> Option<&'static str> {
        let mut end = 0;
        let mut parts = self.parts.iter();
        let part = parts.find(|part| {
            end += part.length;
            at < end
        });
        part.map(|part| part.meaning)
    }
}

/// What to do when nothing was found.
const NOT_FOUND: &str = "no known mistake explains it; likeliest it was made with another \
                         secret. To compare texts, print the one that your code signs and give \
                         it with --signed-text";

fn together(mistakes: &[String]) -> Option<String> {
    (!mistakes.is_empty()).then(|| mistakes.join("; and "))
}

impl Verdict {
    fn place(&mut self, signed: String, difference: Difference) {
        self.signed_text = Some(signed);
        self.difference = Some(difference);
    }
}

#[cfg(test)]
mod tests;
