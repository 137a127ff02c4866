//! Time limits on connections and request bodies. A client that sends a byte a minute holds a connection no longer than
//! one that sends nothing.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant, Sleep, sleep_until};

use super::Timeouts;

/// What the service side of a connection tells the socket side.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicU64,
    in_flight: AtomicUsize,
}

impl Activity {
    /// Notes the beginning of a request; dropping the result notes its end.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }
}

pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A deadline that exists only while it is needed.
#[derive(Default)]
struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    /// Starts the deadline unless it runs, and says whether it is over.
    fn passed(&mut self, limit: Duration, context: &mut Context<'_>) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        sleep.as_mut().poll(context).is_ready()
    }

    /// Begins an idle period anew, if one has begun.
    fn extend(&mut self, phase: Phase, limit: Duration) {
        if let (Some(sleep), Phase::Idle) = (&mut self.0, phase) {
            sleep.as_mut().reset(Instant::now() + limit);
        }
    }
}

/// What the client is expected to do next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Send the first byte of a connection, or go on with the head of a request.
    Head,
    /// Send another request, whenever it likes.
    Idle,
}

/// A connection whose client must make progress.
pub(super) struct TimedIo<T> {
    inner: T,
    timeouts: Timeouts,
    activity: Arc<Activity>,
    phase: Phase,
    requests_seen: u64,
    any_read: bool,
    multiplexed: bool,
    reading: Deadline,
    writing: Deadline,
}

impl<T> TimedIo<T> {
    pub(super) fn new(inner: T, timeouts: Timeouts, activity: Arc<Activity>) -> Self {
        Self {
            inner,
            timeouts,
            activity,
            phase: Phase::Head,
            requests_seen: 0,
            any_read: false,
            multiplexed: false,
            reading: Deadline::default(),
            writing: Deadline::default(),
        }
    }

    /// Something arrived. Without a request in flight it is part of a head, whose time began with its first byte. In
    /// HTTP/2, which announces itself with `PRI`, frames between requests mean nothing.
    fn received(&mut self, bytes: &[u8]) {
        if !self.any_read {
            self.any_read = true;
            self.multiplexed = bytes.starts_with(b"PRI");
        }
        if self.phase == Phase::Idle && !self.multiplexed {
            self.phase = Phase::Head;
            self.reading = Deadline::default();
        }
    }

    /// Nothing arrives. Says whether that has lasted too long.
    fn starved(&mut self, context: &mut Context<'_>) -> bool {
        if self.activity.in_flight.load(Ordering::Relaxed) > 0 {
            // The client waits for us; the request body has a limit of its own.
            self.phase = Phase::Idle;
            self.reading = Deadline::default();
            return false;
        }
        let begun = self.activity.begun.load(Ordering::Relaxed);
        if begun != self.requests_seen {
            // A request was answered since the last look.
            self.requests_seen = begun;
            self.phase = Phase::Idle;
            self.reading = Deadline::default();
        }
        let limit = if self.phase == Phase::Head { self.timeouts.head } else { self.timeouts.idle };
        self.reading.passed(limit, context)
    }

    fn watch_write<R>(&mut self, result: Poll<io::Result<R>>, context: &mut Context<'_>) -> Poll<io::Result<R>> {
        if result.is_ready() {
            self.writing = Deadline::default();
            // A client that takes an answer piece by piece is not idle.
            self.reading.extend(self.phase, self.timeouts.idle);
        } else if self.writing.passed(self.timeouts.write, context) {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        result
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TimedIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.inner).poll_read(context, buffer) {
            Poll::Ready(done) => {
                if buffer.filled().len() > before {
                    self.received(&buffer.filled()[before..]);
                }
                Poll::Ready(done)
            }
            Poll::Pending if self.starved(context) => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TimedIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch_write(result, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(context);
        self.watch_write(result, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_shutdown(context);
        self.watch_write(result, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(context, parts);
        self.watch_write(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

/// A request body did not arrive in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the request body did not arrive in time")]
pub struct BodyTimeout;

/// A request body that must end before a deadline.
pub(super) struct TimedBody {
    inner: Incoming,
    limit: Duration,
    deadline: Deadline,
}

impl TimedBody {
    pub(super) fn new(inner: Incoming, limit: Duration) -> Self {
        Self { inner, limit, deadline: Deadline::default() }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let limit = self.limit;
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Poll::Pending if self.deadline.passed(limit, context) => Poll::Ready(Some(Err(BodyTimeout.into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
