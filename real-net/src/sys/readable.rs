//! Descriptors that the runtime watches for being readable.
#![expect(unsafe_code, reason = "see the argument at the block")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor registered with the runtime. Never handed out mutably, so it stays the same one.
#[derive(Debug)]
pub(crate) struct Readable<T: AsFd>(AsyncFd<Raw<T>>);

#[derive(Debug)]
struct Raw<T>(T);

impl<T: AsFd> AsRawFd for Raw<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl<T: AsFd> Readable<T> {
    /// Registers `inner`, which must not block. Must be called inside a tokio runtime.
    pub(crate) fn new(inner: T) -> io::Result<Self> {
        // SAFETY: `AsFd` lends a descriptor that is open while `inner` is borrowed, and `inner`
        // is owned by the `AsyncFd` from here on. The types used in this crate (timerfd, socket2
        // and netlink sockets) own one descriptor each and never exchange it; nothing outside
        // gets them mutably.
        let registered = unsafe { AsyncFd::register_with_interest(Raw(inner), Interest::READABLE) };
        Ok(Self(registered?))
    }

    /// What was registered.
    pub(crate) fn get(&self) -> &T {
        &self.0.get_ref().0
    }

    /// Calls `read` while the descriptor is readable and until it doesn't say `WouldBlock`.
    ///
    /// Pending only after the waker is registered, so no edge is lost. An error of the descriptor
    /// is the caller's; the readiness is kept, because data may lie behind the error.
    pub(crate) fn poll_read<R>(
        &self,
        cx: &mut Context<'_>,
        mut read: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(cx))?;
            if let Ok(result) = guard.try_io(|fd| read(&fd.get_ref().0)) {
                return Poll::Ready(result);
            }
        }
    }
}
