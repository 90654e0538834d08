//! `foghorn subscribe`: connects as a client does and prints what it hears.

mod client;
mod connection;
mod event;
mod liveness;
mod plan;
mod retry;

use std::num::NonZeroU64;

use clap::Args;
use serde_json::Value;

use crate::api::runtime;
use crate::encryption::MasterKey;
use crate::failure::Failure;
use crate::input;
use crate::output::{Output, OutputArguments};
use crate::target::{TargetArguments, environment};

use plan::{Identity, Plan};

/// What to listen to.
#[derive(Args)]
pub struct Arguments {
    /// The channels. What a private or presence channel asks for is signed with the secret
    #[arg(value_name = "CHANNEL", required_unless_present = "sign_in")]
    channels: Vec<String>,
    /// Print and count only events of this name; repeat it for more. Without it all are printed,
    /// and those of the protocol itself are not counted
    #[arg(short, long = "event", value_name = "NAME")]
    events: Vec<String>,
    /// End after so many events
    #[arg(short = 'n', long, value_name = "NUMBER")]
    count: Option<NonZeroU64>,
    /// Be this member on presence channels
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// Sign in as this user, and hear what is sent to them
    #[arg(long, value_name = "ID")]
    sign_in: Option<String>,
    /// What others see of the member or the user: a JSON object
    #[arg(long, value_name = "JSON")]
    user_info: Option<String>,
    /// Hear when this user comes and goes; repeat it for more
    #[arg(long, value_name = "ID", requires = "sign_in")]
    watch: Vec<String>,
    /// Decrypt private-encrypted- channels: 32 bytes in base64, or @FILE, which nobody sees in
    /// the list of processes
    #[arg(long, value_name = "KEY")]
    master_key: Option<String>,
    /// End when the connection does
    #[arg(long)]
    no_reconnect: bool,
    #[command(flatten)]
    target: TargetArguments,
    #[command(flatten)]
    output: OutputArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.output);
    let master_key = arguments.master_key.as_deref();
    let master_key = master_key
        .map(|given| MasterKey::parse(&input::text(given)?))
        .transpose()?;
    let identity = Identity {
        member: arguments.user_id,
        user: arguments.sign_in,
        info: arguments.user_info.as_deref().map(object).transpose()?,
        watchlist: arguments.watch,
    };
    let need = identity.need(&arguments.channels);
    let (address, pass) = arguments.target.resolve_client(need, &environment)?;
    let plan = Plan {
        channels: arguments.channels,
        identity,
        pass,
        events: arguments.events,
        master_key,
    };
    plan.check()?;
    let listener = connection::Listener {
        address,
        plan: &plan,
        output,
        reconnect: !arguments.no_reconnect,
    };
    runtime()?.block_on(listener.run(arguments.count.map(NonZeroU64::get)))
}

fn object(text: &str) -> Result<Value, Failure> {
    let value: Option<Value> = serde_json::from_str(text).ok();
    value
        .filter(Value::is_object)
        .ok_or_else(|| Failure::usage("--user-info must be a JSON object"))
}
