//! TCP: a connection is accepted. It is closed at once; nothing is said on it.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

/// Ready when `target` accepts.
pub(super) async fn ask(target: SocketAddr) -> io::Result<()> {
    TcpStream::connect(target).await.map(drop)
}
