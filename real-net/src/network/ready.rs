//! Which ports have something to read: one question for all of them.
//!
//! The runtime tells of a socket once it has looked, and it doesn't look while we work. A deadline
//! must not be honoured before everything is heard that has arrived until then, also after much
//! work; so the kernel is asked directly.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::sys::readable::Readable;

/// So many are asked for at once. The kernel takes turns when there are more.
const AT_ONCE: usize = 64;

/// The sockets of all ports, by number.
#[derive(Debug)]
pub(super) struct Ready {
    all: Readable<All>,
    /// Those that had something when the kernel was last asked: one packet of each is next, so that
    /// a flooded interface can't silence the others.
    next: VecDeque<usize>,
}

#[derive(Debug)]
struct All(Epoll);

impl AsFd for All {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}

impl Ready {
    /// None yet. Must be called inside a tokio runtime.
    pub(super) fn new() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self {
            all: Readable::new(All(epoll))?,
            next: VecDeque::new(),
        })
    }

    /// From now on, until it is closed.
    pub(super) fn watch(&self, socket: &impl AsFd, number: usize) -> io::Result<()> {
        Ok(self.all.get().0.add(socket, event(number))?)
    }

    /// No longer, until it is watched again.
    pub(super) fn ignore(&self, socket: &impl AsFd) -> io::Result<()> {
        Ok(self.all.get().0.delete(socket)?)
    }

    /// The port has another number from now on.
    pub(super) fn renumber(&self, socket: &impl AsFd, number: usize) -> io::Result<()> {
        Ok(self.all.get().0.modify(socket, &mut event(number))?)
    }

    /// What was said of ports is about others now.
    pub(super) fn forget(&mut self) {
        self.next.clear();
    }

    /// A port that may have something to read. Pending only when none has, right now.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.next.is_empty() {
            // What can't be asked is told.
            let _ = ask(self.all.get(), &mut self.next);
        }
        self.poll_told(cx)
    }

    /// The same, as far as the runtime knows: costs no question when nothing has come for long.
    pub(super) fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let Self { all, next } = self;
        loop {
            if let Some(number) = next.pop_front() {
                return Poll::Ready(number);
            }
            match all.poll_read(cx, |all| ask(all, next)) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

fn event(number: usize) -> EpollEvent {
    EpollEvent::new(EpollFlags::EPOLLIN, number as u64)
}

/// Which have something now; at least one, else it would block.
fn ask(all: &All, found: &mut VecDeque<usize>) -> io::Result<()> {
    let mut events = [EpollEvent::empty(); AT_ONCE];
    match all.0.wait(&mut events, EpollTimeout::ZERO)? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        count => {
            let numbers = events[..count].iter().map(EpollEvent::data);
            found.extend(numbers.filter_map(|number| usize::try_from(number).ok()));
            Ok(())
        }
    }
}
