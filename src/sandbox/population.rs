//! The organisation that is there before anybody writes anything: literal, deterministic, and clean.

use serde_json::{Value, json};

use super::CLIENT_ID;
use super::cast::Cast;
use super::crowd::Crowd;
use super::identity::Identity;
use super::people::{ADMINISTRATORS, EMPLOYEES, GUESTS, MICROSOFT_APPS, ROLES};
use super::recipe::Recipe;
use super::schema::{POLICY, completed};
use super::tenant::{Change, Table, Tenant, text};
use super::{settlement, strengths};

/// When the organisation began, and its people and applications with it.
const FOUNDED: &str = "2026-01-12T09:00:00Z";
/// The tenant that Microsoft's own applications belong to.
const MICROSOFT: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";

/// The tenant before the first event.
pub(super) fn tenant(of: Identity, recipe: Recipe) -> Tenant {
    let cast = Cast::of(&of, &recipe);
    let named = cast
        .players()
        .iter()
        .filter(|player| player.plant.is_none());
    let named = u32::try_from(named.count()).unwrap_or_default();
    let size = recipe.people.saturating_sub(named);
    let crowd = Crowd::of(&of, recipe.seed, size, settlement::kin(&of));
    let mut tenant = Tenant::empty(of.clone(), recipe.clone(), cast, crowd);
    let of = &of;
    let mut put = |table: Table, row: Value| tenant.change(&Change::Put { table, row });
    for strength in strengths::built_in() {
        put(Table::Strengths, strength);
    }
    for (id, name) in ROLES.into_iter().chain(super::roles::UNUSED) {
        put(
            Table::RoleDefinitions,
            json!({
                "id": id, "templateId": id, "displayName": name,
                "description": format!("Holds the permissions of a {name}."),
                "isBuiltIn": true, "isEnabled": true, "resourceScopes": ["/"], "version": "1",
            }),
        );
    }
    put(
        Table::SecurityDefaults,
        json!({
            "id": "00000000-0000-0000-0000-000000000005",
            "displayName": "Security Defaults",
            "description": "Security defaults is a set of basic identity security mechanisms recommended by Microsoft. When enabled, these recommendations will be automatically enforced in your organization. Administrators and users will be better protected from common identity related attacks.",
            "isEnabled": false,
        }),
    );
    for (app_id, name) in MICROSOFT_APPS {
        put(
            Table::ServicePrincipals,
            service_principal(of, app_id, name, MICROSOFT),
        );
    }
    put(
        Table::ServicePrincipals,
        service_principal(of, &of.id_of("app Timesheets"), "Timesheets", &of.id),
    );
    put(
        Table::ServicePrincipals,
        service_principal(of, CLIENT_ID, "portcullis", &of.id),
    );
    for (given, surname, department, title) in EMPLOYEES {
        let nickname = format!("{given}.{surname}").to_lowercase();
        let mut row = user(of, &nickname, &format!("{given} {surname}"));
        row["givenName"] = json!(given);
        row["surname"] = json!(surname);
        row["department"] = json!(department);
        row["jobTitle"] = json!(title);
        row["officeLocation"] = json!("Head office");
        put(Table::Users, row);
    }
    for (given, surname, home) in GUESTS {
        let nickname = format!("{given}.{surname}_{home}#EXT#")
            .to_lowercase()
            .replace("#ext#", "#EXT#");
        let mut row = user(of, &nickname, &format!("{given} {surname}"));
        row["givenName"] = json!(given);
        row["surname"] = json!(surname);
        row["userType"] = json!("Guest");
        row["mail"] = json!(format!("{given}.{surname}@{home}").to_lowercase());
        put(Table::Users, row);
    }
    let accounts = [
        ("svc-backup", "Backup automation"),
        ("svc-reports", "Reporting automation"),
        ("emergency1", "Emergency access 1"),
        ("emergency2", "Emergency access 2"),
    ];
    for (nickname, name) in accounts
        .into_iter()
        .chain(ADMINISTRATORS.map(|(nickname, name, _)| (nickname, name)))
    {
        let mut row = user(of, nickname, name);
        row["mail"] = Value::Null;
        put(Table::Users, row);
    }
    let holders = ADMINISTRATORS
        .map(|(nickname, _, role)| (nickname, role))
        .into_iter()
        .chain([
            ("emergency1", "Global Administrator"),
            ("emergency2", "Global Administrator"),
            ("thabo.nkosi", "Helpdesk Administrator"),
        ]);
    for (nickname, role) in holders {
        put(
            Table::RoleAssignments,
            json!({
                "id": of.id_of(&format!("assignment {nickname} {role}")),
                "principalId": user_id(of, nickname),
                "roleDefinitionId": role_id(role),
                "directoryScopeId": "/",
            }),
        );
    }
    for location in locations(of) {
        put(Table::NamedLocations, location);
    }
    groups(of, &mut tenant);
    settlement::settle(of, &mut tenant);
    for row in policies(of, recipe.has("A05")) {
        tenant.change(&Change::Put {
            table: Table::Policies,
            row,
        });
    }
    tenant
}

