//! What a published policy refers to, provided in the tenant before the policy is posted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::Graph;

/// The objects of a tenant that stand for those of the published policies.
pub(super) struct Provided<'a> {
    tenant: &'a Graph,
    /// What the templates write where whoever makes the policy is excluded.
    maker: String,
    ids: BTreeMap<(&'static str, String), String>,
}

impl<'a> Provided<'a> {
    pub(super) fn new(tenant: &'a Graph) -> Self {
        let templates = tenant.get("/v1.0/identity/conditionalAccess/templates");
        let excluded = templates["value"][0]
            .pointer("/details/conditions/users/excludeUsers/0")
            .unwrap();
        Self {
            tenant,
            maker: excluded.as_str().unwrap().to_owned(),
            ids: BTreeMap::new(),
        }
    }

    /// Replaces each id of an object of another tenant, and each mark that stands for one, by the id of an
    /// object of this tenant. What is neither, a display name or half a GUID, stays as it is.
    pub(super) fn provide(&mut self, body: &mut Value) {
        for (list, kind) in [
            ("users/includeUsers", "user"),
            ("users/excludeUsers", "user"),
            ("users/includeGroups", "group"),
            ("users/excludeGroups", "group"),
            ("locations/includeLocations", "location"),
            ("locations/excludeLocations", "location"),
            ("applications/includeApplications", "app"),
            ("applications/excludeApplications", "app"),
        ] {
            let list = body.pointer_mut(&format!("/conditions/{list}"));
            for element in list.and_then(Value::as_array_mut).into_iter().flatten() {
                let Some(text) = element.as_str().map(str::to_owned) else {
                    continue;
                };
                // No app can be made up for a blank: its id is what it is.
                let is_blank = is_blank_guid(&text) && kind != "app";
                let is_mark = text.starts_with('<') || is_blank || text == self.maker;
                if is_mark || (is_guid(&text) && text != "00000000-0000-0000-0000-000000000000") {
                    *element = json!(self.stands_for(kind, &text));
                }
            }
        }
    }

    fn stands_for(&mut self, kind: &'static str, text: &str) -> String {
        if let Some(id) = self.ids.get(&(kind, text.to_owned())) {
            return id.clone();
        }
        let name = format!("Provided {kind} {}", self.ids.len());
        let id = match kind {
            "user" => self.made(
                "/v1.0/users",
                &json!({
                    "displayName": name, "mailNickname": name.replace(' ', "."),
                    "userPrincipalName": format!("{}@{}", name.replace(' ', "."), portcullis::sandbox::DOMAIN),
                    "accountEnabled": true,
                }),
            ),
            "group" => self.tenant.create_group(&name, &[]),
            "location" => self.made(
                "/v1.0/identity/conditionalAccess/namedLocations",
                &json!({
                    "@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": name,
                    "isTrusted": false, "ipRanges": [{
                        "@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.7/32",
                    }],
                }),
            ),
            _ => {
                // Apps are named by an id that is the same in every tenant.
                let found = format!("/v1.0/servicePrincipals?$filter=appId eq '{text}'");
                if self.tenant.get(&found)["value"] == json!([]) {
                    let app = json!({"appId": text, "displayName": name});
                    self.tenant.post("/v1.0/servicePrincipals", &app);
                }
                text.to_owned()
            }
        };
        self.ids.insert((kind, text.to_owned()), id.clone());
        id
    }

    fn made(&self, path: &str, body: &Value) -> String {
        self.tenant.post(path, body)["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Whether a text is a GUID yet to be filled in: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
fn is_blank_guid(text: &str) -> bool {
    let digit = text.chars().next().unwrap_or_default();
    digit.is_ascii_alphabetic() && is_guid(&text.replace(digit, "0")) && !is_guid(text)
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
