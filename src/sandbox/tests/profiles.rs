//! Clouds and licences.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::super::{Running, control};
use super::{AZURE, Client, POLICIES, azure_mfa, sandbox, serve, with};

async fn reset(running: &Running, profile: Value) {
    control(running.url(), None, "reset", &profile)
        .await
        .unwrap();
}

fn detail(answer: &super::Answer) -> String {
    answer.body["error"]["innerError"]["detail"].to_string()
}

#[tokio::test]
async fn without_a_licence_policies_can_be_read_and_deleted_and_nothing_else() {
    let (directory, running, client) = sandbox().await;
    reset(
        &running,
        json!({"licence": "none", "workload_identities": false}),
    )
    .await;
    let refused = client.post(POLICIES, azure_mfa()).await;
    assert_eq!(
        (refused.status, refused.body["error"]["code"].as_str()),
        (403, Some("AccessDenied"))
    );
    assert_eq!(
        refused.message(),
        "Your tenant is not licensed for this feature. Please upgrade your subscription to access it."
    );
    assert_eq!(
        client.get("/v1.0/subscribedSkus").await.body["value"],
        json!([])
    );
    let plans = "/v1.0/organization";
    assert_eq!(
        client.get(plans).await.body["value"][0]["assignedPlans"],
        json!([])
    );
    let list = client.get(POLICIES).await;
    assert_eq!(list.status, 200);
    for log in [
        "/v1.0/auditLogs/signIns",
        "/v1.0/reports/authenticationMethods/userRegistrationDetails",
    ] {
        let refused = client.get(log).await;
        assert_eq!(refused.status, 403);
        assert_eq!(
            refused.body["error"]["code"],
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
        );
    }
    // It is so after a restart too, until it is reset.
    running.stop().await;
    let running = serve(directory.path()).await;
    let client = Client::of(running.url()).await;
    assert_eq!(
        client.get("/sandbox").await.body["profile"]["licence"],
        "none"
    );
    let path = format!(
        "{POLICIES}/{}",
        list.body["value"][0]["id"].as_str().unwrap()
    );
    assert_eq!(
        client
            .patch(&path, json!({"state": "disabled"}))
            .await
            .status,
        403
    );
    assert_eq!(client.delete(&path).await.status, 204);
    reset(&running, json!({})).await;
    assert_eq!(client.post(POLICIES, azure_mfa()).await.status, 201);
    running.stop().await;
}

