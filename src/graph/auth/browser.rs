//! Authorization code with PKCE: the browser comes back to a listener on loopback.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use azure_core::credentials::AccessToken;
use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::aadsts;
use super::delegated::{Delegated, failed, token};
use crate::tenant::{TenantError, TenantErrorKind};

/// How long a person may take to sign in.
const PATIENCE: Duration = Duration::from_secs(300);

/// What the browser brings back: the code, or the sign-in service's words.
type Outcome = Result<String, String>;

struct Waiting {
    state: CsrfToken,
    outcome: mpsc::Sender<Outcome>,
}

/// Sends a person to the sign-in page and waits until the browser comes back.
pub(super) async fn sign_in(
    delegated: &Delegated,
    claims: Option<&str>,
) -> Result<AccessToken, TenantError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(|error| no_listener(&error))?;
    let port = listener
        .local_addr()
        .map_err(|error| no_listener(&error))?
        .port();
    // Entra takes any port for a registered http://localhost, but not for 127.0.0.1.
    let redirect = RedirectUrl::new(format!("http://localhost:{port}/")).map_err(|error| {
        TenantError::new(
            TenantErrorKind::SignIn,
            format!("The redirect address is no URL: {error}"),
        )
    })?;
    let client = delegated.client.clone().set_redirect_uri(redirect);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut request = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new(delegated.scope.clone()))
        .add_extra_param("prompt", "select_account")
        .set_pkce_challenge(challenge);
    if let Some(claims) = claims {
        request = request.add_extra_param("claims", claims.to_owned());
    }
    let (url, state) = request.url();

    let (outcome, mut outcomes) = mpsc::channel(1);
    let router = Router::new()
        .route("/", get(came_back))
        .with_state(Arc::new(Waiting { state, outcome }));
    delegated.callbacks.sign_in(&format!(
        "Sign in in your browser. If it does not open by itself, go to\n{url}"
    ));
    if delegated.callbacks.opens_browser() {
        open(url.as_str());
    }
    // Dropping the server with this future closes the listener.
    let outcome = tokio::select! {
        outcome = outcomes.recv() => outcome,
        _ = axum::serve(listener, router).into_future() => None,
        () = tokio::time::sleep(PATIENCE) => None,
    };
    let code = match outcome {
        Some(Ok(code)) => code,
        Some(Err(text)) => return Err(aadsts::failed(&text)),
        None => {
            return Err(TenantError::new(
                TenantErrorKind::SignIn,
                "Nobody signed in within five minutes",
            )
            .hint("On a machine without a browser use auth: device-code"));
        }
    };
    let answer = client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .add_extra_param("scope", delegated.scope.clone())
        .request_async(&delegated.http)
        .await
        .map_err(failed)?;
    Ok(token(&answer))
}

/// Takes the browser's answer. One with a wrong state was not sent by our sign-in page, whoever sent it:
/// it is refused, and the wait goes on.
async fn came_back(
    State(waiting): State<Arc<Waiting>>,
    Query(answer): Query<BTreeMap<String, String>>,
) -> (StatusCode, Html<&'static str>) {
    if answer.get("state") != Some(waiting.state.secret()) {
        return (
            StatusCode::BAD_REQUEST,
            Html("This answer does not belong to the running sign-in."),
        );
    }
    let (outcome, page) = match (answer.get("code"), answer.get("error")) {
        (Some(code), None) => (
            Ok(code.clone()),
            "You are signed in. You can close this page and go back to the terminal.",
        ),
        (_, error) => (
            Err(answer
                .get("error_description")
                .or(error)
                .cloned()
                .unwrap_or_else(|| "the browser came back without a code".to_owned())),
            "Signing in failed. The terminal says why.",
        ),
    };
    // A second answer finds the channel full; the first one counts.
    let _ = waiting.outcome.try_send(outcome);
    (StatusCode::OK, Html(page))
}

fn no_listener(error: &std::io::Error) -> TenantError {
    TenantError::new(
        TenantErrorKind::SignIn,
        format!("No port can be opened on 127.0.0.1 for the browser to come back to: {error}"),
    )
    .hint("Use auth: device-code")
}

/// Opens a URL in the person's browser; failing is no error, for the URL was said as well.
fn open(url: &str) {
    let mut command = if cfg!(target_os = "windows") {
        let mut command = Command::new("cmd");
        // cmd reads & as the end of a command.
        command.args(["/c", "start", "", &url.replace('&', "^&")]);
        command
    } else if cfg!(target_os = "macos") {
        let mut command = Command::new("open");
        command.arg(url);
        command
    } else {
        let mut command = Command::new("xdg-open");
        command.arg(url);
        command
    };
    let result = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = result {
        tracing::debug!(%error, "no browser was opened");
    }
}
