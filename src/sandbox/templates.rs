//! The templates that policies can be made from (2.5 of the contract): read-only, the same in every tenant.
//!
//! Ids, scenarios and details are Microsoft's; names and descriptions are in words of our own.

use serde_json::{Value, json};

use super::errors::Failure;
use super::owner::{Answer, Session};
use super::people::AZURE_MANAGEMENT;
use super::policies::hide_new_members;
use super::profile::Profile;
use super::query::{Collection, page, single, whole};
use super::request::Request;
use super::routes::Handled;
use super::schema::{POLICY, Surface, completed, shown};
use super::tenant::{Row, Table, text};

const CONTEXT: &str = "identity/conditionalAccess/templates";
/// What stands for whoever makes a policy from a template.
const MAKER: &str = "Current administrator will be excluded";
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const SYNCHRONIZATION: &str = "d29b2b05-8046-44ba-8758-1e26182fcf32";
/// The roles that templates for administrators are on: the first fourteen, or all with a
/// phishing-resistant strength.
const ADMINISTRATORS: [&str; 19] = [
    GLOBAL_ADMINISTRATOR,
    "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "b0f54661-2d74-4c50-afa3-1ec803f12efe",
    "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "158c047a-c907-4556-b7ef-446551a6b5f7",
    "966707d0-3269-4727-9be2-8c3a10f19b9d",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "17315797-102d-40b4-93e0-432062caca18",
    "e6d1a23a-da11-4be4-9570-befc86d067a7",
    "3a2c62db-5318-420d-8d74-23affee5d9d5",
    "44367163-eba1-44c3-98af-f5787879f96a",
    "11648597-926c-4cf3-9c36-bcebb0ba8dcc",
];

