//! What a socket's queue had no room for.
#![expect(unsafe_code, reason = "see the argument at the block")]

use std::io;
use std::os::fd::AsRawFd;

/// linux/sock_diag.h: where in the numbers that `SO_MEMINFO` gives.
const DROPS: usize = 8;

/// How many packets the kernel has dropped since the socket was opened because its queue was full.
/// Begins again after 2^32.
pub(crate) fn dropped(socket: &impl AsRawFd) -> io::Result<u32> {
    let mut numbers = [0_u32; DROPS + 1];
    let mut length = size_of_val(&numbers) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `numbers`, which has that many and may
    // hold any bits, and the bytes it has written to `length`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            numbers.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(numbers[DROPS])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn a_queue_that_is_full_drops() {
        let hears = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket2::SockRef::from(&hears)
            .set_recv_buffer_size(4096)
            .expect("a small queue");
        assert_eq!(dropped(&hears).expect("it says"), 0);
        let to = hears.local_addr().expect("it is bound");
        for _ in 0..200 {
            hears.send_to(&[0; 100], to).expect("loopback takes it");
        }
        let lost = dropped(&hears).expect("it says");
        assert!((1..200).contains(&lost), "{lost}");
    }
}
