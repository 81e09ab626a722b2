//! What systemd is told of a service of `Type=notify`: sd_notify(3), without the library.
//!
//! Messages are sent without waiting. One that doesn't get through is lost, except that readiness
//! and the watchdog's sign of life are due again a moment later.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::task::Context;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::warn;

/// From one status to the next.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// The service manager, or nobody.
#[derive(Debug)]
pub struct Service {
    socket: Option<UnixDatagram>,
    /// Half of what the manager allows between two signs of life.
    watchdog: Option<Duration>,
    /// The last message about readiness wasn't taken yet.
    owed: Cell<Option<&'static str>>,
    told: RefCell<String>,
}

impl Service {
    /// Whom the environment names.
    pub fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|name| {
            let socket = connect(&name);
            socket
                .inspect_err(|e| warn!("the service manager can't be told anything: {e}"))
                .ok()
        });
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| meant && *usec > 0);
        Self {
            socket,
            watchdog: watchdog.map(|usec| Duration::from_micros(usec) / 2),
            owed: Cell::new(None),
            told: RefCell::default(),
        }
    }

    /// The instances take part.
    pub fn ready(&self) {
        self.owe("READY=1\n");
    }

    /// The configuration is being read anew; [`ready`](Self::ready) is due when that is over.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
        self.send(&format!(
            "RELOADING=1\nMONOTONIC_USEC={}\n",
            now.as_micros()
        ));
    }

    /// The daemon lets go of everything.
    pub fn stopping(&self) {
        self.owe("STOPPING=1\n");
    }

    /// One line for `systemctl status`. The same again isn't sent.
    fn status(&self, line: String) {
        if *self.told.borrow() != line && self.send(&format!("STATUS={line}\n")) {
            *self.told.borrow_mut() = line;
        }
    }

    fn owe(&self, message: &'static str) {
        self.owed.set(Some(message));
        self.pay();
    }

    fn pay(&self) {
        if self.owed.get().is_some_and(|message| self.send(message)) {
            self.owed.set(None);
        }
    }

    /// Whether nobody waits for this message any more.
    fn send(&self, message: &str) -> bool {
        let Some(socket) = &self.socket else {
            return true;
        };
        let sent = socket.send(message.as_bytes());
        !matches!(sent, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }
}

/// When the manager hears of the daemon again. Belongs to the loop that turns the engine, so that
/// there are signs of life only while it turns.
#[derive(Debug)]
pub struct Heartbeat {
    watchdog: Option<Interval>,
    status: Option<Interval>,
}

impl Heartbeat {
    /// Must be called inside a tokio runtime.
    pub fn new(service: &Service) -> Self {
        let every = |period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let somebody = service.socket.is_some();
        Self {
            watchdog: service.watchdog.filter(|_| somebody).map(every),
            status: somebody.then(|| every(STATUS_EVERY)),
        }
    }

    /// Sends what is due. `alive` says whether the engine keeps its deadlines, `status` what it does.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        service: &Service,
        alive: impl FnOnce() -> bool,
        status: impl FnOnce() -> String,
    ) {
        if due(&mut self.watchdog, cx) && alive() {
            service.send("WATCHDOG=1\n");
        }
        if due(&mut self.status, cx) {
            service.pay();
            service.status(status());
        }
    }
}

/// Polled until it is pending, so that the next tick wakes the task.
fn due(ticks: &mut Option<Interval>, cx: &mut Context<'_>) -> bool {
    let Some(ticks) = ticks else { return false };
    let mut due = false;
    while ticks.poll_tick(cx).is_ready() {
        due = true;
    }
    due
}

/// A path, or an abstract name after `@`.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    fn pair() -> (UnixDatagram, Service) {
        let (ours, theirs) = UnixDatagram::pair().expect("two sockets");
        ours.set_nonblocking(true).expect("it can");
        theirs.set_nonblocking(true).expect("it can");
        let service = Service {
            socket: Some(ours),
            watchdog: Some(Duration::from_millis(10)),
            owed: Cell::new(None),
            told: RefCell::default(),
        };
        (theirs, service)
    }

    fn messages(socket: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 256];
        let mut all = Vec::new();
        while let Ok(length) = socket.recv(&mut buffer) {
            all.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        all
    }

    #[test]
    fn readiness_is_told_when_the_manager_listens_again() {
        let (theirs, service) = pair();
        while service.send("STATUS=busy\n") {}
        service.ready();
        assert!(messages(&theirs).iter().all(|m| m == "STATUS=busy\n"));
        service.pay();
        assert_eq!(messages(&theirs), ["READY=1\n"]);
        service.reloading();
        let said = messages(&theirs).concat();
        assert!(said.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{said}");
    }

    #[tokio::test]
    async fn there_are_signs_of_life_only_while_the_engine_keeps_its_deadlines() {
        let (theirs, service) = pair();
        let mut heart = Heartbeat::new(&service);
        let said = beats(&mut heart, &service, &theirs, true).await;
        let life = said.iter().filter(|m| *m == "WATCHDOG=1\n").count();
        assert!(life >= 2, "{said:?}");
        let status = said.iter().filter(|m| m.starts_with("STATUS=")).count();
        assert_eq!(status, 1, "once for all that is the same: {said:?}");
        let said = beats(&mut heart, &service, &theirs, false).await;
        assert_eq!(said, [""; 0]);
    }

    /// What the manager hears in some turns of the loop.
    async fn beats(
        heart: &mut Heartbeat,
        service: &Service,
        manager: &UnixDatagram,
        alive: bool,
    ) -> Vec<String> {
        let mut turns = 0;
        poll_fn(|cx| {
            heart.poll(cx, service, || alive, || "1 of 2 are master".to_owned());
            turns += 1;
            if turns > 3 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        messages(manager)
    }
}
