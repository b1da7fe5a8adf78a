//! Pages, links, retries, challenges and origins.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{Scripted, Stub, TENANT, environment, jwt, policy, raw_server, token};
use crate::graph::{Callbacks, Environment, connect};
use crate::model::{Auth, Cloud, Id};
use crate::tenant::{ReadTenant as _, TenantErrorKind};

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";
const ID: &str = "6f1c0f0e-0000-4000-8000-000000000001";

fn id() -> Id {
    Id::new(ID)
}

#[tokio::test]
async fn pages_are_followed_and_the_first_date_counts() {
    let stub = Stub::start(|seen| {
        let origin = format!("http://{}", seen.headers["host"]);
        match (seen.path.as_str(), seen.query.as_str()) {
            (POLICIES, "") => Some(
                Scripted::json(
                    200,
                    &json!({
                        "value": [policy(ID, "one")],
                        "@odata.nextLink": format!("{origin}{POLICIES}?$skiptoken=2"),
                    }),
                )
                .header("date", "Mon, 02 Nov 2026 08:00:00 GMT"),
            ),
            (POLICIES, _) => Some(Scripted::json(
                200,
                &json!({"value": [{"id": ID, "displayName": "odd", "state": "new"}]}),
            )),
            _ => None,
        }
    })
    .await;
    let list = stub.tenant().policies().await.expect("read");
    assert_eq!(list.taken_at.to_string(), "2026-11-02T08:00:00Z");
    assert_eq!(list.policies.len(), 1);
    assert_eq!(list.unreadable.len(), 1);
    assert_eq!(list.unreadable[0].name.as_deref(), Some("odd"));
    let seen = stub.seen(POLICIES);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].headers["prefer"], "include-unknown-enum-members");
    assert!(seen[0].headers.contains_key("client-request-id"));
    assert_eq!(
        seen[0].headers["user-agent"],
        concat!("portcullis/", env!("CARGO_PKG_VERSION"))
    );
    // One token serves them all.
    assert_eq!(stub.seen("/token").len(), 1);
}

#[tokio::test]
async fn a_link_that_expired_is_a_reason_to_begin_again_once() {
    for (expires, pages) in [(1, 4), (2, 4)] {
        let expired = AtomicUsize::new(0);
        let stub = Stub::start(move |seen| {
            let link = format!("http://{}{POLICIES}?$skiptoken=2", seen.headers["host"]);
            let code = "Directory_ExpiredPageToken";
            match (seen.path.as_str(), seen.query.as_str()) {
                (POLICIES, "") => Some(Scripted::json(
                    200,
                    &json!({"value": [policy(ID, "one")], "@odata.nextLink": link}),
                )),
                (POLICIES, _) if expired.fetch_add(1, Ordering::SeqCst) < expires => {
                    Some(Scripted::json(
                        400,
                        &json!({"error": {"code": code, "message": "Expired."}}),
                    ))
                }
                (POLICIES, _) => Some(Scripted::json(200, &json!({"value": []}))),
                _ => None,
            }
        })
        .await;
        match stub.tenant().policies().await {
            Ok(list) => assert_eq!((expires, list.policies.len()), (1, 1), "each once"),
            Err(error) => assert_eq!((expires, error.kind), (2, TenantErrorKind::ExpiredPage)),
        }
        assert_eq!(stub.seen(POLICIES).len(), pages);
    }
}

#[tokio::test]
async fn a_link_or_redirect_to_another_host_is_not_followed() {
    let other = Stub::start(|_| Some(Scripted::json(200, &json!({"value": []})))).await;
    let foreign = other.origin.clone();
    let stub = Stub::start(move |seen| {
        let link = format!("{foreign}{POLICIES}");
        if seen.path == POLICIES {
            return Some(Scripted::json(
                200,
                &json!({"value": [], "@odata.nextLink": link}),
            ));
        }
        seen.path
            .starts_with(POLICIES)
            .then(|| Scripted::text(302, "text/plain", "").header("location", &link))
    })
    .await;
    let tenant = stub.tenant();
    let error = tenant.policies().await.expect_err("a foreign link");
    assert_eq!(error.kind, TenantErrorKind::ForeignOrigin);
    assert!(error.message.contains(&other.origin), "{}", error.message);
    let error = tenant.policy(&id()).await.expect_err("a redirect");
    assert_eq!(error.kind, TenantErrorKind::ForeignOrigin);
    assert!(error.message.contains(&other.origin), "{}", error.message);
    assert!(other.seen("").is_empty());
}

#[tokio::test]
async fn pages_that_come_back_end_in_an_error() {
    let stub = Stub::start(|seen| {
        let link = format!("http://{}{POLICIES}?$skiptoken=1", seen.headers["host"]);
        (seen.path == POLICIES)
            .then(|| Scripted::json(200, &json!({"value": [], "@odata.nextLink": link})))
    })
    .await;
    let error = stub.tenant().policies().await.expect_err("a loop");
    assert_eq!(error.kind, TenantErrorKind::Shape);
    assert_eq!(stub.seen(POLICIES).len(), 2);
}

