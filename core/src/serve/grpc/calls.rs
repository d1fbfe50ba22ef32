//! Calls, counted and bounded: each has a place from its beginning to the end of its answer, and each that did not end
//! well is counted, whoever refused it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::codegen::{Body as HttpBody, Bytes, Service};
use tonic::{Code, Status};

use super::status::status;
use crate::error::{Error, ErrorKind};

/// The most calls at once, over all connections.
pub(super) const CALLS_MAX: usize = 1_000;

/// How many calls there were.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) calls: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// A service whose calls are counted and bounded.
#[derive(Clone)]
pub(super) struct Calls<S> {
    inner: S,
    places: Arc<Semaphore>,
    counts: Arc<Counts>,
}

impl<S> Calls<S> {
    pub(super) fn over(inner: S, counts: Arc<Counts>) -> Self {
        Calls { inner, places: Arc::new(Semaphore::new(CALLS_MAX)), counts }
    }
}

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.counts.calls.fetch_add(1, Ordering::Relaxed);
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
            let message = format!("{CALLS_MAX} calls are at work, which is the most: come again");
            let refused = status(&Error::new(ErrorKind::Limit, message)).into_http();
            return Box::pin(std::future::ready(Ok(refused)));
        };
        let (answer, counts) = (self.inner.call(request), Arc::clone(&self.counts));
        Box::pin(async move {
            let (parts, body) = answer.await?.into_parts();
            counts.look_at(&parts.headers);
            Ok(Response::from_parts(parts, Body::new(Answer { body, counts, _place: place })))
        })
    }
}

impl Counts {
    /// A status that is no success counts; it is in the headers of an answer without content, or in the trailers.
    fn look_at(&self, headers: &HeaderMap) {
        if Status::from_header_map(headers).is_some_and(|status| status.code() != Code::Ok) {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The rest of an answer, which keeps the place of its call.
struct Answer {
    body: Body,
    counts: Arc<Counts>,
    _place: OwnedSemaphorePermit,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.counts.look_at(trailers);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
