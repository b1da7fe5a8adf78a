//! `POST /identity/conditionalAccess/evaluate`: which policies apply to a sign-in (2.6 of the contract).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::contexts::is_context;
use super::errors::Failure;
use super::owner::{Answer, Session};
use super::policies::{rendered, visible};
use super::request::{Reply, Request};
use super::routes::Handled;
use super::rules::{is_guid, texts};
use super::schema::{Field, Misfit, Shape, Surface, flags, misfit, nullable};
use super::tenant::{Row, Table, Tenant, text};
use crate::evaluate::{
    Attributes, Country, Device, Facts, Insider, Person, Place, Prepared, SignIn, Standing,
    Subject, Target, Truth, Value as Attribute, WorkloadIdentity, analysis_reason,
};
use crate::model::{
    ClientApp, GuestKind, Id, InsiderRisk, LivePolicy, NamedLocation, Platform, RiskLevel,
    Strength, TransferMethod, UserAction,
};

const USER: &str = "#microsoft.graph.userSignIn";
const SERVICE_PRINCIPAL: &str = "#microsoft.graph.servicePrincipalSignIn";
const APPLICATION: &str = "#microsoft.graph.applicationContext";
const USER_ACTION: &str = "#microsoft.graph.userActionContext";
const AUTH_CONTEXT: &str = "#microsoft.graph.authContext";

const RISK: Shape = Shape::Enum(&["low", "medium", "high", "hidden", "none"]);
const DEVICE: [Field; 29] = {
    const fn told(name: &'static str) -> Field {
        nullable(name, Shape::Text)
    }
    [
        nullable("isCompliant", Shape::Bool),
        nullable("physicalIds", Shape::List(&Shape::Text)),
        nullable("systemLabels", Shape::List(&Shape::Text)),
        told("deviceId"),
        told("displayName"),
        told("enrollmentProfileName"),
        told("manufacturer"),
        told("mdmAppId"),
        told("model"),
        told("operatingSystem"),
        told("operatingSystemVersion"),
        told("ownership"),
        told("profileType"),
        told("trustType"),
        told("extensionAttribute1"),
        told("extensionAttribute2"),
        told("extensionAttribute3"),
        told("extensionAttribute4"),
        told("extensionAttribute5"),
        told("extensionAttribute6"),
        told("extensionAttribute7"),
        told("extensionAttribute8"),
        told("extensionAttribute9"),
        told("extensionAttribute10"),
        told("extensionAttribute11"),
        told("extensionAttribute12"),
        told("extensionAttribute13"),
        told("extensionAttribute14"),
        told("extensionAttribute15"),
    ]
};

/// What may be asked.
const QUESTION: Shape = Shape::Object(&[
    nullable(
        "signInIdentity",
        Shape::Object(&[
            nullable("userId", Shape::Text),
            nullable("externalTenantId", Shape::Text),
            nullable(
                "externalUserType",
                Shape::Flags(&[
                    "none",
                    "internalGuest",
                    "b2bCollaborationGuest",
                    "b2bCollaborationMember",
                    "b2bDirectConnectUser",
                    "otherExternalUser",
                    "serviceProvider",
                ]),
            ),
            nullable("servicePrincipalId", Shape::Text),
        ]),
    ),
    nullable(
        "signInContext",
        Shape::Object(&[
            nullable("includeApplications", Shape::List(&Shape::Text)),
            nullable(
                "userAction",
                Shape::Enum(&["registerSecurityInformation", "registerOrJoinDevices"]),
            ),
            nullable("authenticationContextValue", Shape::Text),
        ]),
    ),
    nullable(
        "signInConditions",
        Shape::Object(&[
            nullable(
                "authenticationFlow",
                Shape::Object(&[nullable(
                    "transferMethod",
                    Shape::Enum(&["none", "deviceCodeFlow", "authenticationTransfer"]),
                )]),
            ),
            nullable(
                "clientAppType",
                Shape::Enum(&[
                    "all",
                    "browser",
                    "mobileAppsAndDesktopClients",
                    "exchangeActiveSync",
                    "easSupported",
                    "other",
                ]),
            ),
            nullable("country", Shape::Text),
            nullable("deviceInfo", Shape::Object(&DEVICE)),
            nullable(
                "devicePlatform",
                Shape::Enum(&[
                    "android",
                    "iOS",
                    "windows",
                    "windowsPhone",
                    "macOS",
                    "all",
                    "linux",
                ]),
            ),
            nullable(
                "insiderRiskLevel",
                Shape::Enum(&["none", "minor", "moderate", "elevated"]),
            ),
            nullable("ipAddress", Shape::Text),
            nullable("servicePrincipalRiskLevel", RISK),
            nullable("signInRiskLevel", RISK),
            nullable("userRiskLevel", RISK),
        ]),
    ),
    nullable("appliedPoliciesOnly", Shape::Bool),
]);