/// The id of somebody with a name of their own.
pub(super) fn user_id(of: &Identity, nickname: &str) -> String {
    of.id_of(&format!("user {nickname}"))
}

/// The id of a role.
pub(super) fn role_id(name: &str) -> &'static str {
    ROLES
        .iter()
        .find(|(_, role)| *role == name)
        .map_or("", |(id, _)| id)
}

/// The row of somebody with a name of their own.
pub(super) fn user(of: &Identity, nickname: &str, name: &str) -> Value {
    let mut row = blank(of, Table::Users, name, "");
    row["id"] = json!(user_id(of, nickname));
    row["mailNickname"] = json!(nickname);
    row["userPrincipalName"] = json!(format!("{nickname}@{}", of.domain));
    row["mail"] = json!(format!("{nickname}@{}", of.domain));
    row
}

/// The row of an application in this tenant.
pub(super) fn service_principal(of: &Identity, app_id: &str, name: &str, owner: &str) -> Value {
    let mut row = blank(of, Table::ServicePrincipals, name, app_id);
    row["id"] = json!(of.id_of(&format!("service principal {app_id}")));
    row["appOwnerOrganizationId"] = json!(owner);
    row
}

/// An object of the directory with every property it can have, as yet without an id.
pub(super) fn blank(of: &Identity, table: Table, name: &str, app_id: &str) -> Value {
    match table {
        Table::Users => json!({
            "id": "", "displayName": name, "userPrincipalName": "", "mailNickname": "", "mail": null,
            "givenName": null, "surname": null, "jobTitle": null, "department": null,
            "officeLocation": null, "mobilePhone": null, "businessPhones": [],
            "preferredLanguage": null, "usageLocation": null, "accountEnabled": true,
            "userType": "Member", "createdDateTime": FOUNDED, "onPremisesSyncEnabled": null,
            "deletedDateTime": null,
        }),
        Table::Groups => json!({
            "id": "", "displayName": name, "description": null, "mailNickname": "", "mail": null,
            "mailEnabled": false, "securityEnabled": true, "groupTypes": [], "membershipRule": null,
            "membershipRuleProcessingState": null, "isAssignableToRole": null,
            "createdDateTime": FOUNDED, "onPremisesSyncEnabled": null, "visibility": null,
            "deletedDateTime": null,
        }),
        _ => json!({
            "id": "", "appId": app_id, "displayName": name, "appDisplayName": name,
            "accountEnabled": true, "servicePrincipalType": "Application",
            "servicePrincipalNames": [app_id], "appOwnerOrganizationId": of.id,
            "signInAudience": "AzureADMyOrg", "tags": [], "createdDateTime": FOUNDED,
            "deletedDateTime": null,
        }),
    }
}

