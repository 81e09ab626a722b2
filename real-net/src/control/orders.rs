//! What clients want done, on its way into the engine's loop.
//!
//! Names become positions here, in the loop, where a reload can't come in between.

use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::time::Duration;

use locum_engine::Command;
use locum_engine::config::Config;
use tokio::sync::{mpsc, oneshot};
use tracing::info;

use super::message::Line;
use crate::hooks::Reader;

/// So many orders may wait at once.
const WAITING_MAX: usize = 16;

/// The loop's end.
#[derive(Debug)]
pub struct Orders(mpsc::Receiver<Order>);

/// Something that a client wants done.
#[derive(Debug)]
pub struct Order {
    pub(super) what: What,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What.
#[derive(Debug)]
pub(super) enum What {
    Drain {
        instance: Option<String>,
        within: Duration,
    },
    Resume {
        instance: Option<String>,
    },
    Reload,
    Plan {
        file: Option<PathBuf>,
    },
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) lines: Vec<Line>,
    pub(super) ok: bool,
}

/// Both ends.
pub fn orders() -> (mpsc::Sender<Order>, Orders) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (sender, Orders(receiver))
}

impl Orders {
    /// Ready with the next command for the engine. Whoever gave the order is answered before it is
    /// carried out, which the loop does at once.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        read: &mut Reader,
    ) -> Poll<Command> {
        while let Poll::Ready(Some(Order { what, reply })) = self.0.poll_recv(cx) {
            let (command, answer) = match carry_out(what, config, read) {
                Ok((command, lines)) => (command, Answer { lines, ok: true }),
                Err(lines) => (None, Answer { lines, ok: false }),
            };
            let _ = reply.send(answer);
            if let Some(command) = command {
                return Poll::Ready(command);
            }
        }
        Poll::Pending
    }
}

/// The command, if there is one, and what there is to say; or why not.
fn carry_out(
    what: What,
    config: &Config,
    read: &mut Reader,
) -> Result<(Option<Command>, Vec<Line>), Vec<Line>> {
    let find = |instance: Option<String>| match instance {
        None => Ok(None),
        Some(name) => match config.find_instance(&name) {
            Some(id) => Ok(Some(id)),
            None => Err(vec![Line::Error(unknown(&name, config))]),
        },
    };
    match what {
        What::Drain { instance, within } => {
            let about = instance.clone().unwrap_or_else(|| "all instances".into());
            let instance = find(instance)?;
            info!(
                "asked to hand over {about} within {} s",
                within.as_secs_f64()
            );
            Ok((Some(Command::Drain { instance, within }), vec![]))
        }
        What::Resume { instance } => {
            let about = instance.clone().unwrap_or_else(|| "all instances".into());
            let instance = find(instance)?;
            info!("asked to resume {about}");
            Ok((Some(Command::Resume { instance }), vec![]))
        }
        What::Reload => {
            let reread = read(config, None);
            reread.log();
            let lines = reread.lines();
            let (config, _) = reread.outcome.map_err(|_| lines.clone())?;
            Ok((Some(Command::Reload(config)), lines))
        }
        What::Plan { file } => {
            let reread = read(config, file.as_deref().map(Path::new));
            let lines = reread.lines();
            match reread.outcome {
                Ok(_) => Ok((None, lines)),
                Err(_) => Err(lines),
            }
        }
    }
}

/// What to say of a name that no instance has.
pub(super) fn unknown(name: &str, config: &Config) -> String {
    let names = config.instances.iter().map(|i| &*i.name);
    let close = names
        .clone()
        .find(|known| known.eq_ignore_ascii_case(name))
        .or_else(|| names.clone().find(|known| known.contains(name)));
    match close {
        Some(close) => format!("there is no instance `{name}`; did you mean `{close}`?"),
        None => format!("there is no instance `{name}`; `locum status` lists them"),
    }
}
