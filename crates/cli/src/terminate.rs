//! `foghorn terminate`: closes the connections of a user.

use clap::Args;
use http::Method;
use serde::Serialize;

use crate::api::{self, Question, segment};
use crate::failure::Failure;
use crate::output::{Output, OutputArguments, Report};
use crate::paint::{Paint, visible};
use crate::target::{TargetArguments, environment};

/// Whose connections to close.
#[derive(Args)]
pub struct Arguments {
    /// The user's id. Connections that only joined presence channels under it stay
    #[arg(value_name = "USER")]
    user: String,
    #[command(flatten)]
    target: TargetArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Serialize)]
struct Terminated {
    terminated: String,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.output);
    let target = arguments.target.resolve(&environment)?;
    let question = Question {
        method: Method::POST,
        path: format!("/users/{}/terminate_connections", segment(&arguments.user)),
        params: &[],
        body: "{}".to_owned(),
    };
    api::ask(&target, question)?;
    output.report(&Terminated {
        terminated: arguments.user,
    })
}

impl Report for Terminated {
    fn people(&self, paint: Paint) -> String {
        let user = paint.name(&visible(&self.terminated));
        format!("{} every connection of {user}", paint.good("closing"))
    }
}