fn groups(of: &Identity, tenant: &mut Tenant) {
    let in_department = |department: &str, titles: &[&str]| -> Vec<String> {
        EMPLOYEES
            .iter()
            .filter(|(_, _, theirs, title)| {
                *theirs == department && (titles.is_empty() || titles.contains(title))
            })
            .map(|(given, surname, ..)| user_id(of, &format!("{given}.{surname}").to_lowercase()))
            .collect()
    };
    let named = |nicknames: &[&str]| {
        nicknames
            .iter()
            .map(|name| user_id(of, name))
            .collect::<Vec<_>>()
    };
    let platform_titles = ["Platform Engineer", "Site Reliability Engineer"];
    let developer_titles = ["Head of Engineering", "Software Engineer", "Test Engineer"];
    let mut developers = in_department("Engineering", &developer_titles);
    developers.push(of.id_of("group Engineering-Platform"));
    let everybody = EMPLOYEES
        .iter()
        .map(|(given, surname, ..)| user_id(of, &format!("{given}.{surname}").to_lowercase()))
        .collect();
    let groups = [
        ("CA-Exclude-Backup-Automation", "", named(&["svc-backup"])),
        (
            "Azure-Administrators",
            "",
            named(&[
                "ingrid.solheim",
                "elif.yildirim",
                "henrik.aaltonen",
                "ga.admin",
            ]),
        ),
        (
            "Azure-Pilot",
            "",
            named(&[
                "owen.llewellyn",
                "rafael.moreira",
                "aiko.tanabe",
                "priya.venkatesan",
                "linh.tran",
            ]),
        ),
        ("All-Employees", "", everybody),
        ("Engineering", "", developers),
        (
            "Engineering-Platform",
            "",
            in_department("Engineering", &platform_titles),
        ),
        // Two of one name: which one is meant cannot be told.
        ("Contractors", "", named(&["pavel.novotny"])),
        (
            "Contractors",
            " of the marketing department",
            named(&["bao.nguyen"]),
        ),
        ("Sales-Dynamic", "", in_department("Sales", &[])),
    ];
    for (name, suffix, members) in groups {
        let id = of.id_of(&format!("group {name}{suffix}"));
        let mut row = blank(of, Table::Groups, name, "");
        row["id"] = json!(id);
        row["mailNickname"] = json!(name);
        row["createdDateTime"] = json!("2026-02-03T10:15:00Z");
        if name == "Sales-Dynamic" {
            row["groupTypes"] = json!(["DynamicMembership"]);
            row["membershipRule"] = json!("(user.department -eq \"Sales\")");
            row["membershipRuleProcessingState"] = json!("On");
        }
        tenant.change(&Change::Put {
            table: Table::Groups,
            row,
        });
        for member in members {
            tenant.change(&Change::Join {
                group: id.clone(),
                member,
            });
        }
    }
}

fn locations(of: &Identity) -> [Value; 3] {
    let addresses = |name: &str, trusted: bool, ranges: &[&str]| {
        let ranges: Vec<Value> = ranges
            .iter()
            .map(|range| {
                let kind = if range.contains(':') {
                    "iPv6CidrRange"
                } else {
                    "iPv4CidrRange"
                };
                json!({"@odata.type": format!("#microsoft.graph.{kind}"), "cidrAddress": range})
            })
            .collect();
        json!({
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "id": of.id_of(&format!("location {name}")),
            "displayName": name,
            "createdDateTime": "2026-02-16T13:20:00.0000000Z",
            "modifiedDateTime": "2026-02-16T13:20:00.0000000Z",
            "isTrusted": trusted,
            "ipRanges": ranges,
        })
    };
    [
        addresses("Head office", true, &["203.0.113.0/26", "2001:db8:10::/48"]),
        addresses(
            "Branch offices",
            false,
            &["198.51.100.0/25", "192.0.2.64/27"],
        ),
        json!({
            "@odata.type": "#microsoft.graph.countryNamedLocation",
            "id": of.id_of("location Allowed countries"),
            "displayName": "Allowed countries",
            "createdDateTime": "2026-02-16T13:32:00.0000000Z",
            "modifiedDateTime": "2026-02-16T13:32:00.0000000Z",
            "countriesAndRegions": ["NL", "DE", "NO", "PL", "GB"],
            "countryLookupMethod": "clientIpAddress",
            "includeUnknownCountriesAndRegions": false,
        }),
    ]
}

