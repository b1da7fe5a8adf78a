//! What people can show besides a password, who may take a role, and whose guests are trusted: the
//! evidence of readiness (section 4 of the evidence reference).

use serde_json::{Value, json};

use super::crowd::{Factors, OTHER_HOMES, TRUSTED_HOMES};
use super::directory::{collection, find};
use super::errors::Failure;
use super::identity::home_tenant;
use super::owner::Session;
use super::query::{Collection, page, single, whole};
use super::request::{Reply, Request};
use super::routes::{Handled, read};
use super::tenant::{Row, Table, Tenant, text};

/// The properties of a registration that Graph filters by (2.8 of the contract).
const FILTERABLE: [&str; 11] = [
    "userPrincipalName",
    "isAdmin",
    "isMfaCapable",
    "isMfaRegistered",
    "isPasswordlessCapable",
    "isSsprCapable",
    "isSsprEnabled",
    "isSsprRegistered",
    "isSystemPreferredAuthenticationMethodEnabled",
    "methodsRegistered",
    "userType",
];

/// Answers a path of the evidence of readiness; `None` when there is no such path.
pub(super) fn answer(
    session: &Session<'_>,
    request: &Request,
    segments: &[&str],
) -> Option<Handled> {
    Some(match segments {
        [
            "reports",
            "authenticationmethods",
            "userregistrationdetails",
            rest @ ..,
        ] if rest.len() <= 1 => read(request, || registrations(session, request, rest)),
        ["users", id, "authentication", rest @ ..] if (1..=2).contains(&rest.len()) => {
            read(request, || methods(session, request, id, rest))
        }
        ["rolemanagement", "directory", name] => {
            let (table, is_schedule) = match *name {
                "roleassignmentscheduleinstances" => (Table::RoleAssignments, false),
                "roleeligibilityscheduleinstances" => (Table::RoleEligibilities, false),
                "roleeligibilityschedules" => (Table::RoleEligibilities, true),
                "roleassignmentschedules" => (Table::RoleAssignments, true),
                _ => return None,
            };
            read(request, || schedules(session, request, table, is_schedule))
        }
        ["policies", "crosstenantaccesspolicy", rest @ ..] if *rest != ["default"] => {
            read(request, || cross_tenant(session, request, rest))
        }
        _ => return None,
    })
}

/// What a user can show: somebody whom nobody generated has registered nothing.
fn factors(tenant: &Tenant, id: &str) -> Factors {
    match tenant.cast().by_id(id) {
        Some(player) => player.factors,
        None => {
            let crowd = tenant.present().crowd();
            crowd
                .by_id(id)
                .map_or(Factors::Nothing, |index| crowd.factors(index))
        }
    }
}

fn registered(factors: Factors) -> &'static [&'static str] {
    match factors {
        Factors::Nothing => &[],
        Factors::NotAllowed => &["officePhone"],
        Factors::Phone => &["mobilePhone"],
        Factors::Authenticator => &["microsoftAuthenticatorPush", "mobilePhone"],
        Factors::Passkey => &["passKeyDeviceBound"],
    }
}

fn registration(tenant: &Tenant, row: &Value) -> Value {
    let id = text(row, "id");
    let factors = factors(tenant, id);
    let is_admin = tenant
        .rows(Table::RoleAssignments)
        .any(|held| text(&held, "principalId").eq_ignore_ascii_case(id));
    // The method that the user chose, and the one that Entra chooses first.
    let (chosen, first) = match factors {
        Factors::Passkey => ("none", "fido2"),
        Factors::Authenticator => ("push", "push"),
        Factors::Phone => ("sms", "sms"),
        Factors::Nothing | Factors::NotAllowed => ("none", "none"),
    };
    json!({
        "id": id,
        "userPrincipalName": row["userPrincipalName"],
        "userDisplayName": row["displayName"],
        "userType": text(row, "userType").to_ascii_lowercase(),
        "isAdmin": is_admin,
        "isMfaCapable": factors.is_capable(),
        "isMfaRegistered": factors != Factors::Nothing,
        "isPasswordlessCapable": factors == Factors::Passkey,
        "isSsprCapable": factors.is_capable(),
        "isSsprEnabled": true,
        "isSsprRegistered": factors != Factors::Nothing,
        "isSystemPreferredAuthenticationMethodEnabled": factors.is_capable(),
        "systemPreferredAuthenticationMethods": if factors.is_capable() { vec![first] } else { vec![] },
        "userPreferredMethodForSecondaryAuthentication": chosen,
        "methodsRegistered": registered(factors),
        "lastUpdatedDateTime": super::clock::graph_time(tenant.now()),
    })
}