#[tokio::test]
async fn p1_has_no_risk_and_workload_identities_are_licensed_apart() {
    let (_directory, running, client) = sandbox().await;
    reset(
        &running,
        json!({"licence": "p1", "workload_identities": false}),
    )
    .await;
    assert_eq!(client.post(POLICIES, azure_mfa()).await.status, 201);
    let risky = client
        .post(
            POLICIES,
            with("/conditions/signInRiskLevels", json!(["high"])),
        )
        .await;
    assert_eq!(
        risky.message(),
        "1039: Cannot create or update policies with premium P2 features. Upgrade to a premium P2 license and try again."
    );
    let workload = with(
        "/conditions/clientApplications",
        json!({"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}),
    );
    let mut workload = workload;
    workload["conditions"]["users"] = json!({"includeUsers": ["None"]});
    workload["grantControls"]["builtInControls"] = json!(["block"]);
    let refused = client.post(POLICIES, workload.clone()).await;
    assert!(
        refused.message().contains("Workload Identities Premium"),
        "{}",
        refused.body
    );
    let skus = client.get("/v1.0/subscribedSkus").await.body;
    let plans = skus["value"][0]["servicePlans"].as_array().unwrap();
    assert_eq!(plans.len(), 1);
    assert_eq!(
        plans[0]["servicePlanId"],
        "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
    );
    control(
        running.url(),
        None,
        "profile",
        &json!({"workload_identities": true}),
    )
    .await
    .unwrap();
    assert_eq!(client.post(POLICIES, workload).await.status, 201);
    for wrong in [
        json!({"licence": "p3"}),
        json!({"cloud": "mars"}),
        json!({"size": 1}),
    ] {
        assert!(
            control(running.url(), None, "reset", &wrong).await.is_err(),
            "{wrong}"
        );
    }
    // A reset that is refused forgets nothing.
    assert_eq!(
        client.get(POLICIES).await.body["value"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    running.stop().await;
}

#[tokio::test]
async fn a_national_cloud_lacks_what_its_schema_lacks() {
    let (_directory, running, client) = sandbox().await;
    reset(&running, json!({"cloud": "us-gov"})).await;
    let found = |app: &str| format!("/v1.0/servicePrincipals?$filter=appId eq '{app}'");
    assert_eq!(client.get(&found(AZURE)).await.body["value"], json!([]));
    let government = "40a69793-8fe6-4db1-9591-dbc5c57b17d8";
    let app = client.get(&found(government)).await.body["value"][0].clone();
    assert_eq!(app["displayName"], "Azure Government Cloud Management API");
    let policy = |path: &str, value: Value| {
        let mut policy = with(path, value);
        policy["conditions"]["applications"]["includeApplications"] = json!(["All"]);
        policy
    };
    let mut change = policy("/conditions/userRiskLevels", json!(["high"]));
    change["grantControls"] =
        json!({"operator": "AND", "builtInControls": ["mfa", "passwordChange"]});
    let refused = client.post(POLICIES, change.clone()).await;
    assert!(refused.message().starts_with("1007: "), "{}", refused.body);
    assert!(
        detail(&refused).contains("passwordChange"),
        "{}",
        refused.body
    );
    let made = client
        .post(POLICIES, policy("/state", json!("disabled")))
        .await;
    let path = format!("{POLICIES}/{}", made.id());
    assert_eq!(client.delete(&path).await.status, 204);
    let bin = client
        .get("/v1.0/identity/conditionalAccess/deletedItems/policies")
        .await;
    assert_eq!(
        (bin.status, bin.message()),
        (404, "Resource not found for the segment 'deletedItems'.")
    );
    let restore = client
        .send("POST", &format!("{path}/restore"), None, &[])
        .await;
    assert_eq!(
        restore.message(),
        "Resource not found for the segment 'restore'."
    );

    reset(&running, json!({"cloud": "china"})).await;
    let client = client.unchecked();
    assert_eq!(client.post(POLICIES, azure_mfa()).await.status, 201);
    for (path, value) in [
        ("/conditions/signInRiskLevels", json!([])),
        ("/conditions/insiderRiskLevels", Value::Null),
        ("/grantControls/authenticationStrength", Value::Null),
    ] {
        let refused = client.post(POLICIES, policy(path, value)).await;
        assert!(
            refused.message().starts_with("1007: "),
            "{path}: {}",
            refused.body
        );
    }
    let read = client.get(POLICIES).await.body["value"][0].clone();
    assert!(read["conditions"].get("userRiskLevels").is_none());
    assert!(
        read["grantControls"]
            .get("authenticationStrength")
            .is_none()
    );
    let strengths = client
        .get("/v1.0/policies/authenticationStrengthPolicies")
        .await;
    assert_eq!(strengths.status, 404);
    let log = client.get("/v1.0/auditLogs/signIns").await;
    assert_eq!(
        log.message(),
        "Resource not found for the segment 'signIns'."
    );

    reset(&running, json!({})).await;
    assert_eq!(client.post(POLICIES, change).await.status, 201);
    assert_eq!(
        client.get(&found(government)).await.body["value"],
        json!([])
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_there_as_a_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let running = serve(directory.path()).await;
    let wanted = json!({"people": 20, "cloud": "us-gov"});
    reset(&running, wanted.clone()).await;
    let log = directory.path().join("events.jsonl");
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let (seen, told) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
                seen.insert(std::fs::read_to_string(&log).unwrap().lines().count());
            }
            seen
        });
        let told = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for _ in 0..10 {
                    reset(&running, wanted.clone()).await;
                }
                control(running.url(), None, "profile", &json!({})).await
            })
        });
        is_over.store(true, std::sync::atomic::Ordering::SeqCst);
        (looking.join().unwrap(), told)
    });
    // What people there are, and what kind of tenant it is.
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [2]);
    assert_eq!(told.unwrap()["profile"]["cloud"], "us-gov");
}