/// Answers the question.
pub(super) fn answer(session: &Session<'_>, request: &Request) -> Handled {
    if request.method != "POST" {
        return Err(Failure::method_not_allowed());
    }
    let question = request.object()?;
    let surface = Surface {
        beta: request.beta,
        cloud: super::clouds::Cloud::Global,
    };
    if let Some(Misfit::Wrong(detail) | Misfit::Preview(detail)) =
        misfit(&question, &QUESTION, surface)
    {
        return Err(invalid(detail));
    }
    let sign_ins = sign_ins(session.tenant, &question)?;
    let facts = TenantFacts::of(session.tenant);
    let applied_only = question["appliedPoliciesOnly"] == true;
    let mut results = Vec::new();
    for row in visible(session, request, Table::Policies) {
        let reason = reason(&row, &sign_ins, &facts);
        let applies = reason == "notSet";
        if applies || !applied_only {
            let mut policy = rendered(session, request, &row);
            policy["policyApplies"] = json!(applies);
            policy["analysisReasons"] = json!(reason);
            results.push(policy);
        }
    }
    Ok(Answer::Read(Reply::ok(json!({
        "@odata.context": format!(
            "{}/$metadata#Collection(microsoft.graph.whatIfAnalysisResult)",
            request.root()
        ),
        "value": results,
    }))))
}