fn registrations(
    session: &Session<'_>,
    request: &Request,
    rest: &[&str],
) -> Result<Reply, Failure> {
    let tenant = session.tenant;
    let context = "reports/authenticationMethods/userRegistrationDetails";
    if let [id] = rest {
        let row = find(session, Table::Users, id)?;
        return Ok(single(request, context, registration(tenant, &row), &[]));
    }
    let collection = Collection {
        context,
        resource: "userRegistrationDetails",
        filterable: &FILTERABLE,
        page_size: 1_000,
        advanced: false,
        shown: &[],
    };
    // Who may not sign in is not in the report.
    let rows = tenant
        .rows(Table::Users)
        .filter(|row| row["accountEnabled"] != false)
        .map(|row| Row::new(registration(tenant, &row)));
    page(request, rows, &collection, whole)
}

/// The methods of one user: type, the collection that lists it alone, and what is shown of it.
fn methods(
    session: &Session<'_>,
    request: &Request,
    id: &str,
    rest: &[&str],
) -> Result<Reply, Failure> {
    let tenant = session.tenant;
    let user = find(session, Table::Users, id)?;
    let id = text(&user, "id");
    let created = user["createdDateTime"].clone();
    let method = |kind: &str, listed: &str, mut row: Value| {
        row["id"] = json!(tenant.id_of(&format!("{kind} of {id}")));
        row["createdDateTime"] = created.clone();
        (kind.to_owned(), listed.to_owned(), row)
    };
    let mut found = vec![(
        "password".to_owned(),
        "passwordmethods".to_owned(),
        json!({"id": "28c10230-6103-485e-b985-444c60001490", "password": null, "createdDateTime": created}),
    )];
    let factors = factors(tenant, id);
    let phone = |kind: &str| json!({"phoneNumber": "+1 2065550100", "phoneType": kind, "smsSignInState": "notAllowedByPolicy"});
    match factors {
        Factors::Nothing => {}
        Factors::NotAllowed => found.push(method("phone", "phonemethods", phone("office"))),
        Factors::Phone => found.push(method("phone", "phonemethods", phone("mobile"))),
        Factors::Authenticator => {
            found.push(method("phone", "phonemethods", phone("mobile")));
            found.push(method(
                "microsoftAuthenticator",
                "microsoftauthenticatormethods",
                json!({"displayName": "Phone", "deviceTag": "SoftwareTokenActivated", "phoneAppVersion": "6.2510.7"}),
            ));
        }
        Factors::Passkey => found.push(method(
            "fido2",
            "fido2methods",
            json!({
                "displayName": "Security key", "aaGuid": "00000000-0000-0000-0000-000000000000",
                "model": "Security key", "attestationCertificates": [], "attestationLevel": "attested",
            }),
        )),
    }
    const LISTS: [&str; 9] = [
        "methods",
        "passwordmethods",
        "phonemethods",
        "fido2methods",
        "microsoftauthenticatormethods",
        "emailmethods",
        "softwareoathmethods",
        "temporaryaccesspassmethods",
        "windowshelloforbusinessmethods",
    ];
    let (list, wanted) = match rest {
        [list] => (*list, None),
        [list, method] => (*list, Some(*method)),
        _ => return Err(Failure::no_such_segment("authentication")),
    };
    if !LISTS.contains(&list) {
        return Err(Failure::no_such_segment(list));
    }
    let rows: Vec<Row> = found
        .into_iter()
        .filter(|(_, listed, _)| list == "methods" || listed == list)
        .map(|(kind, _, mut row)| {
            if list == "methods" {
                row["@odata.type"] = json!(format!("#microsoft.graph.{kind}AuthenticationMethod"));
            }
            Row::new(row)
        })
        .collect();
    let context = format!("users('{id}')/authentication/{list}");
    if let Some(wanted) = wanted {
        let row = rows
            .iter()
            .find(|row| text(row, "id") == wanted)
            .ok_or_else(|| Failure::no_such_resource(wanted))?;
        return Ok(single(request, &context, Value::clone(row), &[]));
    }
    let collection = Collection {
        context: &context,
        resource: "authenticationMethod",
        filterable: &[],
        page_size: 100,
        advanced: false,
        shown: &[],
    };
    page(request, rows.into_iter(), &collection, whole)
}

