//! Where the daemon is reached while it runs: the control socket and the metrics' address.
//!
//! What the operator asked for and can't be had keeps the daemon from starting. The control socket that
//! it makes unasked is different: a second daemon on the machine goes without, and says so.

use std::io;
use std::path::{Path, PathBuf};

use locum_engine::config::Config;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::control::cli::ControlArgs;
use crate::control::{Control, DEFAULT_SOCKET, Order, Socket};
use crate::desk::Desk;
use crate::metrics::{self, Address, AddressError, Listener};

/// Why it can't be reached as was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// The control socket can't be made.
    #[error("control socket {0}: {1}")]
    Control(String, #[source] io::Error),
    /// The metrics' address can't be listened on.
    #[error("metrics at {0}: {1}")]
    Metrics(String, #[source] io::Error),
    /// It isn't one.
    #[error("`{0}` is no place for metrics: use {1}")]
    Address(String, #[source] AddressError),
}

/// Listens, and serves for as long as the runtime lives. Must be called inside a tokio runtime.
///
/// # Errors
/// When something that was asked for can't be had.
pub fn start(
    args: &ControlArgs,
    config: &Config,
    desk: &Desk,
    orders: mpsc::Sender<Order>,
) -> Result<(), ServingError> {
    let configured = config.operation.control.as_deref().map(PathBuf::from);
    let wanted = args.control.clone().or(configured);
    if let Some(socket) = control(wanted)? {
        Control::new(desk.counter(), orders).serve(socket);
    }
    let configured = config.operation.metrics.as_deref();
    let wanted = args.metrics.as_deref().or(configured);
    if let Some(text) = wanted.filter(|at| *at != "off") {
        let address: Address = text
            .parse()
            .map_err(|e| ServingError::Address(text.to_owned(), e))?;
        let listener = Listener::bind(&address)
            .map_err(|e| ServingError::Metrics(text.to_owned(), held(e)))?;
        info!("metrics at {address}");
        metrics::serve(listener, desk.counter());
    }
    Ok(())
}

fn control(wanted: Option<PathBuf>) -> Result<Option<Socket>, ServingError> {
    match wanted {
        Some(path) if path == Path::new("off") => Ok(None),
        Some(path) => match Socket::bind(&path) {
            Ok(socket) => Ok(Some(socket)),
            Err(e) => Err(ServingError::Control(path.display().to_string(), held(e))),
        },
        None => match Socket::bind(Path::new(DEFAULT_SOCKET)) {
            Ok(socket) => Ok(Some(socket)),
            Err(e) => {
                let e = held(e);
                warn!(
                    "no control socket at {DEFAULT_SOCKET}: {e}; `--control PATH` puts it elsewhere"
                );
                Ok(None)
            }
        },
    }
}

fn held(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::other("another daemon listens there"),
        _ => error,
    }
}
