//! The control socket's clients: one task each, at most so many at a time, none for ever.

use std::sync::Arc;
use std::time::Duration;

use locum_engine::Instant;
use nix::unistd::geteuid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::message::{End, Line, REQUEST_MAX, Request};
use super::orders::{Answer, Order, What};
use super::snapshot::write;
use super::{Handover, Snapshot, Socket};
use crate::clock;
use crate::desk::{Counter, Job};
use crate::log;

/// So many clients are served at once.
const CLIENTS_MAX: usize = 16;
/// A client that asks for nothing for so long is cut off.
const IDLE: Duration = Duration::from_secs(60);
/// A client that doesn't take what it asked for within so long is cut off.
const STALLED: Duration = Duration::from_secs(10);
/// Whoever isn't served may ask for so long before being told.
const REFUSED: Duration = Duration::from_secs(1);
/// How often a drain is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// The longest drain, in seconds: a day.
const LONGEST_DRAIN: f64 = 86_400.0;

/// What a client's task needs.
#[derive(Clone, Debug)]
pub struct Control {
    counter: Counter,
    orders: mpsc::Sender<Order>,
}

/// The client has gone, or has to.
struct Gone;

impl Control {
    /// Clients look through `counter`, and give their orders to `orders`.
    pub fn new(counter: Counter, orders: mpsc::Sender<Order>) -> Self {
        Self { counter, orders }
    }

    /// Serves clients for as long as the runtime lives. The socket is removed with it.
    pub fn serve(self, socket: Socket) {
        let places = Arc::new(Semaphore::new(CLIENTS_MAX));
        tokio::spawn(async move {
            loop {
                let Ok(stream) = socket.accept().await else {
                    // Out of descriptors: they come back when somebody leaves.
                    sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let control = self.clone();
                let place = Arc::clone(&places).try_acquire_owned();
                tokio::spawn(async move {
                    match place {
                        Ok(_place) => control.attend(stream).await,
                        Err(_) => refuse(stream, "too many clients at once").await,
                    }
                });
            }
        });
    }

    async fn attend(self, stream: UnixStream) {
        if let Err(why) = admit(&stream) {
            return refuse(stream, &why).await;
        }
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::with_capacity(REQUEST_MAX, reader);
        while let Ok(Some(request)) = next_request(&mut reader).await {
            let answered = match request {
                Ok(request) => self.answer(request, &mut writer).await,
                Err(why) => end(&mut writer, vec![Line::Error(why)], false).await,
            };
            if answered.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, request: Request, to: &mut OwnedWriteHalf) -> Result<(), Gone> {
        let (what, handover) = match request {
            Request::Status { instance } => return self.show(instance, to).await,
            Request::LogLevel { level } => {
                return match log::set_level(&level) {
                    Ok(()) => {
                        info!("the log's level is {level} from now on");
                        end(to, vec![], true).await
                    }
                    Err(why) => end(to, vec![Line::Error(why)], false).await,
                };
            }
            Request::Drain { instance, within } => {
                if !(0.0..=LONGEST_DRAIN).contains(&within) {
                    let why = format!("`within` is a number of seconds up to {LONGEST_DRAIN}");
                    return end(to, vec![Line::Error(why)], false).await;
                }
                let within = Duration::from_secs_f64(within);
                let watch = Handover::new(instance.clone(), within);
                (What::Drain { instance, within }, Some(watch))
            }
            Request::Resume { instance } => (What::Resume { instance }, None),
            Request::Reload {} => (What::Reload, None),
            Request::Plan { file } => {
                let file = file.map(Into::into);
                (What::Plan { file }, None)
            }
        };
        // Who was master is seen before the order is given.
        let mut job = handover.map(Job::Handover);
        if let Some(watch) = job.take() {
            let (watch, _) = self.counter.ask(watch).await.ok_or(Gone)?;
            job = Some(watch);
        }
        let (reply, answer) = oneshot::channel();
        self.orders
            .send(Order { what, reply })
            .await
            .map_err(|_| Gone)?;
        let Answer { lines, ok } = answer.await.map_err(|_| Gone)?;
        match job {
            Some(watch) if ok => self.watch(watch, to).await,
            _ => end(to, lines, ok).await,
        }
    }

    /// All of it, as fast as the client takes it.
    async fn show(&self, instance: Option<String>, to: &mut OwnedWriteHalf) -> Result<(), Gone> {
        let mut job = Job::Snapshot(Snapshot::new(instance));
        loop {
            let (next, portion) = self.counter.ask(job).await.ok_or(Gone)?;
            send(to, &portion.text).await?;
            if portion.last {
                let ok = matches!(&next, Job::Snapshot(snapshot) if snapshot.ok);
                return end(to, vec![], ok).await;
            }
            job = next;
        }
    }

    /// Says what comes of a drain, until every instance has come to an end.
    async fn watch(&self, mut job: Job, to: &mut OwnedWriteHalf) -> Result<(), Gone> {
        let given: Instant = clock::monotonic();
        loop {
            let (next, portion) = self.counter.ask(job).await.ok_or(Gone)?;
            send(to, &portion.text).await?;
            if portion.last {
                let ok = matches!(&next, Job::Handover(handover) if handover.ok);
                return end(to, vec![], ok).await;
            }
            job = next;
            // Long drains are looked at less often.
            let passed = clock::monotonic().saturating_since(given);
            sleep(LOOK.max(passed / 100)).await;
        }
    }
}

/// Root, or whoever the daemon runs as.
fn admit(stream: &UnixStream) -> Result<(), String> {
    let who = stream.peer_cred().map_err(|e| e.to_string())?;
    let ours = geteuid().as_raw();
    if who.uid() == 0 || who.uid() == ours {
        return Ok(());
    }
    warn!("uid {} may not control this daemon", who.uid());
    Err(format!(
        "uid {} may not control this daemon: root may, and uid {ours}",
        who.uid()
    ))
}

async fn refuse(stream: UnixStream, why: &str) {
    let (reader, mut writer) = stream.into_split();
    // A client whose question was never read would hear of a broken connection, not why.
    let mut reader = BufReader::with_capacity(REQUEST_MAX, reader);
    let _ = timeout(REFUSED, next_request(&mut reader)).await;
    let _ = end(&mut writer, vec![Line::Error(why.to_owned())], false).await;
}

/// The next request, or why it can't be understood; `None` at the end.
async fn next_request(
    reader: &mut BufReader<OwnedReadHalf>,
) -> Result<Option<Result<Request, String>>, Gone> {
    let mut line = Vec::new();
    let mut bounded = reader.take(REQUEST_MAX as u64);
    let read = timeout(IDLE, bounded.read_until(b'\n', &mut line)).await;
    let read = read.map_err(|_| Gone)?.map_err(|_| Gone)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') && read >= REQUEST_MAX {
        // What follows is the rest of it: nothing to go on with.
        return Err(Gone);
    }
    Ok(Some(
        serde_json::from_slice(&line).map_err(|e| format!("not a request: {e}")),
    ))
}

async fn end(to: &mut OwnedWriteHalf, mut lines: Vec<Line>, ok: bool) -> Result<(), Gone> {
    lines.push(Line::End(End { ok }));
    let mut text = Vec::new();
    for line in &lines {
        write(&mut text, line);
    }
    send(to, &text).await
}

async fn send(to: &mut OwnedWriteHalf, text: &[u8]) -> Result<(), Gone> {
    let sent = timeout(STALLED, to.write_all(text)).await;
    sent.map_err(|_| Gone)?.map_err(|_| Gone)
}
