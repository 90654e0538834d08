//! How deliveries look in the file.

use std::sync::Arc;

use foghorn_auth::AppKey;
use foghorn_protocol::{ChannelName, UserId};
use foghorn_webhooks::{Class, Delivery, Lane, Subject, Target, UnixMillis};

/// A delivery: app, key, signature, URL, headers, channel (of the lane, if it has one), class, when
/// it was created, begin of the retry window, body. It never changes as long as it waits.
pub(super) type Record<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    Vec<(&'a str, &'a str)>,
    Option<&'a str>,
    u8,
    u64,
    u64,
    &'a [u8],
);

/// App, channel and, where the subject is a member, user.
pub(super) type SubjectKey<'a> = (&'a str, &'a str, Option<&'a str>);

const STATE: u8 = 0;
const CLIENT_EVENTS: u8 = 1;

pub(super) fn record(delivery: &Delivery, since: UnixMillis) -> Record<'_> {
    let headers = delivery.target.headers.iter();
    (
        &*delivery.app,
        delivery.key.as_str(),
        &delivery.signature,
        &delivery.target.url,
        headers
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect(),
        match &delivery.lane {
            Lane::Channel(channel) => Some(channel.as_str()),
            Lane::App => None,
        },
        match delivery.class {
            Class::State => STATE,
            Class::ClientEvents => CLIENT_EVENTS,
        },
        delivery.created.0,
        since.0,
        &delivery.body,
    )
}

/// The delivery and the begin of its window.
///
/// # Errors
/// A text that was a name when it was stored is none any more.
pub(super) fn delivery(record: &Record<'_>) -> Result<(Delivery, UnixMillis), String> {
    let (app, key, signature, url, headers, lane, class, created, since, body) = record;
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let target = Target {
        url: (*url).to_owned(),
        headers: headers.iter().map(owned).collect(),
    };
    let delivery = Delivery {
        app: (*app).into(),
        target: Arc::new(target),
        lane: match lane {
            Some(name) => Lane::Channel(channel(name)?),
            None => Lane::App,
        },
        class: match *class {
            STATE => Class::State,
            CLIENT_EVENTS => Class::ClientEvents,
            other => return Err(format!("a delivery of the unknown class {other}")),
        },
        created: UnixMillis(*created),
        key: AppKey::parse(key).map_err(|error| error.to_string())?,
        signature: (*signature).to_owned(),
        body: (*body).into(),
    };
    Ok((delivery, UnixMillis(*since)))
}

/// Makes reading the rest cheap.
pub(super) fn without_body(mut record: Record<'_>) -> Record<'_> {
    record.9 = &[];
    record
}

pub(super) fn subject_key<'a>(app: &'a str, subject: &'a Subject) -> SubjectKey<'a> {
    let user = subject.user_id.as_ref().map(UserId::as_str);
    (app, subject.channel.as_str(), user)
}

/// # Errors
/// As for [`delivery`].
pub(super) fn subject((app, name, user): SubjectKey<'_>) -> Result<(Arc<str>, Subject), String> {
    let user_id = user
        .map(|user| UserId::parse(user, usize::MAX))
        .transpose()
        .map_err(|error| error.to_string())?;
    let channel = channel(name)?;
    Ok((app.into(), Subject { channel, user_id }))
}

/// The limit on lengths was kept when the name was accepted; it may be lower by now.
fn channel(name: &str) -> Result<ChannelName, String> {
    ChannelName::parse(name, usize::MAX).map_err(|error| error.to_string())
}
