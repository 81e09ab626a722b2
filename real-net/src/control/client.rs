//! The other end of the control socket: what `locum status` and the other commands use.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::message::{Line, Request};

/// A daemon that says nothing for so long doesn't run its loop any more. A drain may take longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest line that is taken: one instance with everything it may have.
const LINE_MAX: u64 = 1 << 24;

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<UnixStream>,
}

/// Why the daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error(
        "no daemon listens at {0}: is locum running, and with this control socket? (--control PATH)"
    )]
    NotRunning(String),
    /// The socket is somebody else's.
    #[error("{0}: only root and the daemon's own user may control it")]
    NotAllowed(String),
    /// It has gone away, or hangs.
    #[error("the daemon doesn't answer: {0}")]
    Silent(#[source] io::Error),
    /// It is of another version.
    #[error("the daemon's answer can't be understood: {0}")]
    Strange(#[source] serde_json::Error),
}

impl Client {
    /// Connects to the daemon at that socket.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(socket: &Path) -> Result<Self, ClientError> {
        let name = || socket.display().to_string();
        let stream = UnixStream::connect(socket).map_err(|e| match e.kind() {
            io::ErrorKind::PermissionDenied => ClientError::NotAllowed(name()),
            _ => ClientError::NotRunning(name()),
        })?;
        stream
            .set_write_timeout(Some(PATIENCE))
            .map_err(ClientError::Silent)?;
        Ok(Self {
            reader: BufReader::new(stream),
        })
    }

    /// Asks, and hands every line of the answer but the last to `take`. Returns whether what was
    /// asked for has been done.
    ///
    /// # Errors
    /// When the daemon doesn't answer, or not in a way that can be understood.
    pub fn ask(
        &mut self,
        request: &Request,
        mut take: impl FnMut(Line),
    ) -> Result<bool, ClientError> {
        let patience = match request {
            Request::Drain { within, .. } => {
                PATIENCE * 30 + Duration::try_from_secs_f64(*within * 4.0).unwrap_or_default()
            }
            _ => PATIENCE,
        };
        let stream = self.reader.get_mut();
        stream
            .set_read_timeout(Some(patience))
            .map_err(ClientError::Silent)?;
        let mut text = serde_json::to_vec(request).map_err(ClientError::Strange)?;
        text.push(b'\n');
        stream.write_all(&text).map_err(ClientError::Silent)?;
        loop {
            text.clear();
            let mut bounded = (&mut self.reader).take(LINE_MAX);
            let read = bounded.read_until(b'\n', &mut text);
            if read.map_err(ClientError::Silent)? == 0 {
                let gone = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(ClientError::Silent(gone));
            }
            match serde_json::from_slice(&text).map_err(ClientError::Strange)? {
                Line::End(end) => return Ok(end.ok),
                line => take(line),
            }
        }
    }
}
