//! ICMP and ICMPv6 echo, one question and one answer.
//!
//! A raw socket where that is allowed; else the kernel's own ping socket, which any user whose
//! group is in `net.ipv4.ping_group_range` may open.

use std::future::poll_fn;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use locum_engine::wire::icmp::Echo;
use locum_engine::wire::ipv4;
use nix::time::{ClockId, clock_gettime};
use socket2::{Domain, Protocol, Socket, Type};

use crate::sys::readable::Readable;

/// More than the answer to our question can have: IP options, header, the token.
const ANSWER_MAX: usize = 256;
/// ICMPv6 echo (RFC 4443 4): type, code, checksum, then identifier, sequence and data.
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;
const ECHO_HEADER: usize = 8;

/// What stands around an answer, as the socket gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// An IPv4 header in front: a raw socket.
    Packet,
    /// ICMP alone.
    Message,
    /// ICMPv6 alone; the kernel does its checksums.
    MessageV6,
}

/// Ready when `target` answers; an error when the network says that it can't. Waits for ever
/// otherwise: the caller has the clock.
pub(super) async fn ask(target: IpAddr) -> io::Result<()> {
    let (socket, form) = open(target)?;
    // Connected, the socket takes only what comes from there, and learns of refusals.
    socket.connect(&SocketAddr::from((target, 0)).into())?;
    let token = token();
    socket.send(&question(form, &token))?;
    let socket = Readable::new(socket)?;
    let mut buffer = [0; ANSWER_MAX];
    loop {
        let length = poll_fn(|cx| socket.poll_read(cx, |mut s| s.read(&mut buffer))).await?;
        if is_answer(&buffer[..length], form, &token) {
            return Ok(());
        }
    }
}

fn open(target: IpAddr) -> io::Result<(Socket, Form)> {
    let (domain, protocol, raw_form, form) = match target {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, Form::Packet, Form::Message),
        IpAddr::V6(_) => (
            Domain::IPV6,
            Protocol::ICMPV6,
            Form::MessageV6,
            Form::MessageV6,
        ),
    };
    let (socket, form) = match Socket::new(domain, Type::RAW, Some(protocol)) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            (Socket::new(domain, Type::DGRAM, Some(protocol))?, form)
        }
        socket => (socket?, raw_form),
    };
    socket.set_nonblocking(true)?;
    Ok((socket, form))
}

/// A ping socket replaces the identifier by its own; the token tells answers apart.
fn question(form: Form, token: &[u8]) -> Vec<u8> {
    if form == Form::MessageV6 {
        let mut message = vec![ECHO_REQUEST_V6, 0, 0, 0, token[0], token[1], 0, 1];
        message.extend_from_slice(token);
        return message;
    }
    let echo = Echo {
        reply: false,
        id: u16::from_be_bytes([token[0], token[1]]),
        sequence: 1,
        payload: token,
    };
    echo.encode()
}

fn is_answer(bytes: &[u8], form: Form, token: &[u8]) -> bool {
    let echo = match form {
        Form::MessageV6 => {
            let data = bytes.get(ECHO_HEADER..);
            return bytes.first() == Some(&ECHO_REPLY_V6) && data == Some(token);
        }
        Form::Packet => ipv4::View::new(bytes)
            .ok()
            .and_then(|packet| Echo::parse(packet.payload())),
        Form::Message => Echo::parse(bytes),
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
        assert!(is_answer(&echo(true, &ours), Form::Message, &ours));
        assert!(!is_answer(&echo(false, &ours), Form::Message, &ours));
        assert!(!is_answer(&echo(true, &other), Form::Message, &ours));
        let bare = is_answer(&echo(true, &ours), Form::Packet, &ours);
        assert!(!bare, "no IP header");
        let mut v6 = question(Form::MessageV6, &ours);
        assert!(!is_answer(&v6, Form::MessageV6, &ours), "our own question");
        v6[0] = ECHO_REPLY_V6;
        assert!(is_answer(&v6, Form::MessageV6, &ours));
        assert!(!is_answer(&v6, Form::MessageV6, &other));
        for form in [Form::Packet, Form::Message, Form::MessageV6] {
            assert!(!is_answer(&[], form, &ours));
        }
    }
}
