//! `evaluate`: which policies apply to a sign-in.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{AZURE, Answer, Client, POLICIES, azure_mfa, sandbox};

const EVALUATE: &str = "/v1.0/identity/conditionalAccess/evaluate";

async fn user(client: &Client, nickname: &str) -> String {
    let found = format!("/v1.0/users/{nickname}@sandbox.onmicrosoft.example");
    client.get(&found).await.id()
}

fn question(user: &str, context: Value, conditions: Value) -> Value {
    json!({
        "signInIdentity": {"@odata.type": "#microsoft.graph.userSignIn", "userId": user},
        "signInContext": context,
        "signInConditions": conditions,
    })
}

fn on(app: &str) -> Value {
    json!({"@odata.type": "#microsoft.graph.applicationContext", "includeApplications": [app]})
}

/// Name, whether it applies and why not, of each policy.
fn said(answer: &Answer) -> Vec<(String, bool, String)> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answer.body["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| {
            let applies = policy["policyApplies"].as_bool().unwrap();
            (
                text(&policy["displayName"]),
                applies,
                text(&policy["analysisReasons"]),
            )
        })
        .collect()
}

#[tokio::test]
async fn each_policy_is_answered_whole_with_the_reason() {
    let (_directory, running, client) = sandbox().await;
    let made = client.post(POLICIES, azure_mfa()).await;
    assert_eq!(made.status, 201);
    let (employee, admin) = (
        user(&client, "aiko.tanabe").await,
        user(&client, "ga.admin").await,
    );
    let browser = json!({"clientAppType": "browser", "devicePlatform": "windows"});
    let answer = client
        .post(EVALUATE, question(&employee, on(AZURE), browser.clone()))
        .await;
    assert_eq!(
        said(&answer),
        [
            (
                "Block legacy authentication".to_owned(),
                false,
                "clientApps".to_owned()
            ),
            (
                "Require MFA for administrators".to_owned(),
                false,
                "users".to_owned()
            ),
            (
                "Test - compliant device for guests".to_owned(),
                false,
                "users".to_owned()
            ),
            // Report-only policies are weighed like the others.
            (
                "CA010 - Require MFA for Azure management".to_owned(),
                true,
                "notSet".to_owned()
            ),
        ]
    );
    let context = answer.body["@odata.context"].as_str().unwrap();
    assert!(
        context.ends_with("#Collection(microsoft.graph.whatIfAnalysisResult)"),
        "{context}"
    );
    let whole = &answer.body["value"][3];
    assert_eq!(
        (&whole["id"], &whole["grantControls"]["builtInControls"]),
        (&json!(made.id()), &json!(["mfa"]))
    );

    let mut asked = question(&admin, on(AZURE), browser);
    asked["appliedPoliciesOnly"] = json!(true);
    let names: Vec<String> = said(&client.post(EVALUATE, asked).await)
        .into_iter()
        .map(|(name, ..)| name)
        .collect();
    assert_eq!(
        names,
        [
            "Require MFA for administrators",
            "CA010 - Require MFA for Azure management"
        ]
    );

    // Without a client it cannot be told whether legacy authentication is blocked.
    let answer = client
        .post(EVALUATE, question(&employee, on(AZURE), json!({})))
        .await;
    assert_eq!(said(&answer)[0].2, "notEnoughInformation");
    let action = json!({"@odata.type": "#microsoft.graph.userActionContext", "userAction": "registerSecurityInformation"});
    let answer = client
        .post(EVALUATE, question(&employee, action, json!({})))
        .await;
    assert_eq!(
        said(&answer)[3],
        (
            "CA010 - Require MFA for Azure management".to_owned(),
            false,
            "userActions".to_owned()
        )
    );
    let path = format!("{POLICIES}/{}", made.id());
    client.patch(&path, json!({"state": "disabled"})).await;
    let answer = client
        .post(EVALUATE, question(&employee, on(AZURE), json!({})))
        .await;
    assert_eq!(said(&answer)[3].2, "policyNotEnabled");
    running.stop().await;
}

