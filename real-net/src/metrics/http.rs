//! The HTTP server: two paths, GET only, a few clients, none for long.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::Exposition;
use crate::control::Socket;
use crate::desk::{Counter, Job};

/// So many clients are served at once; others are turned away.
const CLIENTS_MAX: usize = 8;
/// A client that hasn't said what it wants within so long is cut off.
const UNDECIDED: Duration = Duration::from_secs(5);
/// A client that hasn't taken everything within so long is cut off.
const STALLED: Duration = Duration::from_secs(30);

/// Where metrics are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A unix socket, for root and the daemon's user.
    Unix(PathBuf),
}

/// Not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address like 127.0.0.1:9650 or [::1]:9650, or a path like /run/locum/metrics.sock")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        text.parse().map(Self::Tcp).map_err(|_| AddressError)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A socket that is listened on.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// Unix.
    Unix(Socket),
}

impl Listener {
    /// Listens. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When somebody else does, or the address isn't ours.
    pub fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener).map(Self::Tcp)
            }
            Address::Unix(path) => Socket::bind(Path::new(path)).map(Self::Unix),
        }
    }
}

/// Serves for as long as the runtime lives.
pub fn serve(listener: Listener, counter: Counter) {
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    tokio::spawn(async move {
        loop {
            let counter = counter.clone();
            let places = Arc::clone(&places);
            let attended = match &listener {
                Listener::Tcp(tcp) => tcp.accept().await.map(|(s, _)| attend(s, counter, places)),
                Listener::Unix(unix) => {
                    let accepted = unix.accept().await;
                    accepted.map(|s| attend(s, counter, places))
                }
            };
            if attended.is_err() {
                // Out of descriptors: they come back when somebody leaves.
                sleep(Duration::from_millis(100)).await;
            }
        }
    });
}

/// One client, one request. Who finds no place is gone at once.
fn attend(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    counter: Counter,
    places: Arc<Semaphore>,
) {
    let Ok(place) = places.try_acquire_owned() else {
        return;
    };
    tokio::spawn(async move {
        let _place = place;
        let service = service_fn(move |request| {
            let counter = counter.clone();
            async move { Ok::<_, Infallible>(answer(&request, counter).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(UNDECIDED)
            .max_buf_size(8192)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        let _ = timeout(STALLED, connection).await;
    });
}

async fn answer(request: &Request<Incoming>, counter: Counter) -> Response<Text> {
    let get = matches!(*request.method(), Method::GET | Method::HEAD);
    match request.uri().path() {
        _ if !get => respond(StatusCode::METHOD_NOT_ALLOWED, Text::of("only GET\n")),
        "/metrics" => respond(StatusCode::OK, Text::scrape(counter)),
        "/healthz" => match timeout(UNDECIDED, counter.ask(Job::Health)).await {
            Ok(Some((_, health))) => respond(StatusCode::OK, Text::of(health.text)),
            _ => respond(
                StatusCode::SERVICE_UNAVAILABLE,
                Text::of("the daemon's loop doesn't answer\n"),
            ),
        },
        _ => respond(
            StatusCode::NOT_FOUND,
            Text::of("there are /metrics and /healthz\n"),
        ),
    }
}

fn respond(status: StatusCode, body: Text) -> Response<Text> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The body of an answer.
enum Text {
    Once(Option<Bytes>),
    /// Portion by portion, as fast as the client takes them.
    Stream(mpsc::Receiver<Bytes>),
}

impl Text {
    fn of(text: impl Into<Bytes>) -> Self {
        Self::Once(Some(text.into()))
    }

    fn scrape(counter: Counter) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut job = Job::Exposition(Exposition::default());
            while let Some((next, portion)) = counter.ask(job).await {
                // Who has gone needs no more. An empty frame would end the answer.
                let text: Bytes = portion.text.into();
                let gone = !text.is_empty() && sender.send(text).await.is_err();
                if gone || portion.last {
                    return;
                }
                job = next;
            }
        });
        Self::Stream(receiver)
    }
}

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.get_mut() {
            Self::Once(text) => Poll::Ready(text.take()),
            Self::Stream(receiver) => receiver.poll_recv(cx),
        };
        next.map(|text| text.map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Once(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Once(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