#[tokio::test]
async fn a_read_is_repeated_after_what_the_service_asks_for() {
    let tries = AtomicUsize::new(0);
    let stub = Stub::start(move |seen| {
        if !seen.path.starts_with(POLICIES) {
            return None;
        }
        Some(match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Scripted::error(429, "TooManyRequests", "Too many requests.")
                .header("retry-after", "0"),
            1 => Scripted::text(503, "text/html", "<html>busy</html>"),
            _ => Scripted::json(200, &policy(ID, "one")),
        })
    })
    .await;
    let found = stub.tenant().policy(&id()).await.expect("read");
    assert_eq!(found.map(|policy| policy.id), Some(id()));
    assert_eq!(stub.seen(POLICIES).len(), 3);
}

#[tokio::test]
async fn a_policy_that_is_not_there_is_none_and_a_proxy_page_is_not() {
    let stub = Stub::start(|seen| {
        seen.path.starts_with(POLICIES).then(|| match seen.path.ends_with("0001") {
            true => Scripted::error(
                400,
                "BadRequest",
                &format!("1001: ConditionalAccessPolicy with id {ID} does not exist in the directory."),
            ),
            false => Scripted::text(404, "text/html", "<html>\n<b>Blocked\u{7}</b>"),
        })
    })
    .await;
    let tenant = stub.tenant();
    assert!(tenant.policy(&id()).await.expect("none").is_none());
    let other = Id::new("6f1c0f0e-0000-4000-8000-000000000002");
    let error = tenant.policy(&other).await.expect_err("a proxy");
    assert_eq!(error.kind, TenantErrorKind::Shape);
    assert!(
        error.message.contains("<html> <b>Blocked</b>"),
        "{}",
        error.message
    );
    let error = tenant.policy(&Id::new("../x")).await.expect_err("no id");
    assert_eq!(error.kind, TenantErrorKind::Rejected);
    assert_eq!(stub.seen(POLICIES).len(), 2);
}

#[tokio::test]
async fn a_claims_challenge_is_answered_once() {
    let tokens = AtomicUsize::new(0);
    let stub = Stub::start(move |seen| {
        if seen.path.ends_with("/token") {
            let number = tokens.fetch_add(1, Ordering::SeqCst).to_string();
            return Some(token(&jwt(TENANT, &[&number])));
        }
        // {"access_token":{"nbf":1}}
        let challenge = "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjoxfX0=\"";
        Some(
            Scripted::error(401, "InvalidAuthenticationToken", "Continuous access evaluation")
                .header("www-authenticate", challenge),
        )
    })
    .await;
    let error = stub.tenant().policy(&id()).await.expect_err("refused");
    assert_eq!(error.kind, TenantErrorKind::SignIn);
    assert!(error.message.contains("nbf"), "{}", error.message);
    assert_eq!(stub.seen(POLICIES).len(), 2);
    assert_eq!(stub.seen("/token").len(), 2);
    let sent = stub.seen(POLICIES);
    assert_ne!(
        sent[0].headers["authorization"],
        sent[1].headers["authorization"]
    );
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let first = jwt(TENANT, &["old"]);
    let refused = format!("Bearer {first}");
    let tokens = AtomicUsize::new(0);
    let stub = Stub::start(move |seen| {
        if seen.path.ends_with("/token") {
            return Some(match tokens.fetch_add(1, Ordering::SeqCst) {
                0 => token(&first),
                _ => token(&jwt(TENANT, &["new"])),
            });
        }
        Some(if seen.headers["authorization"] == refused {
            Scripted::error(
                401,
                "InvalidAuthenticationToken",
                "Lifetime validation failed.",
            )
        } else {
            Scripted::json(200, &policy(ID, "one"))
        })
    })
    .await;
    assert!(stub.tenant().policy(&id()).await.expect("read").is_some());
    assert_eq!(stub.seen("/token").len(), 2);
}

#[tokio::test]
async fn a_token_of_another_tenant_is_sent_nowhere() {
    let other = "99999999-0000-4000-8000-000000000000";
    let stub = Stub::start(move |seen| {
        seen.path
            .ends_with("/token")
            .then(|| token(&jwt(other, &[])))
    })
    .await;
    let error = stub.tenant().policies().await.expect_err("another tenant");
    assert_eq!(error.kind, TenantErrorKind::SignIn);
    assert!(error.message.contains(other) && error.message.contains(TENANT));
    assert!(stub.seen("/v1.0").is_empty());
}

#[tokio::test]
async fn an_opaque_token_belongs_to_the_declared_tenant() {
    let stub = Stub::start(|seen| {
        seen.path
            .starts_with(POLICIES)
            .then(|| Scripted::json(200, &policy(ID, "one")))
    })
    .await;
    let environment = Environment {
        access_token: Some("opaque".to_owned().into()),
        ..Environment::default()
    };
    let mut declaration = stub.declaration(Auth::Browser);
    let tenant = connect(&declaration, &environment, Callbacks::silent()).expect("connected");
    assert_eq!(tenant.tenant_id().await.expect("declared"), Id::new(TENANT));
    assert!(tenant.policy(&id()).await.expect("read").is_some());
    assert_eq!(
        stub.seen(POLICIES)[0].headers["authorization"],
        "Bearer opaque"
    );
    declaration.tenant_id = None;
    let tenant = connect(&declaration, &environment, Callbacks::silent()).expect("connected");
    assert!(tenant.tenant_id().await.is_err());
}