#[tokio::test]
async fn conditions_groups_and_workload_identities_are_weighed() {
    let (_directory, running, client) = sandbox().await;
    for old in client.get(POLICIES).await.body["value"].as_array().unwrap() {
        client
            .delete(&format!("{POLICIES}/{}", old["id"].as_str().unwrap()))
            .await;
    }
    let named = |body: Value, name: &str| {
        body["value"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["displayName"] == name)
            .unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let office = named(
        client
            .get("/v1.0/identity/conditionalAccess/namedLocations")
            .await
            .body,
        "Head office",
    );
    let engineers = named(client.get("/v1.0/groups").await.body, "Engineering");
    let mut policy = azure_mfa();
    policy["conditions"]["users"] = json!({"includeGroups": [engineers]});
    policy["conditions"]["locations"] =
        json!({"includeLocations": ["All"], "excludeLocations": [office]});
    policy["conditions"]["signInRiskLevels"] = json!(["high"]);
    policy["conditions"]["devices"] =
        json!({"deviceFilter": {"mode": "exclude", "rule": "device.isCompliant -eq True"}});
    assert_eq!(client.post(POLICIES, policy).await.status, 201);
    // In a group inside the group; and somebody who is not.
    let (inside, outside) = (
        user(&client, "henrik.aaltonen").await,
        user(&client, "bao.nguyen").await,
    );
    let ask = async |user: &str, conditions: Value| {
        said(
            &client
                .post(EVALUATE, question(user, on(AZURE), conditions))
                .await,
        )[0]
        .2
        .clone()
    };
    let far = json!({"ipAddress": "192.0.2.200", "signInRiskLevel": "high", "deviceInfo": {"isCompliant": false}});
    assert_eq!(ask(&inside, far.clone()).await, "notSet");
    assert_eq!(ask(&outside, far.clone()).await, "users");
    let but = |key: &str, value: Value| {
        let mut conditions = far.clone();
        conditions[key] = value;
        conditions
    };
    assert_eq!(
        ask(&inside, but("ipAddress", json!("203.0.113.5"))).await,
        "location"
    );
    assert_eq!(
        ask(&inside, but("signInRiskLevel", json!("low"))).await,
        "signInRisk"
    );
    assert_eq!(
        ask(&inside, but("deviceInfo", json!({"isCompliant": true}))).await,
        "devices"
    );

    let mut workload = azure_mfa();
    workload["displayName"] = json!("Workloads");
    workload["conditions"]["users"] = json!({"includeUsers": ["None"]});
    workload["conditions"]["clientApplications"] =
        json!({"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]});
    workload["conditions"]["applications"] = json!({"includeApplications": ["All"]});
    workload["grantControls"]["builtInControls"] = json!(["block"]);
    assert_eq!(client.post(POLICIES, workload).await.status, 201);
    let identity = |id: &str| {
        json!({
            "signInIdentity": {"@odata.type": "#microsoft.graph.servicePrincipalSignIn", "servicePrincipalId": id},
            "signInContext": on(AZURE),
        })
    };
    let own = client
        .post(EVALUATE, identity("c1de7f3a-6b52-4e0d-8a94-2f7b1d5e9c03"))
        .await;
    assert_eq!(said(&own)[1].2, "notSet");
    let microsofts = client
        .post(EVALUATE, identity("00000003-0000-0000-c000-000000000000"))
        .await;
    assert_eq!(said(&microsofts)[1].2, "workloadIdentities");
    running.stop().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_refused() {
    let (_directory, running, client) = sandbox().await;
    let employee = user(&client, "aiko.tanabe").await;
    let unknown = client
        .post(
            EVALUATE,
            question("11111111-1111-1111-1111-111111111111", on(AZURE), json!({})),
        )
        .await;
    assert_eq!(unknown.status, 400);
    assert!(
        unknown.message().contains("does not exist"),
        "{}",
        unknown.body
    );
    let good = question(&employee, on(AZURE), json!({}));
    for (path, value, names) in [
        (
            "/signInConditions",
            json!({"signInRiskLevel": "extreme"}),
            "signInRiskLevel",
        ),
        (
            "/signInConditions",
            json!({"ipAddress": "here"}),
            "ipAddress",
        ),
        ("/signInConditions", json!({"times": "now"}), "times"),
        ("/signInContext", json!({}), "signInContext"),
        ("/signInContext", on("Office365"), "includeApplications"),
        (
            "/signInIdentity",
            json!({"@odata.type": "#microsoft.graph.userSubject"}),
            "signInIdentity",
        ),
        // The shape of the preview of 2024, which was taken away.
        (
            "/conditionalAccessWhatIfSubject",
            json!({"userId": employee}),
            "conditionalAccessWhatIfSubject",
        ),
    ] {
        let mut wrong = good.clone();
        let (parent, key) = path.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[key] = value;
        let refused = client.post(EVALUATE, wrong).await;
        assert_eq!(refused.status, 400, "{path}");
        let detail = refused.body["error"]["innerError"]["detail"]
            .as_str()
            .unwrap();
        assert!(detail.contains(names), "{detail}");
    }
    assert_eq!(client.get(EVALUATE).await.status, 405);
    running.stop().await;
}
