//! How an answer goes over the wire: late, in drops, in half, or not at all.
//!
//! It is decided by the owner and carried out by the door that holds the caller's connection; in between
//! it travels as a header, so that a relay does to its caller what the owner would have done.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::connect_info::Connected;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use http_body::Frame;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;

use super::tls::TlsListener;

/// The header between an owner and a relay.
const DELIVERY: &str = "x-sandbox-delivery";

/// How long the first half of a body has to leave before the connection breaks.
const HALF_TIME: Duration = Duration::from_millis(50);
/// The drops of a slow body.
const DROPS: usize = 8;

/// How an answer is delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Delivery {
    /// How late.
    pub(super) late: Duration,
    /// In what shape.
    pub(super) shape: Shape,
}

/// What is left of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Shape {
    /// All of it.
    #[default]
    Whole,
    /// The head and half of the body; then the connection ends.
    Half,
    /// All of it, drop by drop over this time.
    Slow(Duration),
    /// Nothing: the connection is reset.
    Reset,
}

impl Delivery {
    /// At once and whole, but for the shape.
    pub(super) fn shaped(shape: Shape) -> Self {
        Self {
            late: Duration::ZERO,
            shape,
        }
    }

    /// What comes of two on one connection.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            late: self.late + other.late,
            shape: match self.shape {
                Shape::Whole => other.shape,
                shape => shape,
            },
        }
    }

    /// Writes it on an answer.
    pub(super) fn put_on(self, response: &mut Response) {
        if self == Self::default() {
            return;
        }
        let value = serde_json::to_string(&self).unwrap_or_default();
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(DELIVERY, value);
        }
    }

    /// Takes it off an answer.
    fn take_off(response: &mut Response) -> Self {
        response
            .headers_mut()
            .remove(DELIVERY)
            .and_then(|value| serde_json::from_slice(value.as_bytes()).ok())
            .unwrap_or_default()
    }
}

/// Delivers an answer as it says itself.
pub(super) async fn deliver(mut response: Response, cut: &Cut) -> Response {
    let delivery = Delivery::take_off(&mut response);
    if !delivery.late.is_zero() {
        tokio::time::sleep(delivery.late).await;
    }
    match delivery.shape {
        Shape::Whole => response,
        Shape::Reset => {
            cut.cut();
            response
        }
        Shape::Half => in_drops(response, 2, HALF_TIME, true).await,
        Shape::Slow(time) => {
            let pause = time / u32::try_from(DROPS).unwrap_or(1);
            in_drops(response, DROPS, pause, false).await
        }
    }
}

async fn in_drops(response: Response, drops: usize, pause: Duration, breaks: bool) -> Response {
    let (mut head, body) = response.into_parts();
    let (bytes, breaks) = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => {
            head.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            (bytes, breaks)
        }
        // The owner broke off, and so does its relay.
        Err(_) => (Bytes::new(), true),
    };
    let mut left: VecDeque<Bytes> = VecDeque::new();
    let size = bytes.len().div_ceil(drops).max(1);
    for start in (0..bytes.len()).step_by(size) {
        left.push_back(bytes.slice(start..bytes.len().min(start + size)));
    }
    if breaks {
        left.truncate(1);
    }
    let body = Drops {
        left,
        pause,
        waiting: None,
        breaks,
    };
    Response::from_parts(head, Body::new(body))
}

/// A body that comes drop by drop.
struct Drops {
    left: VecDeque<Bytes>,
    pause: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    breaks: bool,
}

impl HttpBody for Drops {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.as_mut().poll(context));
            self.waiting = None;
        }
        match self.left.pop_front() {
            Some(drop) => {
                self.waiting = Some(Box::pin(tokio::time::sleep(self.pause)));
                Poll::Ready(Some(Ok(Frame::data(drop))))
            }
            None if self.breaks => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            None => Poll::Ready(None),
        }
    }
}

/// Cuts a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut(Arc<AtomicBool>);

impl Cut {
    fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A connection that can be cut: from then on nothing goes out, and its end is a reset.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    cut: Cut,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Line {
    fn open(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        if self.cut.is_cut() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(Pin::new(&mut self.get_mut().stream))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.open()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.open()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open()?.poll_shutdown(context)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.cut.is_cut() {
            // Without it the connection would only end, and the caller could take that for an answer.
            let _ = self.stream.set_zero_linger();
        }
    }
}

/// A listener whose connections can be cut.
#[derive(Debug)]
pub(super) struct Lines(pub(super) TcpListener);

impl Listener for Lines {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let cut = Cut::default();
        (Line { stream, cut }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Lines>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().cut.clone()
    }
}

impl Connected<IncomingStream<'_, TlsListener<Lines>>> for Cut {
    fn connect_info(stream: IncomingStream<'_, TlsListener<Lines>>) -> Self {
        stream.io().get_ref().0.cut.clone()
    }
}
