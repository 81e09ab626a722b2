//! What can't be for us, read at leisure: a few at a time, so that a flood of it costs little, and
//! every ordinary mistake in a network is still counted and told.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use locum_engine::driver::Received;
use locum_engine::ids::InterfaceId;
use tokio::time::{Sleep, sleep};
use tracing::{info, warn};

use super::socket::RawSocket;
use crate::sys::readable::Readable;

/// So many are read...
const AT_ONCE: u32 = 64;
/// ...in this time.
const WINDOW: Duration = Duration::from_millis(100);
/// Bytes that may wait meanwhile. The kernel counts its own structures, and so takes twice as much:
/// some hundred small packets.
pub(super) const QUEUE: usize = 32 * 1024;
/// After so many windows without a loss a flood is over.
const CALM: u32 = 20;

/// The second socket of a port.
#[derive(Debug)]
pub(super) struct Strays {
    socket: Readable<RawSocket>,
    /// The interface, for the log.
    name: Box<str>,
    /// Since the window began.
    read: u32,
    window: Option<Pin<Box<Sleep>>>,
    loss: Loss,
}

impl Strays {
    /// The socket passes nothing but strays.
    pub(super) fn new(name: &str, socket: RawSocket) -> io::Result<Self> {
        Ok(Self {
            socket: Readable::new(socket)?,
            name: name.into(),
            read: 0,
            window: None,
            loss: Loss::default(),
        })
    }

    pub(super) fn socket(&self) -> &RawSocket {
        self.socket.get()
    }

    /// Ready with the next one, if it is time for it.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        interface: InterfaceId,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Option<Received>>> {
        let over = |window: &mut Pin<Box<Sleep>>| window.as_mut().poll(cx).is_ready();
        if self.window.as_mut().is_some_and(over) {
            (self.window, self.read) = (None, 0);
            self.look_at_loss();
            if self.loss.flood {
                self.begin_window(cx);
            }
        }
        if self.read >= AT_ONCE {
            return Poll::Pending;
        }
        let received = ready!(self.socket.poll_read(cx, |s| s.receive(interface, buffer)));
        self.read += 1;
        if self.window.is_none() {
            self.begin_window(cx);
        }
        Poll::Ready(received)
    }

    fn begin_window(&mut self, cx: &mut Context<'_>) {
        let mut window = Box::pin(sleep(WINDOW));
        if window.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        self.window = Some(window);
    }

    fn look_at_loss(&mut self) {
        let Ok(dropped) = self.socket.get().dropped() else {
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