#[tokio::test]
async fn a_refused_endpoint_gets_no_credential() {
    let stub = Stub::start(|_| None).await;
    let mut declaration = stub.declaration(Auth::ClientSecret);
    declaration.cloud = Cloud::Custom {
        graph: "https://graph.contoso.example".into(),
        login: stub.origin.clone(),
    };
    let error = connect(&declaration, &environment(), Callbacks::silent()).expect_err("refused");
    assert_eq!(error.kind, TenantErrorKind::Declaration);
    // Not even with a token at hand, and before a missing variable is complained about.
    let error = connect(&declaration, &Environment::default(), Callbacks::silent());
    assert_eq!(
        error.expect_err("refused").kind,
        TenantErrorKind::Declaration
    );
    assert!(stub.seen("").is_empty());
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let token_text = jwt(TENANT, &["Policy.Read.All"]);
    let stub = Stub::start(|seen| {
        (!seen.path.ends_with("/token")).then(|| Scripted::error(403, "AccessDenied", "no"))
    })
    .await;
    let environment = Environment {
        access_token: Some(token_text.clone().into()),
        actions_token: Some("hush-actions".to_owned().into()),
        system_access_token: Some("hush-system".to_owned().into()),
        ..environment()
    };
    let declaration = stub.declaration(Auth::ClientSecret);
    let fixed = connect(&declaration, &environment, Callbacks::silent()).expect("connected");
    let secret = stub.tenant();
    let mut shown = format!("{environment:?} {fixed:?} {secret:?}");
    for tenant in [&fixed, &secret] {
        let error = tenant.policies().await.expect_err("refused");
        shown.push_str(&format!("{error:?} {error} {tenant:?}"));
    }
    for hidden in ["hush", token_text.as_str(), "eyJ"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[tokio::test]
async fn conditional_access_calls_keep_their_pace() {
    let stub = Stub::start(|seen| {
        seen.path
            .starts_with(POLICIES)
            .then(|| Scripted::json(200, &policy(ID, "one")))
    })
    .await;
    let mut declaration = stub.declaration(Auth::ClientSecret);
    declaration.pace = Some(std::time::Duration::from_millis(150));
    let tenant = connect(&declaration, &environment(), Callbacks::silent()).expect("connected");
    tenant.tenant_id().await.expect("signed in");
    let started = tokio::time::Instant::now();
    let id = id();
    let (one, two, three) =
        tokio::join!(tenant.policy(&id), tenant.policy(&id), tenant.policy(&id));
    assert!([one, two, three].iter().all(Result::is_ok));
    assert!(started.elapsed() >= std::time::Duration::from_millis(300));
}

#[tokio::test]
async fn a_read_that_broke_off_is_repeated() {
    let whole = policy(ID, "one").to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        whole.len()
    );
    let graph = raw_server(vec![
        format!("{head}{{\"id\":").into_bytes(),
        format!("{head}{whole}").into_bytes(),
    ]);
    let stub = Stub::start(|_| None).await;
    let mut declaration = stub.declaration(Auth::ClientSecret);
    declaration.cloud = Cloud::Custom {
        graph,
        login: stub.origin.clone(),
    };
    let tenant = connect(&declaration, &environment(), Callbacks::silent()).expect("connected");
    assert!(tenant.policy(&id()).await.expect("read").is_some());
}

#[tokio::test]
async fn the_built_in_clouds_need_no_permission_and_nothing_is_sent_yet() {
    let stub = Stub::start(|_| None).await;
    for cloud in [Cloud::Global, Cloud::UsGov, Cloud::UsGovDod, Cloud::China] {
        let mut declaration = stub.declaration(Auth::ClientSecret);
        declaration.cloud = cloud;
        connect(&declaration, &environment(), Callbacks::silent()).expect("connected");
    }
    assert!(stub.seen("").is_empty());
}

#[tokio::test]
async fn what_was_read_before_a_page_failed_is_kept_as_a_part() {
    let stub = Stub::start(|seen| {
        (seen.path == "/v1.0/auditLogs/signIns" && seen.query.is_empty()).then(|| {
            let link = format!("http://{}{}?$skiptoken=", seen.headers["host"], seen.path);
            Scripted::json(
                200,
                &json!({"value": [{"id": "1"}], "@odata.nextLink": link}),
            )
        })
    })
    .await;
    let read = stub
        .tenant()
        .service
        .collection("/v1.0/auditLogs/signIns")
        .await;
    assert_eq!(read.entries.len(), 1);
    let error = read.complete().expect_err("a part");
    assert_eq!(error.kind, TenantErrorKind::NotFound);
    assert_eq!(error.request_id.as_deref(), Some("r-1"));
}