fn schedules(
    session: &Session<'_>,
    request: &Request,
    table: Table,
    is_schedule: bool,
) -> Result<Reply, Failure> {
    let is_assignment = table == Table::RoleAssignments;
    let start = "2026-01-12T09:00:00Z";
    let rows = session.tenant.rows(table).map(|held| {
        let mut row = Value::clone(&held);
        row["memberType"] = json!("Direct");
        row["appScopeId"] = Value::Null;
        if is_schedule {
            row["status"] = json!("Provisioned");
            row["createdUsing"] = held["id"].clone();
            row["createdDateTime"] = json!(start);
            row["modifiedDateTime"] = Value::Null;
            row["scheduleInfo"] = json!({
                "startDateTime": start, "recurrence": null,
                "expiration": {"type": "noExpiration", "endDateTime": null, "duration": null},
            });
        } else {
            row["startDateTime"] = json!(start);
            row["endDateTime"] = Value::Null;
            let origin = if is_assignment {
                "roleAssignmentScheduleId"
            } else {
                "roleEligibilityScheduleId"
            };
            row[origin] = held["id"].clone();
            if is_assignment {
                row["roleAssignmentOriginId"] = held["id"].clone();
            }
        }
        if is_assignment {
            row["assignmentType"] = json!("Assigned");
        }
        Row::new(row)
    });
    let context = match (is_assignment, is_schedule) {
        (true, false) => "roleManagement/directory/roleAssignmentScheduleInstances",
        (true, true) => "roleManagement/directory/roleAssignmentSchedules",
        (false, false) => "roleManagement/directory/roleEligibilityScheduleInstances",
        (false, true) => "roleManagement/directory/roleEligibilitySchedules",
    };
    let collection = Collection {
        context,
        filterable: &[
            "id",
            "principalId",
            "roleDefinitionId",
            "directoryScopeId",
            "memberType",
            "assignmentType",
        ],
        ..collection(Table::RoleAssignments)
    };
    page(request, rows, &collection, whole)
}

fn inbound(is_mfa_accepted: bool) -> Value {
    json!({
        "isMfaAccepted": is_mfa_accepted,
        "isCompliantDeviceAccepted": false,
        "isHybridAzureADJoinedDeviceAccepted": false,
    })
}

fn cross_tenant(session: &Session<'_>, request: &Request, rest: &[&str]) -> Result<Reply, Failure> {
    let partner = |domain: &str| {
        json!({
            "tenantId": home_tenant(domain),
            "isServiceProvider": false, "isInMultiTenantOrganization": false,
            "inboundTrust": inbound(TRUSTED_HOMES.contains(&domain)),
            "b2bCollaborationInbound": null, "b2bCollaborationOutbound": null,
            "b2bDirectConnectInbound": null, "b2bDirectConnectOutbound": null,
            "tenantRestrictions": null,
            "automaticUserConsentSettings": {"inboundAllowed": null, "outboundAllowed": null},
        })
    };
    let context = "policies/crossTenantAccessPolicy";
    match rest {
        [] => Ok(single(
            request,
            context,
            json!({"id": session.tenant.id_of("cross-tenant access"), "displayName": "CrossTenantAccessPolicy", "definition": [], "allowedCloudEndpoints": []}),
            &[],
        )),
        ["partners", rest @ ..] if rest.len() <= 1 => {
            let partners: Vec<Row> = TRUSTED_HOMES
                .iter()
                .chain(&OTHER_HOMES[..1])
                .map(|domain| Row::new(partner(domain)))
                .collect();
            if let [id] = rest {
                let row = partners
                    .iter()
                    .find(|row| text(row, "tenantId") == *id)
                    .ok_or_else(|| Failure::no_such_resource(id))?;
                return Ok(single(
                    request,
                    "policies/crossTenantAccessPolicy/partners",
                    Value::clone(row),
                    &[],
                ));
            }
            let collection = Collection {
                context: "policies/crossTenantAccessPolicy/partners",
                resource: "crossTenantAccessPolicyConfigurationPartner",
                filterable: &["tenantId"],
                page_size: 100,
                advanced: false,
                shown: &[],
            };
            page(request, partners.into_iter(), &collection, whole)
        }
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}
