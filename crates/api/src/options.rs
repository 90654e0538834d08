//! Where answers may differ from hosted Pusher's, for back ends that came from soketi.

/// How the API is mounted, and how its answers look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What precedes every path: empty, or `/…` without a slash at the end.
    pub mount_prefix: String,
    /// What becomes of attributes that a channel does not have.
    pub unavailable: Unavailable,
    /// What is said of channels.
    pub channel_info: ChannelInfo,
    /// What a success looks like that has nothing to say.
    pub success: Success,
}

/// What becomes of attributes that were asked for and that a channel does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unavailable {
    /// The request is refused with 400, as Pusher documents.
    #[default]
    Refused,
    /// They are left out.
    LeftOut,
}

/// What is said of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelInfo {
    /// What was asked for.
    #[default]
    Asked,
    /// All that soketi says without being asked.
    Soketi,
}

/// What a success looks like that has nothing to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Success {
    /// `{}`, as Pusher's.
    #[default]
    Empty,
    /// `{"ok":true}`, as soketi's.
    Ok,
}
