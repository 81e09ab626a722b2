//! HTTP: a GET is answered with the expected status. HTTP/1.1 in clear, no redirects.
//!
//! Only the status line is read, and never more than [`STATUS_LINE_MAX`] bytes: a server that
//! answers without end costs nothing.

use std::io;

use locum_engine::probe::HttpTarget;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Generous: a status line has some twenty bytes.
const STATUS_LINE_MAX: usize = 1024;

/// Ready when `target` answers with `status`; an error for any other answer.
pub(super) async fn ask(target: HttpTarget, status: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect(target.address).await?;
    stream.write_all(request(&target).as_bytes()).await?;
    let mut line = [0; STATUS_LINE_MAX];
    let mut length = 0;
    while length < line.len() && !line[..length].contains(&b'\n') {
        let read = stream.read(&mut line[length..]).await?;
        if read == 0 {
            break;
        }
        length += read;
    }
    match status_of(&line[..length]) {
        Some(found) if found == status => Ok(()),
        Some(found) => Err(io::Error::other(format!("status {found}, not {status}"))),
        None => Err(io::Error::other("the answer is not HTTP")),
    }
}

fn request(target: &HttpTarget) -> String {
    let HttpTarget { host, path, .. } = target;
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: locum/{version}\r\n\
         Accept: */*\r\nConnection: close\r\n\r\n"
    )
}

/// The code of a status line (RFC 9112 4): `HTTP/1.x`, a blank, three digits, a blank or the end.
fn status_of(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|b| matches!(b, b'\r' | b'\n')).next()?;
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (minor, rest) = rest.split_first()?;
    let digits = rest.strip_prefix(b" ")?;
    let (code, rest) = digits.split_at_checked(3)?;
    let sound = minor.is_ascii_digit() && matches!(rest.first(), None | Some(b' '));
    let code = std::str::from_utf8(code).ok().filter(|_| sound)?;
    code.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| code.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_status_and_nothing_else() {
        assert_eq!(status_of(b"HTTP/1.1 200 OK\r\nx"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 503"), Some(503));
        assert_eq!(status_of(b"HTTP/1.1 200\n"), Some(200));
        for wrong in [
            &b""[..],
            b"HTTP/1.1",
            b"HTTP/1.1 20",
            b"HTTP/1.1 2000 x",
            b"HTTP/2 200",
            b"HTTP/1.1 +20 x",
            b"SSH-2.0-x\r\n",
        ] {
            assert_eq!(status_of(wrong), None, "{wrong:?}");
        }
    }
}
