//! HTTP: from the socket to a [`Request`] and from a [`Reply`] back to the socket.

use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body as HttpBody, Bytes, HttpBody as HttpBodyTrait, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use http_body::Frame;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};

use super::clock::http_date;
use super::delivery::{Cut, deliver};
use super::errors::Failure;
use super::owner::{Answered, Owner};
use super::relay::{Door, NOT_OWNER, Outcome, Parcel, RELAYED};
use super::request::{Body, Reply, Request, Stream};

/// How many pieces of a body may wait for the caller to take them.
const WAITING: usize = 4;
/// No body that Conditional Access knows is larger.
const LARGEST_BODY: usize = 4 << 20;
/// How long requests in flight may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(5);

/// What an answer needs to know of where its request came in.
#[derive(Debug, Clone)]
struct Entrance {
    door: Arc<Door>,
    /// `http` or `https`, as the caller said it.
    scheme: &'static str,
}

/// Serves a listener until told to stop, and finishes what is in flight.
pub(super) async fn serve<L>(
    listener: L,
    scheme: &'static str,
    door: &Arc<Door>,
    mut stopped: watch::Receiver<bool>,
) where
    L: Listener,
    L::Addr: Debug,
    Cut: for<'a> Connected<IncomingStream<'a, L>>,
{
    let (quiet, hushed) = oneshot::channel();
    let routes = Router::new().fallback(answer).with_state(Entrance {
        door: Arc::clone(door),
        scheme,
    });
    let service = routes.into_make_service_with_connect_info::<Cut>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        // Changed, or nobody is left who could: both mean stop.
        let _ = stopped.changed().await;
        let _ = quiet.send(());
    });
    tokio::select! {
        _ = async { server.await } => {}
        () = async {
            let _ = hushed.await;
            tokio::time::sleep(GRACE).await;
        } => {}
    }
}

async fn answer(
    State(entrance): State<Entrance>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    http: HttpRequest,
) -> Response {
    let is_relayed = http.headers().contains_key(RELAYED);
    let response = found(&entrance, http).await;
    if is_relayed {
        // The relay has the caller's connection; ours is only the way to it.
        return response;
    }
    deliver(response, &cut).await
}

async fn found(Entrance { door, scheme }: &Entrance, http: HttpRequest) -> Response {
    let (head, body) = http.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or_else(|| head.uri.path().to_owned(), ToString::to_string);
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return failure(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "the body is too large",
        );
    };
    let mut parcel = Parcel {
        method: head.method,
        target,
        headers: head.headers,
        body,
        scheme,
    };
    let relayed = parcel.headers.get(RELAYED).cloned();
    if parcel.scheme == "http" && relayed.as_ref().is_some_and(|scheme| scheme == "https") {
        // The caller came in by another process's TLS door.
        parcel.scheme = "https";
    }
    if let Some(owner) = door.owned() {
        return answer_owned(door, owner, parcel).await;
    }
    if relayed.is_some() {
        let mut response = failure(
            StatusCode::SERVICE_UNAVAILABLE,
            "serviceNotAvailable",
            "this process does not own the sandbox",
        );
        response
            .headers_mut()
            .insert(NOT_OWNER, HeaderValue::from_static("1"));
        return response;
    }
    match door.find(&parcel).await {
        Outcome::Own(owner) => answer_owned(door, owner, parcel).await,
        Outcome::Relayed(response) => response,
        Outcome::Broken => failure(
            StatusCode::BAD_GATEWAY,
            "UnknownError",
            "the process that owns the sandbox broke off; what came of the request is not known",
        ),
        Outcome::Nobody(why) => {
            failure(StatusCode::SERVICE_UNAVAILABLE, "serviceNotAvailable", &why)
        }
    }
}

async fn answer_owned(door: &Door, owner: Arc<Owner>, parcel: Parcel) -> Response {
    let recording = door.recording();
    let mut request = Request::new(
        parcel.method.as_str(),
        &parcel.target,
        readable(&parcel.headers),
        parcel.body.to_vec(),
        &origin(parcel.scheme, &parcel.headers),
    );
    // The log is synced before the answer, which may take a while: not on the runtime's own threads.
    tokio::task::spawn_blocking(move || {
        let Answered { reply, now, fault } = owner.answer(&mut request);
        if let Some(recording) = recording {
            recording.append(&request, &reply, fault);
        }
        response(reply, now, request.header("client-request-id"))
    })
    .await
    .unwrap_or_else(|_| {
        failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "the sandbox failed at this request",
        )
    })
}

/// The headers that are text, by lower-case name.
fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

/// The origin the caller used, so that the links it gets lead back through its own door.
fn origin(scheme: &str, headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte))
        })
        .unwrap_or("localhost");
    format!("{scheme}://{host}")
}

fn response(reply: Reply, now: Timestamp, client_request_id: Option<&str>) -> Response {
    let content_type = reply.body.content_type();
    let body = match reply.body {
        Body::Empty => HttpBody::empty(),
        Body::Json(value) => HttpBody::from(serde_json::to_vec(&value).unwrap_or_default()),
        Body::Text(text) => HttpBody::from(text),
        Body::Stream(stream) => HttpBody::new(Pieces::of(stream)),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put("date", &http_date(now));
    if let Some(id) = client_request_id {
        put("client-request-id", id);
    }
    for (name, value) in &reply.headers {
        put(name, value);
    }
    reply.delivery.put_on(&mut response);
    response
}

/// A body on its way: written on a thread of its own, no faster than the caller takes it.
struct Pieces(mpsc::Receiver<Bytes>);

impl Pieces {
    fn of(stream: Stream) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            stream.write(&mut |piece| sender.blocking_send(Bytes::from(piece)).is_ok());
        });
        Self(receiver)
    }
}

impl HttpBodyTrait for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// An answer of the door itself, where no tenant and so no clock is at hand.
fn failure(status: StatusCode, code: &'static str, message: &str) -> Response {
    // synthetic: these conditions exist in the sandbox only.
    let failure = Failure::new(status.as_u16(), code, message);
    let body = json!({"error": {"code": failure.code, "message": failure.message}});
    let mut response = Response::new(HttpBody::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
