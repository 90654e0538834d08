//! Subscribers in processes of their own, which are told what to do by lines of JSON.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use foghorn_cli::Failure;
use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::crowd::Plan;
use crate::process::Process;

/// What a child is asked. It answers each with a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Open these; the answer comes when all are subscribed.
    Open(Plan),
    /// Begin the window, at so many nanoseconds.
    Begin(u64),
    /// Tell what was received.
    Count,
}

/// What a child answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Counts(Box<Counts>),
    /// The run cannot go on.
    Failed {
        said: String,
        hint: Option<String>,
    },
}

/// The children.
#[derive(Default)]
pub(crate) struct Children {
    children: Vec<Running>,
}

/// A child. It ends when its standard input does.
struct Running {
    child: Child,
    asks: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    process: Process,
    plan: Plan,
}

impl Children {
    /// Starts so many processes and divides the plan among them.
    pub(crate) fn start(plan: &Plan, processes: usize) -> Result<Self, Failure> {
        let share = plan.connections.div_ceil(processes);
        let end = plan.first + plan.connections;
        let mut children = Vec::new();
        for number in 0..processes {
            let first = (plan.first + number * share).min(end);
            children.push(Running::start(Plan {
                first,
                connections: share.min(end - first),
                at_once: plan.at_once.div_ceil(processes),
                ..plan.clone()
            })?);
        }
        Ok(Self { children })
    }

    /// Whether there are none, so that all subscribers are in this process.
    pub(crate) fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// Lets all begin to open their connections.
    pub(crate) fn open(&mut self) -> Result<(), Failure> {
        for child in &mut self.children {
            child.ask(&Ask::Open(child.plan.clone()))?;
        }
        Ok(())
    }

    /// Waits until all connections are subscribed.
    pub(crate) fn opened(&mut self) -> Result<(), Failure> {
        let mut children = self.children.iter_mut();
        children.try_for_each(|child| child.reply().map(drop))
    }

    /// Begins the window, at so many nanoseconds.
    pub(crate) fn begin(&mut self, now: u64) -> Result<(), Failure> {
        self.ask_all(&Ask::Begin(now)).map(drop)
    }

    /// What each has received.
    pub(crate) fn counts(&mut self) -> Result<Vec<Counts>, Failure> {
        self.ask_all(&Ask::Count)
    }

    /// The processes, to look at what they use.
    pub(crate) fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.children.iter_mut().map(|child| &mut child.process)
    }

    fn ask_all(&mut self, ask: &Ask) -> Result<Vec<Counts>, Failure> {
        for child in &mut self.children {
            child.ask(ask)?;
        }
        self.children.iter_mut().map(Running::reply).collect()
    }
}

impl Reply {
    /// The run cannot go on because of this.
    pub(crate) fn failed(failure: &Failure) -> Self {
        Self::Failed {
            said: failure.to_string(),
            hint: failure.advice().map(str::to_owned),
        }
    }

    /// What was received, or why the run cannot go on.
    fn counts(self) -> Result<Counts, Failure> {
        match self {
            Self::Counts(counts) => Ok(*counts),
            Self::Failed { said, hint: None } => Err(Failure::refused(said)),
            Self::Failed {
                said,
                hint: Some(hint),
            } => Err(Failure::refused(said).hint(hint)),
        }
    }
}

impl Running {
    fn start(plan: Plan) -> Result<Self, Failure> {
        let cannot = |error| Failure::refused(format!("cannot start a process: {error}"));
        let program = std::env::current_exe().map_err(cannot)?;
        let mut child = Command::new(program)
            .args(["bench", "crowd"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let replies = child.stdout.take().ok_or_else(gone)?;
        Ok(Self {
            asks: child.stdin.take(),
            replies: BufReader::new(replies),
            process: Process::follow(child.id()),
            child,
            plan,
        })
    }

    fn ask(&mut self, ask: &Ask) -> Result<(), Failure> {
        let asks = self.asks.as_mut().ok_or_else(gone)?;
        let line = line(ask)?;
        asks.write_all(line.as_bytes()).map_err(|_| gone())
    }

    fn reply(&mut self) -> Result<Counts, Failure> {
        let mut line = String::new();
        let read = self.replies.read_line(&mut line);
        read.map_err(|_| gone())?;
        let reply: Reply = serde_json::from_str(&line).map_err(|_| gone())?;
        reply.counts()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.asks = None;
        // It has no more to do; how it ends makes no difference.
        let _ = self.child.wait();
    }
}

fn gone() -> Failure {
    Failure::refused("a process with subscribers has ended")
}

/// A line of JSON, its end included.
pub(crate) fn line(message: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(message);
    let text = text.map_err(|error| Failure::refused(format!("cannot write JSON: {error}")))?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_comes_over_with_its_hint() {
        let plain = Failure::refused("no more files");
        let advised = Failure::refused("no more files").hint("use fewer");
        for failure in [plain, advised] {
            let text = line(&Reply::failed(&failure)).unwrap();
            let reply: Reply = serde_json::from_str(&text).unwrap();
            assert_eq!(reply.counts().unwrap_err(), failure);
        }
    }
}
