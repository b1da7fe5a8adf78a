//! Writes are sent once, and their outcome is told apart.

use serde_json::json;

use super::{Scripted, Stub, TENANT, environment, jwt, raw_server};
use crate::graph::{Callbacks, Environment, connect};
use crate::model::{Auth, Cloud, Id};
use crate::tenant::{TenantErrorKind, WriteError, WriteTenant as _};

const ID: &str = "6f1c0f0e-0000-4000-8000-000000000001";
const PATH: &str = "/identity/conditionalAccess/policies";

#[tokio::test]
async fn what_is_certain_and_what_is_not() {
    let cases = [
        (429, "{}", false),
        (408, "{}", false),
        (500, "{}", false),
        (503, "<html>", false),
        (201, "{\"id\": 7}", false),
        (201, "{\"id\": \"6f1c", false),
        (201, "", false),
        (200, "<html>login</html>", false),
        (302, "", false),
        (
            400,
            "{\"error\":{\"code\":\"BadRequest\",\"message\":\"1011: no\"}}",
            true,
        ),
        (403, "<html>", true),
        (404, "{}", true),
        (409, "{}", true),
    ];
    for (status, body, refused) in cases {
        let stub = Stub::start(move |seen| {
            seen.path
                .contains(PATH)
                .then(|| Scripted::text(status, "application/json", body))
        })
        .await;
        let result = stub.tenant().create_policy(&json!({})).await;
        match result {
            Err(WriteError::Refused(_)) => assert!(refused, "{status} {body}"),
            Err(WriteError::Uncertain(_)) => assert!(!refused, "{status} {body}"),
            Ok(id) => panic!("{status} {body} gave {id}"),
        }
        assert_eq!(stub.seen(PATH).len(), 1, "{status} {body}: sent once");
    }
}

#[tokio::test]
async fn the_wait_that_a_write_is_told_comes_with_the_error() {
    for (header, wait) in [("17", Some(17)), ("soon", None)] {
        let stub = Stub::start(move |seen| {
            seen.path.contains(PATH).then(|| {
                Scripted::error(429, "TooManyRequests", "no").header("retry-after", header)
            })
        })
        .await;
        let result = stub.tenant().update_policy(&Id::new(ID), &json!({})).await;
        let Err(WriteError::Uncertain(error)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(error.kind, TenantErrorKind::Throttled);
        assert_eq!(error.retry_after.map(|wait| wait.as_secs()), wait);
    }
}

#[tokio::test]
async fn what_is_gone_already_is_deleted_but_only_graph_can_say_so() {
    let gone = format!("ConditionalAccessPolicy with id {ID} does not exist in the directory.");
    for (answer, deleted) in [
        (Scripted::error(404, "NotFound", &gone), true),
        (Scripted::error(400, "BadRequest", &gone), true),
        (Scripted::error(403, "AccessDenied", "no"), false),
        (Scripted::text(404, "text/html", "<html>"), false),
    ] {
        let stub = Stub::start(move |seen| seen.path.contains(PATH).then(|| answer.clone())).await;
        let result = stub.tenant().delete_policy(&Id::new(ID)).await;
        assert_eq!(result.is_ok(), deleted, "{result:?}");
    }
}

#[tokio::test]
async fn writes_that_succeed() {
    let stub = Stub::start(|seen| {
        seen.path
            .contains(PATH)
            .then(|| match seen.method.as_str() {
                "POST" => Scripted::json(201, &json!({"id": ID.to_uppercase()})),
                _ => Scripted::text(204, "text/plain", ""),
            })
    })
    .await;
    let tenant = stub.tenant();
    let body = json!({"state": "enabled"});
    let id = tenant.create_policy(&body).await.expect("created");
    assert_eq!(id, Id::new(ID));
    tenant.update_policy(&id, &body).await.expect("updated");
    tenant.delete_policy(&id).await.expect("deleted");
    let seen = stub.seen(PATH);
    let methods: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PATCH", "DELETE"]);
    assert_eq!(seen[1].json(), body);
    assert_eq!(seen[2].body, "");
    let odd = Id::new("x/../y");
    assert!(matches!(
        tenant.delete_policy(&odd).await,
        Err(WriteError::Refused(_))
    ));
    assert_eq!(stub.seen(PATH).len(), 3);
}

#[tokio::test]
async fn nothing_was_sent_when_nobody_could_sign_in() {
    let stub = Stub::start(|seen| {
        seen.path.ends_with("/token").then(|| {
            Scripted::json(
                401,
                &json!({
                    "error": "invalid_client",
                    "error_description": "AADSTS7000215: Invalid client secret provided for \"app\".\r\nTrace ID: 1",
                    "error_codes": [7_000_215],
                }),
            )
        })
    })
    .await;
    let Err(WriteError::Refused(error)) = stub.tenant().create_policy(&json!({})).await else {
        panic!("refused");
    };
    assert_eq!(error.kind, TenantErrorKind::SignIn);
    assert_eq!(
        error.message,
        "Signing in failed: AADSTS7000215: Invalid client secret provided for 'app'"
    );
    assert!(error.hints[0].contains("AZURE_CLIENT_SECRET"));
    assert!(stub.seen(PATH).is_empty());
}

#[tokio::test]
async fn a_broken_answer_leaves_the_outcome_open() {
    let stub = Stub::start(|_| None).await;
    let environment = Environment {
        access_token: Some(jwt(TENANT, &[]).into()),
        ..environment()
    };
    let answers: [&'static [u8]; 3] = [
        b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"id\":",
        b"HTTP/1.1 201 Cre",
        b"",
    ];
    for answer in answers {
        let mut declaration = stub.declaration(Auth::ClientSecret);
        declaration.cloud = Cloud::Custom {
            graph: raw_server(vec![answer.to_vec()]),
            login: stub.origin.clone(),
        };
        let tenant = connect(&declaration, &environment, Callbacks::silent()).expect("connected");
        let result = tenant.create_policy(&json!({})).await;
        let Err(WriteError::Uncertain(error)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(error.kind, TenantErrorKind::Unreachable);
    }
}
