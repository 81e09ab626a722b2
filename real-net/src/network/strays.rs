//! What can't be for us, read at leisure: a few at a time, so that a flood of it costs little, and
//! every ordinary mistake in a network is still counted and told. So is what may be for us when there
//! is too much of it, but for what comes from known routers: more at a time, as a new one may be
//! among it.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use locum_engine::driver::Received;
use locum_engine::ids::InterfaceId;
use tokio::time::{Sleep, sleep};
use tracing::{debug, info, warn};

use super::port::Port;
use super::ready::Ready;
use super::socket::RawSocket;

/// In this time so many are read as a [`Queue`] says.
const WINDOW: Duration = Duration::from_millis(100);
/// Bytes that may wait meanwhile. The kernel counts its own structures, and so takes twice as much:
/// some hundred small packets.
pub(super) const QUEUE: usize = 32 * 1024;
/// After so many windows without a loss a flood is over.
const CALM: u32 = 20;

/// Which of a port's sockets that are read at leisure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// For what can't be for us.
    Strays,
    /// For what may be, from those that aren't known, while there is too much of it.
    Crowd,
}

impl Queue {
    pub(super) const ALL: [Self; 2] = [Self::Strays, Self::Crowd];

    const fn at_once(self) -> u32 {
        match self {
            Self::Strays => 64,
            Self::Crowd => 512,
        }
    }

    /// A name for it and the port of that number.
    const fn place(self, number: usize) -> usize {
        number * Self::ALL.len() + self as usize
    }

    const fn of(place: usize) -> (Self, usize) {
        let which = Self::ALL[place % Self::ALL.len()];
        (which, place / Self::ALL.len())
    }
}

/// The sockets of all ports that are read at leisure.
#[derive(Debug)]
pub(super) struct Strays {
    ready: Ready,
    window: Option<Pin<Box<Sleep>>>,
    /// Places that were read since the window began, and those with a flood.
    active: BTreeSet<usize>,
    /// A window is over, and there is still a crowd: whom to prefer may have changed.
    asks: bool,
}

/// One of these sockets.
#[derive(Debug)]
pub(super) struct Second {
    socket: RawSocket,
    queue: Queue,
    /// The interface, for the log.
    name: Box<str>,
    /// Since the window began.
    read: u32,
    loss: Loss,
}

impl Strays {
    /// None yet. Must be called inside a tokio runtime.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            ready: Ready::new()?,
            window: None,
            active: BTreeSet::new(),
            asks: false,
        })
    }

    /// From now on, as the port of that number.
    pub(super) fn watch(&self, second: &Second, number: usize) -> io::Result<()> {
        self.ready.watch(second, second.queue.place(number))
    }

    /// No longer.
    pub(super) fn ignore(&self, second: &Second) -> io::Result<()> {
        match second.is_due() {
            true => self.ready.ignore(second),
            false => Ok(()),
        }
    }

    /// The port has another number from now on.
    pub(super) fn renumber(&self, second: &Second, number: usize) -> io::Result<()> {
        match second.is_due() {
            true => self.ready.renumber(second, second.queue.place(number)),
            // It isn't watched before the window is over.
            false => Ok(()),
        }
    }

    /// All ports have other numbers from now on.
    pub(super) fn renumbered(&mut self, ports: &mut [Port]) {
        self.ready.forget();
        self.active.clear();
        for (number, port) in ports.iter_mut().enumerate() {
            let is_active = |second: &&mut Second| second.read > 0 || second.loss.flood;
            let active = Queue::ALL.into_iter();
            let active = active.filter(|queue| port.second(*queue).as_ref().is_some_and(is_active));
            self.active.extend(active.map(|queue| queue.place(number)));
        }
    }

    /// A port that may have something to read in one of these sockets, if it is time for that. At the
    /// end of a window, what was watched by `ready` before may be again.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        ports: &mut [Port],
        ready: &Ready,
    ) -> Poll<(Queue, usize)> {
        self.poll_window(cx, ports, ready);
        self.ready.poll_told(cx).map(Queue::of)
    }

    /// Whether somebody should say again whom to prefer.
    pub(super) fn asks(&mut self) -> bool {
        std::mem::take(&mut self.asks)
    }

    /// It was read, as the port of that number.
    pub(super) fn was_read(&mut self, cx: &mut Context<'_>, second: &Second, number: usize) {
        if !second.is_due()
            && let Err(e) = self.ready.ignore(second)
        {
            debug!("can't leave a socket alone: {e}");
        }
        self.active.insert(second.queue.place(number));
        self.begin_window(cx);
    }

    fn begin_window(&mut self, cx: &mut Context<'_>) {
        if self.window.is_some() {
            return;
        }
        let mut window = Box::pin(sleep(WINDOW));
        if window.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        self.window = Some(window);
    }

    /// At the end of a window the next one begins if there is a flood, or else with the next stray.
    fn poll_window(&mut self, cx: &mut Context<'_>, ports: &mut [Port], ready: &Ready) {
        let over = |window: &mut Pin<Box<Sleep>>| window.as_mut().poll(cx).is_ready();
        if !self.window.as_mut().is_some_and(over) {
            return;
        }
        self.window = None;
        for place in std::mem::take(&mut self.active) {
            let (queue, number) = Queue::of(place);
            let Some(port) = ports.get_mut(number) else {
                continue;
            };
            let Some(second) = port.second(queue) else {
                continue;
            };
            if !second.is_due()
                && let Err(e) = self.ready.watch(second, place)
            {
                debug!("can't watch a socket any more: {e}");
            }
            second.read = 0;
            second.look_at_loss();
            if second.loss.flood {
                self.active.insert(place);
                self.asks |= queue == Queue::Crowd;
            } else if queue == Queue::Crowd {
                port.disperse(ready, self, number);
            }
        }
        if !self.active.is_empty() {
            self.begin_window(cx);
        }
    }
}

