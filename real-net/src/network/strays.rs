//! What can't be for us, read at leisure: a few at a time, so that a flood of it costs little, and
//! every ordinary mistake in a network is still counted and told.

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

/// So many are read of each port...
const AT_ONCE: u32 = 64;
/// ...in this time.
const WINDOW: Duration = Duration::from_millis(100);
/// Bytes that may wait meanwhile. The kernel counts its own structures, and so takes twice as much:
/// some hundred small packets.
pub(super) const QUEUE: usize = 32 * 1024;
/// After so many windows without a loss a flood is over.
const CALM: u32 = 20;

/// The second sockets of all ports.
#[derive(Debug)]
pub(super) struct Strays {
    ready: Ready,
    window: Option<Pin<Box<Sleep>>>,
    /// Ports that were read since the window began, and those with a flood.
    active: BTreeSet<usize>,
}

/// The second socket of a port.
#[derive(Debug)]
pub(super) struct Second {
    socket: RawSocket,
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
        })
    }

    /// From now on, as the port of that number.
    pub(super) fn watch(&self, second: &Second, number: usize) -> io::Result<()> {
        self.ready.watch(second, number)
    }

    /// The port has another number from now on.
    pub(super) fn renumber(&self, second: &Second, number: usize) -> io::Result<()> {
        match second.is_due() {
            true => self.ready.renumber(second, number),
            // It isn't watched before the window is over.
            false => Ok(()),
        }
    }

    /// All ports have other numbers from now on.
    pub(super) fn renumbered(&mut self, ports: &mut [Port]) {
        self.ready.forget();
        let is_active = |port: &mut Port| port.strays().is_some_and(|s| s.read > 0 || s.loss.flood);
        let active = ports.iter_mut().enumerate();
        let active = active.filter_map(|(number, port)| is_active(port).then_some(number));
        self.active = active.collect();
    }

    /// A port whose second socket may have something to read, if it is time for that.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>, ports: &mut [Port]) -> Poll<usize> {
        self.poll_window(cx, ports);
        self.ready.poll_told(cx)
    }

    /// It was read, as the port of that number.
    pub(super) fn was_read(&mut self, cx: &mut Context<'_>, second: &Second, number: usize) {
        if !second.is_due()
            && let Err(e) = self.ready.ignore(second)
        {
            debug!("can't leave a socket alone: {e}");
        }
        self.active.insert(number);
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
    fn poll_window(&mut self, cx: &mut Context<'_>, ports: &mut [Port]) {
        let over = |window: &mut Pin<Box<Sleep>>| window.as_mut().poll(cx).is_ready();
        if !self.window.as_mut().is_some_and(over) {
            return;
        }
        self.window = None;
        for number in std::mem::take(&mut self.active) {
            let Some(second) = ports.get_mut(number).and_then(Port::strays) else {
                continue;
            };
            if !second.is_due()
                && let Err(e) = self.ready.watch(second, number)
            {
                debug!("can't watch a socket any more: {e}");
            }
            second.read = 0;
            second.look_at_loss();
            if second.loss.flood {
                self.active.insert(number);
            }
        }
        if !self.active.is_empty() {
            self.begin_window(cx);
        }
    }
}

impl Second {
    /// The socket passes nothing but strays.
    pub(super) fn new(name: &str, socket: RawSocket) -> Self {
        Self {
            socket,
            name: name.into(),
            read: 0,
            loss: Loss::default(),
        }
    }

    pub(super) fn socket(&self) -> &RawSocket {
        &self.socket
    }

    /// Whether it may be read in this window. It is watched as long as it may.
    const fn is_due(&self) -> bool {
        self.read < AT_ONCE
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
        match self.loss.count(dropped) {
            Some(News::Begins) => {
                warn!(
                    interface,
                    "a flood of adverts that can't be ours; most are dropped unread"
                );
            }
            Some(News::Ended(dropped)) => {
                info!(
                    interface,
                    dropped, "the flood of adverts that can't be ours is over"
                );
            }
            None => {}
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