/// What is said of a policy: it applies when it applies to one of the applications that were asked for.
fn reason(row: &Value, sign_ins: &[SignIn], facts: &TenantFacts<'_>) -> &'static str {
    let Ok(live) = LivePolicy::try_from(row.clone()) else {
        return "invalidPolicy";
    };
    let policy = Prepared::live(&live);
    let mut reasons = sign_ins
        .iter()
        .map(|sign_in| analysis_reason(&policy, sign_in, facts));
    let first = reasons.next().unwrap_or("notEnoughInformation");
    if reasons.any(|reason| reason == "notSet") {
        return "notSet";
    }
    first
}

/// The 400 for a question that cannot be answered.
fn invalid(detail: impl Into<String>) -> Failure {
    // synthetic: that it is a 400 is known, the sentence is not.
    Failure::bad_request("The request contains invalid parameters.").because(detail)
}

/// The sign-ins that are asked about: one for each application.
fn sign_ins(tenant: &Tenant, question: &Value) -> Result<Vec<SignIn>, Failure> {
    let subject = subject(tenant, &question["signInIdentity"])?;
    let context = &question["signInContext"];
    let targets = match text(context, "@odata.type") {
        APPLICATION => {
            let apps = texts(&context["includeApplications"]);
            if apps.is_empty() || !apps.iter().all(|app| is_guid(app)) {
                return Err(invalid("`includeApplications` is a list of appIds"));
            }
            apps.into_iter()
                .map(|app| Target::App(Id::new(app)))
                .collect()
        }
        USER_ACTION => vec![Target::UserAction(match text(context, "userAction") {
            "registerSecurityInformation" => UserAction::RegisterSecurityInformation,
            "registerOrJoinDevices" => UserAction::RegisterDevice,
            _ => return Err(invalid("`userAction` is missing")),
        })],
        AUTH_CONTEXT => {
            let context = text(context, "authenticationContextValue");
            if !is_context(context) {
                return Err(invalid("`authenticationContextValue` is c1 to c99"));
            }
            vec![Target::AuthenticationContext(context.to_owned())]
        }
        kind => {
            return Err(invalid(format!(
                "`signInContext` has no kind `{kind}`; it is an applicationContext, a userActionContext or an authContext"
            )));
        }
    };
    targets
        .into_iter()
        .map(|target| conditions(subject.clone(), target, &question["signInConditions"]))
        .collect()
}

fn subject(tenant: &Tenant, identity: &Value) -> Result<Subject, Failure> {
    match text(identity, "@odata.type") {
        USER => {
            let user = match identity["userId"].as_str() {
                Some(id) => Some(tenant.row(Table::Users, id).ok_or_else(|| {
                    // synthetic: an unknown user is a 400; the sentence is not known.
                    Failure::bad_request(format!(
                        "User with id {id} does not exist in the directory."
                    ))
                })?),
                None => None,
            };
            let home = identity["externalTenantId"].as_str().map(Id::new);
            let kinds: Vec<&str> = flags(text(identity, "externalUserType"))
                .filter(|kind| !kind.is_empty() && *kind != "none")
                .collect();
            let is_guest = user
                .as_ref()
                .is_some_and(|row| text(row, "userType") == "Guest");
            let standing = match (kinds.as_slice(), is_guest) {
                ([kind], _) => Standing::External {
                    kind: GuestKind::from_wire(kind),
                    home,
                },
                ([], true) => Standing::External {
                    kind: GuestKind::B2bCollaborationGuest,
                    home,
                },
                ([], false) if user.is_some() => Standing::Member,
                ([], false) => return Err(invalid("`userId` is missing")),
                _ => return Err(invalid("`externalUserType` is one kind of user")),
            };
            Ok(Subject::Person(Person {
                id: user.map(|row| Id::new(text(&row, "id"))),
                standing: Some(standing),
            }))
        }
        SERVICE_PRINCIPAL => {
            let id = text(identity, "servicePrincipalId");
            let row = tenant
                .rows(Table::ServicePrincipals)
                .find(|row| {
                    [text(row, "appId"), text(row, "id")]
                        .iter()
                        .any(|own| own.eq_ignore_ascii_case(id))
                })
                .ok_or_else(|| {
                    // synthetic: as for an unknown user.
                    Failure::bad_request(format!(
                        "ServicePrincipal with id {id} does not exist in the directory."
                    ))
                })?;
            let owner = text(&row, "appOwnerOrganizationId");
            let is_managed = text(&row, "servicePrincipalType") == "ManagedIdentity";
            Ok(Subject::Workload(WorkloadIdentity {
                id: Id::new(text(&row, "id")),
                owned: Some(owner.eq_ignore_ascii_case(&tenant.identity().id)),
                managed: Some(is_managed),
                attributes: Attributes::complete(),
            }))
        }
        kind => Err(invalid(format!(
            "`signInIdentity` has no kind `{kind}`; it is a userSignIn or a servicePrincipalSignIn"
        ))),
    }
}

/// A sign-in under the conditions that were given; what was not given is `none` or not known.
fn conditions(subject: Subject, target: Target, given: &Value) -> Result<SignIn, Failure> {
    let named = |key: &str| Some(text(given, key)).filter(|word| !["", "all"].contains(word));
    let risk = |key: &str| Some(RiskLevel::from_wire(named(key).unwrap_or("none")));
    let address = match named("ipAddress").map(str::parse) {
        Some(Ok(address)) => Some(address),
        None => None,
        Some(Err(_)) => return Err(invalid("`ipAddress` is not an address")),
    };
    let country = match named("country") {
        Some(code) if code.len() == 2 => Some(Country::Code(code.to_ascii_uppercase())),
        None => None,
        Some(_) => return Err(invalid("`country` is a code of two letters")),
    };
    let flow = given["authenticationFlow"]["transferMethod"].as_str();
    let mut sign_in = SignIn::new(subject, target);
    sign_in.client = named("clientAppType").map(ClientApp::from_wire);
    sign_in.platform = named("devicePlatform").map(Platform::from_wire);
    sign_in.place = Place {
        address,
        position: country.clone(),
        country,
        mfa_trusted: Some(false),
        ..Place::default()
    };
    sign_in.sign_in_risk = risk("signInRiskLevel");
    sign_in.user_risk = risk("userRiskLevel");
    sign_in.service_principal_risk = risk("servicePrincipalRiskLevel");
    sign_in.insider_risk = Some(match named("insiderRiskLevel") {
        None | Some("none") => Insider::None,
        Some(level) => Insider::Level(InsiderRisk::from_wire(level)),
    });
    sign_in.flow = Some(TransferMethod::from_wire(flow.unwrap_or("none")));
    if let Some(info) = given["deviceInfo"].as_object() {
        sign_in.device = device(info);
    }
    Ok(sign_in)
}

fn device(info: &serde_json::Map<String, Value>) -> Device {
    let mut attributes = Attributes::complete().with("isCompliant", false);
    for (name, value) in info {
        let value = match value {
            Value::Bool(flag) => Attribute::Flag(*flag),
            Value::String(text) => Attribute::Text(text.clone()),
            Value::Array(_) => {
                Attribute::Texts(texts(value).into_iter().map(str::to_owned).collect())
            }
            _ => continue,
        };
        attributes = attributes.with(name, value);
    }
    Device {
        registered: Some(true),
        managed: Some(info.get("mdmAppId").is_some_and(Value::is_string)),
        attributes,
    }
}

/// What the tenant knows: everything.
struct TenantFacts<'a> {
    tenant: &'a Tenant,
    locations: BTreeMap<Id, NamedLocation>,
    strengths: BTreeMap<Id, Strength>,
}

