//! What clients asked and what they were answered, a line an exchange, for people and tests to read.
//!
//! Tokens and secrets stay out: of the `Authorization` header only its scheme is kept, and of the login
//! half no body. The controls are not recorded; they are no part of Graph.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use super::request::{Body, Reply, Request};

/// What stands in the place of what is left out.
const REDACTED: &str = "[redacted]";

/// A file of exchanges; several processes may append to one.
#[derive(Debug)]
pub(super) struct Recording {
    file: Mutex<File>,
}

#[derive(Serialize)]
struct Exchange<'a> {
    request: Asked<'a>,
    response: Answered<'a>,
    /// The scripted fault that struck; the answer is then what the fault made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
}

#[derive(Serialize)]
struct Asked<'a> {
    method: &'a str,
    target: &'a str,
    headers: BTreeMap<&'a str, &'a str>,
    body: Content<'a>,
}

#[derive(Serialize)]
struct Answered<'a> {
    status: u16,
    headers: BTreeMap<&'a str, &'a str>,
    body: Content<'a>,
}

/// A body: `null` when there is none, a text when it is no JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Nothing,
    Sent(Value),
    Json(&'a Value),
    Text(&'a str),
}

impl Recording {
    /// Opens the file to append to, and creates it when it is missing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file: Mutex::new(file),
        })
    }

    /// Appends an exchange, and the fault that struck it. A disk that fails costs the line and not the answer.
    pub(super) fn append(&self, request: &Request, reply: &Reply, fault: Option<&str>) {
        if request.is_control() {
            return;
        }
        let line = serde_json::to_vec(&exchange(request, reply, fault)).map(|mut line| {
            line.push(b'\n');
            line
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // One write, so that the lines of several processes do not mix.
        let written = line
            .map_err(io::Error::from)
            .and_then(|line| file.write_all(&line));
        if let Err(error) = written {
            tracing::warn!("an exchange is missing in the recording: {error}");
        }
    }
}

fn exchange<'a>(request: &'a Request, reply: &'a Reply, fault: Option<&'a str>) -> Exchange<'a> {
    let is_login = !request.versioned;
    let headers = request.headers().iter();
    let mut asked: BTreeMap<&str, &str> = headers
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    if let Some(authorization) = asked.get_mut("authorization") {
        *authorization = if authorization.starts_with("Bearer ") {
            "Bearer [redacted]"
        } else {
            REDACTED
        };
    }
    asked.remove("cookie");
    let mut answered: BTreeMap<&str, &str> = reply
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    if let Some(location) = answered.get_mut("location") {
        *location = REDACTED;
    }
    if let Some(kind) = reply.body.content_type() {
        answered.insert("content-type", kind);
    }
    let sent = match request.body.as_slice() {
        [] => Content::Nothing,
        _ if is_login => Content::Text(REDACTED),
        bytes => Content::Sent(
            serde_json::from_slice(bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned())),
        ),
    };
    let body = match &reply.body {
        Body::Empty => Content::Nothing,
        _ if is_login && reply.status < 400 => Content::Text(REDACTED),
        Body::Json(body) => Content::Json(body),
        Body::Text(body) => Content::Text(body),
        // Written a second time, for the recording alone.
        Body::Stream(body) => Content::Sent(body.collected()),
    };
    Exchange {
        request: Asked {
            method: &request.method,
            target: &request.target,
            headers: asked,
            body: sent,
        },
        response: Answered {
            status: reply.status,
            headers: answered,
            body,
        },
        fault,
    }
}