impl Second {
    /// The socket's filter passes nothing else.
    pub(super) fn new(name: &str, socket: RawSocket, queue: Queue) -> Self {
        let seen = socket.dropped().unwrap_or(0);
        Self {
            socket,
            queue,
            name: name.into(),
            read: 0,
            loss: Loss {
                seen,
                ..Loss::default()
            },
        }
    }

    pub(super) fn socket(&self) -> &RawSocket {
        &self.socket
    }

    pub(super) fn into_socket(self) -> RawSocket {
        self.socket
    }

    /// Whether it may be read in this window. It is watched as long as it may.
    const fn is_due(&self) -> bool {
        self.read < self.queue.at_once()
    }

    /// The next packet; `None` for what isn't a whole packet.
    pub(super) fn receive(
        &mut self,
        interface: InterfaceId,
        buffer: &mut [u8],
    ) -> io::Result<Option<Received>> {
        if !self.is_due() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let received = self.socket.receive(interface, buffer)?;
        self.read += 1;
        Ok(received)
    }

    fn look_at_loss(&mut self) {
        let Ok(dropped) = self.socket.dropped() else {
            return;
        };
        let interface = &*self.name;
        let Some(news) = self.loss.count(dropped) else {
            return;
        };
        match (news, self.queue) {
            (News::Begins, Queue::Strays) => warn!(
                interface,
                "a flood of adverts that can't be ours; most are dropped unread"
            ),
            (News::Begins, Queue::Crowd) => warn!(
                interface,
                "a flood of adverts that may be ours; those of routers that are known are read first"
            ),
            (News::Ended(dropped), _) => {
                info!(interface, dropped, "the flood of adverts is over");
            }
        }
    }
}

impl AsFd for Second {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What was lost of a flood. The kernel's counter may begin again.
#[derive(Debug, Default)]
struct Loss {
    seen: u32,
    flood: bool,
    lost: u64,
    calm: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum News {
    Begins,
    /// With so many lost.
    Ended(u64),
}

impl Loss {
    /// At the end of a window, what the kernel's counter shows.
    fn count(&mut self, dropped: u32) -> Option<News> {
        let lost = dropped.wrapping_sub(self.seen);
        self.seen = dropped;
        self.lost += u64::from(lost);
        self.calm = if lost == 0 { self.calm + 1 } else { 0 };
        match self.flood {
            false if lost > 0 => {
                self.flood = true;
                Some(News::Begins)
            }
            true if self.calm >= CALM => {
                self.flood = false;
                Some(News::Ended(std::mem::take(&mut self.lost)))
            }
            true | false => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_of_twice_whatever_happens_in_between() {
        let mut loss = Loss::default();
        assert_eq!(loss.count(0), None);
        assert_eq!(loss.count(u32::MAX), Some(News::Begins));
        assert_eq!(loss.count(4), None, "the counter began again: five more");
        for _ in 0..CALM - 1 {
            assert_eq!(loss.count(4), None);
        }
        assert_eq!(loss.count(5), None, "not over");
        for _ in 0..CALM - 1 {
            assert_eq!(loss.count(5), None);
        }
        let lost = u64::from(u32::MAX) + 6;
        assert_eq!(loss.count(5), Some(News::Ended(lost)));
        assert_eq!(loss.count(6), Some(News::Begins));
    }
}
