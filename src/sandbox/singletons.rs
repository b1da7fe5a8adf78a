//! Answers that never change: what scanners read beside Conditional Access, so that they come to their
//! verdicts about it. Most of it is an empty list; the rest has the defaults of a new tenant.

use serde_json::{Value, json};

use super::errors::Failure;
use super::owner::{Answer, Session};
use super::query::single;
use super::request::{Reply, Request};
use super::routes::{Handled, read};

/// The collections that are empty, as their context spells them.
const EMPTY: [&str; 10] = [
    "applications",
    "deviceManagement/deviceCompliancePolicies",
    "deviceManagement/deviceConfigurations",
    "deviceManagement/deviceEnrollmentConfigurations",
    "deviceManagement/managedDevices",
    "directory/onPremisesSynchronization",
    "groupSettings",
    "identityGovernance/accessReviews/definitions",
    "policies/activityBasedTimeoutPolicies",
    "policies/roleManagementPolicyAssignments",
];

/// Answers such a path; `None` when it is none.
pub(super) fn answer(
    session: &Session<'_>,
    request: &Request,
    segments: &[&str],
) -> Option<Handled> {
    let path = segments.join("/");
    if let Some(context) = EMPTY
        .iter()
        .find(|context| context.eq_ignore_ascii_case(&path))
    {
        return Some(read(request, || Ok(empty(request, context))));
    }
    Some(match path.as_str() {
        "legacy/policies" if request.beta => {
            read(request, || Ok(empty(request, "legacy/policies")))
        }
        "security/runhuntingquery" | "security/microsoft.graph.security.runhuntingquery" => {
            hunt(request)
        }
        _ => {
            let (context, document) = document(session, &path)?;
            read(request, || Ok(single(request, context, document, &[])))
        }
    })
}

/// A list with nothing in it, whatever of it is asked for.
fn empty(request: &Request, context: &str) -> Reply {
    let mut body = json!({
        "@odata.context": format!("{}/$metadata#{context}", request.root()),
        "value": [],
    });
    if request.option("count").is_some_and(|count| count == "true") {
        body["@odata.count"] = json!(0);
    }
    Reply::ok(body)
}

/// The hunting query: there are no tables, so nothing is found.
fn hunt(request: &Request) -> Handled {
    if request.method != "POST" {
        return Err(Failure::method_not_allowed());
    }
    // synthetic: the answer to a query over nothing.
    Ok(Answer::Read(Reply::ok(json!({
        "@odata.context": format!("{}/$metadata#microsoft.graph.security.huntingQueryResults", request.root()),
        "schema": [],
        "results": [],
    }))))
}

/// A policy of which a tenant has one, as its context spells it.
// synthetic: the shapes are Graph's, the values those of a tenant in which nobody has changed anything.
fn document(session: &Session<'_>, path: &str) -> Option<(&'static str, Value)> {
    Some(match path {
        "policies/authorizationpolicy" => ("policies/authorizationPolicy", authorization()),
        "policies/adminconsentrequestpolicy" => (
            "policies/adminConsentRequestPolicy",
            json!({
                "isEnabled": false,
                "notifyReviewers": false,
                "remindersEnabled": false,
                "requestDurationInDays": 30,
                "version": 0,
                "reviewers": [],
            }),
        ),
        "policies/defaultappmanagementpolicy" => (
            "policies/defaultAppManagementPolicy",
            json!({
                "id": "00000000-0000-0000-0000-000000000000",
                "displayName": "Default app management tenant policy",
                "description": null,
                "isEnabled": false,
                "applicationRestrictions": {"passwordCredentials": [], "keyCredentials": []},
                "servicePrincipalRestrictions": {"passwordCredentials": [], "keyCredentials": []},
            }),
        ),
        "policies/deviceregistrationpolicy" => {
            ("policies/deviceRegistrationPolicy", device_registration())
        }
        "policies/authenticationmethodspolicy" => (
            "policies/authenticationMethodsPolicy",
            authentication_methods(),
        ),
        "policies/crosstenantaccesspolicy/default" => {
            ("policies/crossTenantAccessPolicy/default", cross_tenant())
        }
        "devicemanagement" => (
            "deviceManagement",
            json!({
                "id": session.tenant.id_of("device management"),
                "subscriptionState": "pending",
                "settings": {
                    "deviceComplianceCheckinThresholdDays": 30,
                    "isScheduledActionEnabled": true,
                    "secureByDefault": false,
                },
            }),
        ),
        _ => return None,
    })
}

