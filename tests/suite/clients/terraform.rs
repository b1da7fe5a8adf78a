//! What the Terraform provider sends: a connection for every request, and every field every time.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, POLICIES, answered, secure};

/// A create, to the byte, but for the excluded user, who is the first emergency account here.
const CREATE: &str = r##"{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","conditions":{"applications":{"excludeApplications":[],"includeApplications":["797f4846-ba00-4fd7-ba43-dac1f8f63013"],"includeUserActions":[]},"authenticationFlows":null,"clientAppTypes":["all"],"devices":null,"locations":null,"platforms":null,"servicePrincipalRiskLevels":[],"signInRiskLevels":[],"userRiskLevels":[],"users":{"excludeGroups":[],"excludeGuestsOrExternalUsers":null,"excludeRoles":[],"excludeUsers":["33333333-3333-3333-3333-333333333333"],"includeGroups":[],"includeGuestsOrExternalUsers":null,"includeRoles":[],"includeUsers":["All"]}},"displayName":"CA000 mfa for Azure management","grantControls":{"builtInControls":["mfa"],"customAuthenticationFactors":[],"operator":"OR","termsOfUse":[]},"sessionControls":null,"state":"enabledForReportingButNotEnforced"}"##;

/// A request as the provider words it.
async fn send(client: &Client, method: Method, path: &str, body: Option<String>) -> (u16, Value) {
    let mut request = client
        .request(method, path)
        .header(
            "accept",
            "application/json; charset=utf-8; IEEE754Compatible=false",
        )
        .header("odata-version", "4.0")
        .header("odata-maxversion", "4.0")
        .header("accept-encoding", "gzip");
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json; charset=utf-8")
            .body(body);
    }
    answered(request).await
}

#[tokio::test]
async fn a_policy_is_created_polled_changed_and_deleted() {
    let (_directory, door) = secure();
    let client = Client::of(&door).await;
    let (_, user) = client
        .get("/v1.0/users/emergency1@sandbox.onmicrosoft.example")
        .await;
    let user = user["id"].as_str().unwrap();
    let body = CREATE.replace("33333333-3333-3333-3333-333333333333", user);

    let (status, made) = send(&client, Method::POST, POLICIES, Some(body.clone())).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("{POLICIES}/{}", made["id"].as_str().unwrap());
    for _ in 0..5 {
        let (status, mut read) = send(&client, Method::GET, &path, None).await;
        assert_eq!(status, 200);
        let read = read.as_object_mut().unwrap();
        for key in [
            "templateId",
            "createdDateTime",
            "modifiedDateTime",
            "id",
            "@odata.context",
        ] {
            assert!(read.remove(key).is_some(), "{key}");
        }
        // Every list is a list and what is not there is null: the provider's next plan is empty.
        let sent: Value = serde_json::from_str(&body).unwrap();
        for (key, value) in sent.as_object().unwrap() {
            if key != "@odata.type" {
                assert_eq!(includes(&read[key], value), None, "{key}");
            }
        }
    }

    let changed = body.replace("enabledForReportingButNotEnforced", "disabled");
    let (status, _) = send(&client, Method::PATCH, &path, Some(changed)).await;
    assert_eq!(status, 204);
    let (_, read) = send(&client, Method::GET, &path, None).await;
    assert_eq!(read["state"], "disabled");
    assert_eq!(read["conditions"]["users"]["excludeUsers"], json!([user]));
    assert_eq!(read["sessionControls"], Value::Null);

    let (status, _) = send(&client, Method::DELETE, &path, None).await;
    assert_eq!(status, 204);
    for _ in 0..5 {
        let (status, gone) = send(&client, Method::GET, &path, None).await;
        assert_eq!(status, 404);
        assert!(gone["error"]["code"].is_string(), "{gone}");
    }
}

/// Where `whole` does not hold what `part` says; more keys are fine.
fn includes(whole: &Value, part: &Value) -> Option<String> {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part.iter().find_map(|(key, value)| {
            let found = whole.get(key).unwrap_or(&Value::Null);
            includes(found, value).map(|place| format!("{key}.{place}"))
        }),
        _ if whole == part => None,
        _ => Some(format!("{whole} is not {part}")),
    }
}

#[tokio::test]
async fn a_trusted_location_is_emptied_of_trust_and_then_deleted() {
    let (_directory, door) = secure();
    let client = Client::of(&door).await;
    let locations = "/v1.0/identity/conditionalAccess/namedLocations";
    // The provider calls every range an IPv4 one.
    let ranges = json!([
        {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "198.51.100.0/24"},
        {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "2001:db8::/32"},
    ]);
    let body = |trusted: bool| {
        json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "Office",
            "ipRanges": ranges, "isTrusted": trusted})
        .to_string()
    };
    let (status, made) = send(&client, Method::POST, locations, Some(body(true))).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("{locations}/{}", made["id"].as_str().unwrap());
    let part = json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": false});
    let (status, _) = send(&client, Method::PATCH, &path, Some(part.to_string())).await;
    assert_eq!(status, 204);
    let (_, read) = send(&client, Method::GET, &path, None).await;
    assert_eq!(read["isTrusted"], false);
    assert_eq!(read["ipRanges"], ranges);
    let (status, _) = send(&client, Method::DELETE, &path, None).await;
    assert_eq!(status, 204);
    assert_eq!(send(&client, Method::GET, &path, None).await.0, 404);
}