impl<'a> TenantFacts<'a> {
    fn of(tenant: &'a Tenant) -> Self {
        let read = |row: Row| NamedLocation::try_from(Value::clone(&row)).ok();
        let locations = tenant.rows(Table::NamedLocations).filter_map(read);
        let read = |row: Row| Strength::try_from(Value::clone(&row)).ok();
        let strengths = tenant.rows(Table::Strengths).filter_map(read);
        Self {
            tenant,
            locations: locations.map(|one| (one.id.clone(), one)).collect(),
            strengths: strengths.map(|one| (one.id.clone(), one)).collect(),
        }
    }

    fn holds(&self, group: &str, person: &Id) -> bool {
        let nested = self.tenant.nested_groups(group);
        let mut groups = std::iter::once(group).chain(nested.iter().map(String::as_str));
        groups.any(|group| self.tenant.has_member(group, person.as_str()))
    }
}

impl Facts for TenantFacts<'_> {
    fn in_group(&self, person: &Id, group: &Id) -> Truth {
        self.holds(group.as_str(), person).into()
    }

    fn has_role(&self, person: &Id, role: &Id) -> Truth {
        self.tenant
            .rows(Table::RoleAssignments)
            .filter(|row| {
                text(row, "roleDefinitionId") == role.as_str() && row["directoryScopeId"] == "/"
            })
            .any(|row| {
                let holder = text(&row, "principalId");
                holder == person.as_str() || self.holds(holder, person)
            })
            .into()
    }

    fn locations(&self) -> Option<&BTreeMap<Id, NamedLocation>> {
        Some(&self.locations)
    }

    fn strength(&self, id: &Id) -> Option<&Strength> {
        self.strengths.get(id)
    }
}