/// Answers below the collection of templates.
pub(super) fn answer(session: &Session<'_>, request: &Request, rest: &[&str]) -> Handled {
    if request.method != "GET" {
        return Err(Failure::method_not_allowed());
    }
    let rows = || templates(session, request).into_iter().map(Row::new);
    match rest {
        [] => {
            for option in ["top", "skip", "count"] {
                if request.option(option).is_some() {
                    // synthetic: that the option is not supported is documented, the sentence is not.
                    return Err(Failure::bad_request(format!(
                        "The query option '${option}' is not supported on conditionalAccessTemplate."
                    )));
                }
            }
            let collection = Collection {
                context: CONTEXT,
                resource: "ConditionalAccessTemplate",
                filterable: &["id", "name", "scenarios"],
                page_size: usize::MAX,
                advanced: false,
                shown: &[],
            };
            page(request, rows(), &collection, whole).map(Answer::Read)
        }
        [id] => rows()
            .find(|row| text(row, "id").eq_ignore_ascii_case(id))
            .map(|row| Answer::Read(single(request, CONTEXT, whole(&row), &[])))
            // synthetic: the answer for an unknown template.
            .ok_or_else(|| {
                Failure::new(
                    404,
                    "NotFound",
                    format!("ConditionalAccessTemplate with id {id} does not exist."),
                )
            }),
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

/// One template, as the table below writes it: sparse, everybody unless it says who.
struct Template {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    scenarios: &'static str,
    conditions: Value,
    grant: Value,
    session: Value,
}

fn templates(session: &Session<'_>, request: &Request) -> Vec<Value> {
    let surface = Surface {
        beta: request.beta,
        cloud: Profile::of(session.tenant).cloud,
    };
    table()
        .into_iter()
        .map(|template| {
            let mut conditions = json!({
                "clientAppTypes": ["all"],
                "applications": {"includeApplications": ["All"]},
                "users": {"includeUsers": ["All"], "excludeUsers": [MAKER]},
            });
            for (key, value) in template.conditions.as_object().into_iter().flatten() {
                conditions[key] = value.clone();
            }
            let policy = completed(
                json!({
                    "conditions": conditions,
                    "grantControls": template.grant,
                    "sessionControls": template.session,
                }),
                &POLICY,
            );
            let mut details = shown(&policy, &POLICY, surface);
            if let Some(strength) = details.pointer_mut("/grantControls/authenticationStrength")
                && let Some(whole) = session.tenant.row(Table::Strengths, text(strength, "id"))
            {
                *strength = Value::clone(&whole);
            }
            hide_new_members(request, &mut details);
            json!({
                "id": template.id,
                "name": template.name,
                "description": template.description,
                "scenarios": template.scenarios,
                "details": details,
            })
        })
        .collect()
}

fn controls(controls: &[&str]) -> Value {
    json!({"operator": "OR", "builtInControls": controls})
}

fn roles(roles: &[&str]) -> Value {
    json!({"users": {"includeRoles": roles, "excludeUsers": [MAKER]}})
}

fn without(role: &str) -> Value {
    json!({"users": {"includeUsers": ["All"], "excludeUsers": [MAKER], "excludeRoles": [role]}})
}

fn every_time() -> Value {
    json!({"signInFrequency": {
        "isEnabled": true, "frequencyInterval": "everyTime",
        "authenticationType": "primaryAndSecondaryAuthentication",
    }})
}

#[rustfmt::skip]
fn table() -> Vec<Template> {
    let template = |id, name, description, scenarios, conditions, grant, session| Template {
        id, name, description, scenarios, conditions, grant, session,
    };
    let admins = &ADMINISTRATORS[..14];
    vec![
        template("c7503427-338e-4c5e-902d-abe252abfb43", "Require MFA for admins",
            "Administrators prove who they are with a second factor.",
            "secureFoundation,zeroTrust,protectAdmins", roles(admins), controls(&["mfa"]), Value::Null),
        template("b8bda7f8-6584-4446-bce9-d871480e53fa", "Secure security info registration",
            "Registering authentication methods from an untrusted place takes a second factor.",
            "secureFoundation,zeroTrust,remoteWork",
            json!({
                "applications": {"includeUserActions": ["urn:user:registersecurityinfo"]},
                "users": {
                    "includeUsers": ["All"], "excludeUsers": ["GuestsOrExternalUsers", MAKER],
                    "excludeRoles": [GLOBAL_ADMINISTRATOR],
                },
                "locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]},
            }), controls(&["mfa"]), Value::Null),
        template("0b2282f9-2862-4178-88b5-d79340b36cb8", "Block legacy authentication",
            "Protocols that cannot ask for a second factor are blocked.",
            "secureFoundation,zeroTrust,remoteWork,protectAdmins",
            json!({"clientAppTypes": ["exchangeActiveSync", "other"]}), controls(&["block"]), Value::Null),
        template("a3d0a415-b068-4326-9251-f9cdf9feeb64", "Require MFA for all users",
            "Everybody but the directory synchronization proves who they are with a second factor.",
            "secureFoundation,zeroTrust,remoteWork", without(SYNCHRONIZATION), controls(&["mfa"]), Value::Null),
        template("a4072ac0-722b-4991-981b-7f9755daef14", "Require MFA for guest access",
            "Guests prove who they are with a second factor.", "zeroTrust,remoteWork",
            json!({"users": {"includeUsers": ["GuestsOrExternalUsers"], "excludeUsers": [MAKER]}}),
            controls(&["mfa"]), Value::Null),
        template("d8c51a9a-e6b1-454d-86af-554e7872e2c1", "Require MFA for Azure management",
            "Managing Azure takes a second factor.", "secureFoundation,zeroTrust,protectAdmins",
            json!({"applications": {"includeApplications": [AZURE_MANAGEMENT.0]}}),
            controls(&["mfa"]), Value::Null),
        template("6b619f55-792e-45dc-9711-d83ec9d7ae90", "Require MFA for risky sign-ins",
            "A sign-in of medium or high risk takes a second factor; needs P2.", "zeroTrust,remoteWork",
            json!({"signInRiskLevels": ["high", "medium"]}), controls(&["mfa"]), every_time()),
        template("634b6de7-c38d-4357-a2c7-3842706eedd7", "Require password change for high-risk users",
            "Whose account is at high risk changes the password; needs P2.", "zeroTrust,remoteWork",
            json!({"userRiskLevels": ["high"]}),
            json!({"operator": "AND", "builtInControls": ["mfa", "passwordChange"]}), every_time()),
        template("c26a510a-3b8b-4023-8c44-d4f4c854e9f9", "Require a managed device for admins",
            "Administrators sign in from devices that are compliant or joined.", "remoteWork,protectAdmins",
            json!({"users": {"includeUsers": ["None"], "excludeUsers": [MAKER], "includeRoles": admins}}),
            controls(&["compliantDevice", "domainJoinedDevice"]), Value::Null),
        template("4e39a309-931e-4cb1-a371-e2beea168002", "Block unknown device platforms",
            "Devices of a platform that is not known are blocked.", "zeroTrust,remoteWork",
            json!({"platforms": {
                "includePlatforms": ["all"],
                "excludePlatforms": ["android", "iOS", "windows", "macOS", "linux", "windowsPhone"],
            }}), controls(&["block"]), Value::Null),
        template("62e51ccc-c9c3-4554-ac70-066172c81007", "No persistent browser session",
            "On unmanaged devices a browser forgets who signed in, after an hour at the latest.",
            "zeroTrust,remoteWork",
            json!({"devices": {"deviceFilter": {
                "mode": "include",
                "rule": "device.trustType -ne \"ServerAD\" -or device.isCompliant -ne True",
            }}}), Value::Null,
            json!({
                "signInFrequency": {
                    "isEnabled": true, "value": 1, "type": "hours", "frequencyInterval": "timeBased",
                    "authenticationType": "primaryAndSecondaryAuthentication",
                },
                "persistentBrowser": {"isEnabled": true, "mode": "never"},
            })),
        template("927c884e-7888-4e81-abc4-bd56ded28985", "Require a managed device or MFA for all users",
            "Everybody but the directory synchronization has a managed device or a second factor.",
            "secureFoundation,zeroTrust", without(SYNCHRONIZATION),
            controls(&["mfa", "compliantDevice", "domainJoinedDevice"]), Value::Null),
        template("81fd2072-4876-42b6-8157-c6000693046b", "Use app enforced restrictions for Office 365",
            "Office 365 itself limits what can be done; SharePoint has to be set up for it.", "remoteWork",
            json!({"applications": {"includeApplications": ["Office365"]}}), Value::Null,
            json!({"applicationEnforcedRestrictions": {"isEnabled": true}})),
        template("76c03f19-ea37-4656-a772-a183b4ddb81d", "Require phishing-resistant MFA for admins",
            "Administrators use a method that cannot be phished.", "protectAdmins,emergingThreats",
            roles(&ADMINISTRATORS),
            json!({"operator": "AND", "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004"}}),
            Value::Null),
        template("6364131e-bc4a-47c4-a20b-33492d1fff6c", "Require MFA for Microsoft admin portals",
            "Administrators prove who they are with a second factor at the admin portals.",
            "zeroTrust,protectAdmins",
            json!({
                "applications": {"includeApplications": ["MicrosoftAdminPortals"]},
                "users": {"includeRoles": admins, "excludeUsers": [MAKER]},
            }),
            json!({"operator": "OR", "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000002"}}),
            Value::Null),
        template("16aaa400-bfdf-4756-a420-ad2245d4cde8", "Block Office 365 for users with insider risk",
            "Whose insider risk is elevated is kept from Office 365; needs P2.", "zeroTrust",
            json!({
                "applications": {"includeApplications": ["Office365"]},
                "insiderRiskLevels": "elevated",
                "users": {
                    "includeUsers": ["All"], "excludeUsers": [MAKER],
                    "excludeGuestsOrExternalUsers": {
                        "guestOrExternalUserTypes": "b2bDirectConnectUser,otherExternalUser,serviceProvider",
                    },
                },
            }), controls(&["block"]), Value::Null),
        template("a297dd1a-21fe-4016-99a0-ba43ba64378c", "Require a compliant device for all users",
            "Everybody but the directory synchronization has a compliant device.",
            "secureFoundation,zeroTrust", without(SYNCHRONIZATION), controls(&["compliantDevice"]), Value::Null),
    ]
}