/// What somebody clicked together in the portal before there was a repository.
fn policies(of: &Identity, forgets_one: bool) -> Vec<Value> {
    let mut emergency = vec![user_id(of, "emergency1"), user_id(of, "emergency2")];
    if forgets_one {
        emergency.pop();
    }
    let administrators = [
        "Global Administrator",
        "Conditional Access Administrator",
        "Security Administrator",
        "Privileged Role Administrator",
        "Exchange Administrator",
        "SharePoint Administrator",
        "User Administrator",
        "Helpdesk Administrator",
    ]
    .map(role_id);
    let policy = |sparse, created, modified| clicked(of, sparse, created, modified);
    vec![
        policy(
            json!({
                "displayName": "Block legacy authentication",
                "state": "enabled",
                "conditions": {
                    "clientAppTypes": ["exchangeActiveSync", "other"],
                    "applications": {"includeApplications": ["All"]},
                    "users": {"includeUsers": ["All"], "excludeUsers": emergency},
                },
                "grantControls": {"operator": "OR", "builtInControls": ["block"]},
            }),
            "2026-03-02T14:05:11.2918330Z",
            Some("2026-03-16T08:41:37.5521870Z"),
        ),
        policy(
            json!({
                "displayName": "Require MFA for administrators",
                "state": "enabled",
                "conditions": {
                    "clientAppTypes": ["all"],
                    "applications": {"includeApplications": ["All"]},
                    "users": {"includeRoles": administrators, "excludeUsers": emergency},
                },
                "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
            }),
            "2026-03-09T09:30:48.7710250Z",
            Some("2026-04-01T15:12:03.0946110Z"),
        ),
        policy(
            json!({
                "displayName": "Test - compliant device for guests",
                "state": "enabledForReportingButNotEnforced",
                "conditions": {
                    "clientAppTypes": ["all"],
                    "applications": {"includeApplications": ["Office365"]},
                    "users": {
                        "includeGuestsOrExternalUsers": {
                            "guestOrExternalUserTypes": "internalGuest,b2bCollaborationGuest,b2bCollaborationMember,b2bDirectConnectUser,otherExternalUser,serviceProvider",
                            "externalTenants": {
                                "@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
                                "membershipKind": "all",
                            },
                        },
                    },
                },
                "grantControls": {"operator": "OR", "builtInControls": ["compliantDevice"]},
            }),
            "2026-06-18T11:57:29.4403920Z",
            None,
        ),
    ]
}

/// A policy of the portal.
pub(super) fn clicked(
    of: &Identity,
    sparse: Value,
    created: &str,
    modified: Option<&str>,
) -> Value {
    let name = text(&sparse, "displayName").to_owned();
    let mut row = completed(sparse, &POLICY);
    row["id"] = json!(of.id_of(&format!("policy {name}")));
    row["templateId"] = Value::Null;
    row["createdDateTime"] = json!(created);
    row["modifiedDateTime"] = json!(modified);
    row
}

/// The licences.
pub(super) fn skus(of: &Identity) -> Vec<Value> {
    let plan = |id: &str, name: &str| {
        json!({
            "servicePlanId": id, "servicePlanName": name,
            "provisioningStatus": "Success", "appliesTo": "User",
        })
    };
    vec![json!({
        "id": format!("{}_84a661c4-e949-4bd2-a560-ed7766fcaf2b", of.id),
        "accountId": of.id,
        "accountName": of.name,
        "skuId": "84a661c4-e949-4bd2-a560-ed7766fcaf2b",
        "skuPartNumber": "AAD_PREMIUM_P2",
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": 45,
        "prepaidUnits": {"enabled": 100, "suspended": 0, "warning": 0, "lockedOut": 0},
        "servicePlans": [
            plan("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM"),
            plan("eec0eb4f-6444-4f95-aba0-50c24d67f998", "AAD_PREMIUM_P2"),
            plan("84c289f0-efcb-486f-8581-07f44fc9efad", "AAD_WRKLDID_P1"),
            plan("7dc0e92d-bf15-401d-907e-0884efe7c760", "AAD_WRKLDID_P2"),
        ],
    })]
}

/// The organisation.
pub(super) fn organization(of: &Identity) -> Value {
    json!({
        "id": of.id,
        "displayName": of.name,
        "createdDateTime": FOUNDED,
        "countryLetterCode": "NL",
        "tenantType": "AAD",
        "onPremisesSyncEnabled": null,
        "technicalNotificationMails": [],
        "assignedPlans": [
            {"servicePlanId": "41781fb2-bc02-4b7c-bd55-b576c07bb09d", "service": "AADPremiumService", "capabilityStatus": "Enabled", "assignedDateTime": FOUNDED},
            {"servicePlanId": "eec0eb4f-6444-4f95-aba0-50c24d67f998", "service": "AADPremiumService", "capabilityStatus": "Enabled", "assignedDateTime": FOUNDED},
        ],
        "verifiedDomains": [{
            "name": of.domain, "type": "Managed", "isDefault": true, "isInitial": true,
            "capabilities": "Email, OfficeCommunicationsOnline",
        }],
    })
}

/// The one domain.
pub(super) fn domain(of: &Identity) -> Value {
    json!({
        "id": of.domain, "authenticationType": "Managed", "isAdminManaged": true, "isDefault": true,
        "isInitial": true, "isRoot": true, "isVerified": true,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"],
    })
}