fn authorization() -> Value {
    json!({
        "id": "authorizationPolicy",
        "displayName": "Authorization Policy",
        "description": null,
        "deletedDateTime": null,
        "allowInvitesFrom": "everyone",
        "allowedToSignUpEmailBasedSubscriptions": true,
        "allowedToUseSSPR": true,
        "allowEmailVerifiedUsersToJoinOrganization": false,
        "allowUserConsentForRiskyApps": null,
        "blockMsolPowerShell": false,
        "guestUserRoleId": "10dae51f-b6af-4016-8d66-8c2a99b929b3",
        "defaultUserRolePermissions": {
            "allowedToCreateApps": true,
            "allowedToCreateSecurityGroups": true,
            "allowedToCreateTenants": true,
            "allowedToReadBitlockerKeysForOwnedDevice": true,
            "allowedToReadOtherUsers": true,
            "permissionGrantPoliciesAssigned": [
                "ManagePermissionGrantsForSelf.microsoft-user-default-legacy",
            ],
        },
    })
}

fn device_registration() -> Value {
    let everybody = json!({"@odata.type": "#microsoft.graph.allDeviceRegistrationMembership"});
    json!({
        "id": "deviceRegistrationPolicy",
        "displayName": "Device Registration Policy",
        "description": null,
        "userDeviceQuota": 50,
        "multiFactorAuthConfiguration": "notRequired",
        "azureADRegistration": {"isAdminConfigurable": false, "allowedToRegister": everybody},
        "azureADJoin": {
            "isAdminConfigurable": true,
            "allowedToJoin": everybody,
            "localAdmins": {"enableGlobalAdmins": true, "registeringUsers": everybody},
        },
        "localAdminPassword": {"isEnabled": false},
    })
}

fn authentication_methods() -> Value {
    let methods = [
        ("Fido2", "fido2", "enabled"),
        (
            "MicrosoftAuthenticator",
            "microsoftAuthenticator",
            "enabled",
        ),
        ("Sms", "sms", "enabled"),
        ("TemporaryAccessPass", "temporaryAccessPass", "enabled"),
        ("SoftwareOath", "softwareOath", "enabled"),
        ("Voice", "voice", "disabled"),
        ("Email", "email", "disabled"),
        ("X509Certificate", "x509Certificate", "disabled"),
    ];
    let configurations: Vec<Value> = methods
        .iter()
        .map(|(id, name, state)| {
            json!({
                "@odata.type": format!("#microsoft.graph.{name}AuthenticationMethodConfiguration"),
                "id": id,
                "state": state,
                "excludeTargets": [],
                "includeTargets": [{
                    "targetType": "group",
                    "id": "all_users",
                    "isRegistrationRequired": false,
                }],
            })
        })
        .collect();
    json!({
        "id": "authenticationMethodsPolicy",
        "displayName": "Authentication Methods Policy",
        "description": null,
        "lastModifiedDateTime": "2026-11-02T08:00:00Z",
        "policyVersion": "1.5",
        "policyMigrationState": "migrationComplete",
        "registrationEnforcement": {
            "authenticationMethodsRegistrationCampaign": {
                "snoozeDurationInDays": 1,
                "state": "default",
                "excludeTargets": [],
                "includeTargets": [],
            },
        },
        "authenticationMethodConfigurations": configurations,
    })
}

fn cross_tenant() -> Value {
    let rule = |access: &str| {
        json!({
            "usersAndGroups": {
                "accessType": access,
                "targets": [{"target": "AllUsers", "targetType": "user"}],
            },
            "applications": {
                "accessType": access,
                "targets": [{"target": "AllApplications", "targetType": "application"}],
            },
        })
    };
    json!({
        "isServiceDefault": true,
        "inboundTrust": {
            "isMfaAccepted": false,
            "isCompliantDeviceAccepted": false,
            "isHybridAzureADJoinedDeviceAccepted": false,
        },
        "b2bCollaborationInbound": rule("allowed"),
        "b2bCollaborationOutbound": rule("allowed"),
        "b2bDirectConnectInbound": rule("blocked"),
        "b2bDirectConnectOutbound": rule("blocked"),
        "automaticUserConsentSettings": {"inboundAllowed": null, "outboundAllowed": null},
        "tenantRestrictions": null,
    })
}
