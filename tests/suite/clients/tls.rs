//! The TLS door itself.

use serde_json::json;

use super::{Client, Door, POLICIES, TENANT_ID, sandbox, secure, trusting};

/// The next page's link of a list that is cut after one policy.
async fn link(client: &Client) -> String {
    let (status, page) = client.get(&format!("{POLICIES}?$top=1")).await;
    assert_eq!(status, 200, "{page}");
    page["@odata.nextLink"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_is_served_and_no_other() {
    let (directory, door) = secure();
    assert!(
        door.url().starts_with("https://localhost:"),
        "{}",
        door.url()
    );
    let mut keys: Vec<&String> = door.line.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["ca", "tenant_id", "url"]);
    assert_eq!(door.line["tenant_id"], TENANT_ID);

    let client = Client::of(&door).await;
    let link = link(&client).await;
    assert!(link.starts_with(&format!("{}/v1.0/", door.url())), "{link}");
    let (status, rest) = client.get(link.strip_prefix(door.url()).unwrap()).await;
    assert_eq!((status, rest["value"].as_array().unwrap().len()), (200, 1));
    let by_address = door.url().replace("localhost", "127.0.0.1");
    let client = Client::with(trusting(&door.authority()), &by_address).await;
    assert!(super::tls::link(&client).await.starts_with(&by_address));

    let (_elsewhere, stranger) = secure();
    let refused = trusting(&stranger.authority())
        .get(format!("{}{POLICIES}", door.url()))
        .send()
        .await
        .unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    assert!(
        format!("{refused:?}").contains("UnknownIssuer"),
        "{refused:?}"
    );
    // Nor is anybody served who talks plain HTTP there.
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = door.url().replace("https", "http");
    plain
        .get(format!("{url}/sandbox"))
        .send()
        .await
        .unwrap_err();
    drop(directory);
}

#[tokio::test]
async fn somebody_who_connects_and_says_nothing_keeps_nobody_waiting() {
    let (_directory, door) = secure();
    let address = door.url().replace("https://localhost", "127.0.0.1");
    let _silent: Vec<_> = (0..20)
        .map(|_| std::net::TcpStream::connect(&address).unwrap())
        .collect();
    let client = Client::of(&door).await;
    assert_eq!(client.get(POLICIES).await.0, 200);
}

#[tokio::test]
async fn a_relay_keeps_the_scheme_and_the_host_that_its_caller_used() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let tls = directory.path().join("tls");
    let tls = ["--tls", tls.to_str().unwrap(), "--host", "graph.example"];
    let first = Door::serve(&state, &[]);
    let second = Door::serve(&state, &tls);
    let one = Client::with(
        reqwest::Client::builder().no_proxy().build().unwrap(),
        first.url(),
    );
    let one = one.await;
    let two = Client::of(&second).await;
    assert!(link(&one).await.starts_with(first.url()));
    assert!(link(&two).await.starts_with(second.url()));

    // The second one carries on, and the third relays to its plain door.
    drop(first);
    assert!(link(&two).await.starts_with(second.url()));
    let third = Door::serve(&state, &[]);
    let three = Client::with(one.http.clone(), third.url()).await;
    assert!(link(&three).await.starts_with(third.url()));
    let fourth = Door::serve(&state, &tls);
    let four = Client::of(&fourth).await;
    assert!(link(&four).await.starts_with(fourth.url()));
    let owner = std::fs::read_to_string(state.join("url")).unwrap();
    assert!(owner.starts_with("http://127.0.0.1:"), "{owner}");

    let named = four.http.get(format!("{}{POLICIES}?$top=1", fourth.url()));
    let named = named
        .bearer_auth(&four.token)
        .header("host", "graph.example");
    let (_, page) = super::answered(named).await;
    let link = page["@odata.nextLink"].as_str().unwrap();
    assert!(link.starts_with("https://graph.example/v1.0/"), "{link}");

    // Its own commands need no certificate.
    let moved = sandbox(&["advance", "1d", "--state", state.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(moved.status.success(), "{moved:?}");
    let (_, now) = four.get("/sandbox").await;
    assert_eq!(now["now"], json!("2026-11-03T08:00:00.0000000Z"));
}

#[tokio::test]
async fn a_connection_is_cut_under_tls_as_well() {
    let (_directory, door) = secure();
    let client = Client::of(&door).await;
    for kind in ["reset-before", "half-body"] {
        let fault = json!({"kind": kind, "path": "identity/conditionalAccess/policies"});
        let (status, said) = client
            .send(reqwest::Method::POST, "/sandbox/faults", Some(&fault))
            .await;
        assert!((200..300).contains(&status), "{said}");
        let cut = async {
            let request = client.request(reqwest::Method::GET, POLICIES);
            request.send().await?.bytes().await
        };
        assert!(cut.await.is_err(), "{kind}");
        assert_eq!(client.get(POLICIES).await.0, 200);
    }
}

#[test]
fn commands_by_url_say_whom_to_trust() {
    let (directory, door) = secure();
    let advance = |trusted: &str| {
        sandbox(&["advance", "1d", "--url", door.url()])
            .env("SSL_CERT_FILE", directory.path().join("tls").join(trusted))
            .output()
            .unwrap()
    };
    let (_elsewhere, stranger) = secure();
    let refused = advance(stranger.authority().to_str().unwrap());
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("SSL_CERT_FILE must name"), "{said}");
    let moved = advance("ca.pem");
    assert!(moved.status.success(), "{moved:?}");
}

#[test]
fn a_host_without_tls_and_an_address_abroad_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    for (arguments, says) in [
        (&["--host", "graph.example"][..], "--tls <DIR>"),
        (&["--listen", "0.0.0.0:0"], "loopback only"),
        (
            &["--tls", state, "--host", "two words"],
            "'two words' is not a host name",
        ),
    ] {
        let refused = sandbox(&["serve", "--state", state])
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(says), "{said}");
        assert!(refused.stdout.is_empty());
    }
}
