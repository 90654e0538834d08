//! `foghorn bench crowd`: the other end of `children.rs`.

use std::io::{BufRead as _, Write as _};

use foghorn_cli::Failure;
use mio::unix::SourceFd;

use crate::children::{Ask, Reply, line};
use crate::clock::{self, SECOND};
use crate::crowd::{Crowd, Plan};
use crate::engine::{Engine, Happened, Io, Owner};

/// The file descriptor of standard input.
const STANDARD_INPUT: i32 = 0;

/// The one who asks, through standard input.
#[derive(Default)]
struct Asking {
    registered: bool,
    asked: Option<Ask>,
    /// Whether it has gone.
    over: bool,
}

/// Does what it is asked until nobody asks any more.
pub(crate) fn run() -> Result<(), Failure> {
    let mut asking = Asking::default();
    let result = serve(&mut asking);
    if let Err(failure) = &result {
        say(&Reply::failed(failure))?;
    }
    result
}

fn serve(asking: &mut Asking) -> Result<(), Failure> {
    let mut engine = Engine::new()?;
    asking.read()?;
    let Some(Ask::Open(plan)) = asking.asked.take() else {
        return Err(Failure::usage("this command is for foghorn bench itself"));
    };
    let mut crowd = open(&mut engine, asking, plan)?;
    say(&Reply::Counts(Box::new(crowd.counts().clone())))?;
    while !asking.over {
        let owners: &mut [&mut dyn Owner] = &mut [&mut crowd, asking];
        engine.turn(owners, clock::now() + SECOND)?;
        if let Some(ask) = asking.asked.take() {
            if let Ask::Begin(since) = ask {
                crowd.ledger.begin(since);
            }
            say(&Reply::Counts(Box::new(crowd.counts().clone())))?;
        }
    }
    Ok(())
}

fn open(engine: &mut Engine, asking: &mut Asking, plan: Plan) -> Result<Crowd, Failure> {
    let mut crowd = Crowd::new(plan, None);
    while !crowd.is_open() && !asking.over {
        let owners: &mut [&mut dyn Owner] = &mut [&mut crowd, asking];
        engine.turn(owners, clock::now() + SECOND)?;
        crowd.check_progress()?;
    }
    Ok(crowd)
}

fn say(reply: &Reply) -> Result<(), Failure> {
    let line = line(reply)?;
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(line.as_bytes());
    let written = written.and_then(|()| stdout.flush());
    written.map_err(|_| Failure::ReaderGone)
}

impl Asking {
    /// Reads a line. There is only one on its way, since each is answered before the next.
    fn read(&mut self) -> Result<(), Failure> {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_line(&mut text);
        self.over = !matches!(read, Ok(1..));
        if !self.over {
            let ask = serde_json::from_str(&text);
            let ask = ask.map_err(|error| Failure::refused(format!("not understood: {error}")))?;
            self.asked = Some(ask);
        }
        Ok(())
    }
}

impl Owner for Asking {
    fn happened(&mut self, _: &mut Io, _: usize, _: Happened) -> Result<(), Failure> {
        self.read()
    }

    fn due(&mut self, io: &mut Io, _now: u64) -> Result<Option<u64>, Failure> {
        if !self.registered {
            self.registered = true;
            let (registry, token) = io.registration(0);
            let mut source = SourceFd(&STANDARD_INPUT);
            let registered = registry.register(&mut source, token, mio::Interest::READABLE);
            registered.map_err(|error| Failure::refused(format!("standard input: {error}")))?;
        }
        Ok(None)
    }
}
