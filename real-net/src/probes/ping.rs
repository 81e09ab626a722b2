//! ICMP echo over IPv4, one question and one answer.
//!
//! A raw socket where that is allowed; else the kernel's own ping socket, which any user whose
//! group is in `net.ipv4.ping_group_range` may open.

use std::future::poll_fn;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use locum_engine::wire::icmp::Echo;
use locum_engine::wire::ipv4;
use nix::time::{ClockId, clock_gettime};
use socket2::{Domain, Protocol, Socket, Type};

use crate::sys::readable::Readable;

/// More than the answer to our question can have: IP options, header, the token.
const ANSWER_MAX: usize = 256;

/// Ready when `target` answers; an error when the network says that it can't. Waits for ever
/// otherwise: the caller has the clock.
pub(super) async fn ask(target: Ipv4Addr) -> io::Result<()> {
    let (socket, raw) = open()?;
    // Connected, the socket takes only what comes from there, and learns of refusals.
    socket.connect(&SocketAddr::from((target, 0)).into())?;
    let token = token();
    // A ping socket replaces the identifier by its own; the token tells answers apart.
    let question = Echo {
        reply: false,
        id: u16::from_ne_bytes([token[0], token[1]]),
        sequence: 1,
        payload: &token,
    };
    socket.send(&question.encode())?;
    let socket = Readable::new(socket)?;
    let mut buffer = [0; ANSWER_MAX];
    loop {
        let length = poll_fn(|cx| socket.poll_read(cx, |mut s| s.read(&mut buffer))).await?;
        if is_answer(&buffer[..length], raw, &token) {
            return Ok(());
        }
    }
}

fn open() -> io::Result<(Socket, bool)> {
    let protocol = Some(Protocol::ICMPV4);
    let (socket, raw) = match Socket::new(Domain::IPV4, Type::RAW, protocol) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            (Socket::new(Domain::IPV4, Type::DGRAM, protocol)?, false)
        }
        socket => (socket?, true),
    };
    socket.set_nonblocking(true)?;
    Ok((socket, raw))
}

fn is_answer(message: &[u8], raw: bool, token: &[u8]) -> bool {
    let echo = if raw {
        let Ok(packet) = ipv4::View::new(message) else {
            return false;
        };
        Echo::parse(packet.payload())
    } else {
        Echo::parse(message)
    };
    echo.is_some_and(|e| e.reply && e.payload == token)
}

/// Unlike any other on this host: a count, the process, the time.
fn token() -> [u8; 24] {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock");
    let time = (now.tv_sec() * 1_000_000_000 + now.tv_nsec()).cast_unsigned();
    let process = u64::from(std::process::id());
    let mut token = [0; 24];
    for (bytes, word) in token.chunks_exact_mut(8).zip([count ^ time, process, time]) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reply_with_our_token_counts() {
        let (ours, other) = (token(), token());
        assert_ne!(ours, other);
        let echo = |reply, payload: &[u8]| {
            let echo = Echo {
                reply,
                id: 1,
                sequence: 1,
                payload,
            };
            echo.encode()
        };
        assert!(is_answer(&echo(true, &ours), false, &ours));
        assert!(!is_answer(&echo(false, &ours), false, &ours));
        assert!(!is_answer(&echo(true, &other), false, &ours));
        assert!(!is_answer(&echo(true, &ours), true, &ours), "no IP header");
        assert!(!is_answer(&[], false, &ours));
    }
}
