//! A sign-in as JSON, written straight to bytes.

use std::io::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::super::cast::Habit;
use super::super::crowd::{COUNTRIES, Factors};
use super::super::rng::{draw, pick};
use super::apps::{APPS, LEGACY, SCRIPT};
use super::habits::{Kind, Moment, Profile, Who};
use super::slices::id_of;
use super::standing::{Outcome, Standing, address, has_device};
use crate::evaluate::AppliedResult;

mod stream {
    pub(super) const CORRELATION: u64 = 31;
    pub(super) const UNKNOWN: u64 = 32;
}

/// How a caller sees sign-ins.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// With the properties that only beta has.
    pub(super) beta: bool,
    /// With the applied policies: the caller may read Conditional Access.
    pub(super) policies: bool,
    /// With the results after `unknownFutureValue`.
    pub(super) new_members: bool,
}

/// Graph's word for a client.
pub(super) fn client_app(moment: &Moment) -> &'static str {
    match moment.app {
        LEGACY => "IMAP4",
        app if APPS[usize::from(app)].is_browser => "Browser",
        _ => "Mobile Apps and Desktop clients",
    }
}

/// Graph's word for what was asked for.
pub(super) fn requirement(mfa: bool) -> &'static str {
    if mfa {
        "multiFactorAuthentication"
    } else {
        "singleFactorAuthentication"
    }
}

/// Graph's sentence for an error.
fn reason(error: u32) -> &'static str {
    match error {
        0 => "Other.",
        50_057 => "User account is disabled. The account has been disabled by an administrator.",
        50_072 => "User needs to enroll for second factor authentication (interactive).",
        50_074 => "Strong Authentication is required.",
        50_076 => {
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource."
        }
        50_126 => "Error validating credentials due to invalid username or password.",
        50_140 => {
            "This error occurred due to 'Keep me signed in' interrupt when the user was signing-in."
        }
        53_000 => "Device is not in required device state: compliant.",
        53_003 => "Access has been blocked by Conditional Access policies.",
        53_010 => {
            "Cannot configure multi-factor authentication methods because the organization requires this information to be set from specific locations or devices."
        }
        500_121 => "Authentication failed during strong authentication request.",
        _ => "Other.",
    }
}

fn word(result: AppliedResult, view: View) -> &'static str {
    match result.wire() {
        word if word.starts_with("reportOnly") && !view.new_members => "unknownFutureValue",
        word => word,
    }
}

/// A JSON text of something that came from outside.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Whether A13 hides the results of a sign-in.
pub(super) fn is_hidden(standing: &Standing, moment: &Moment, profile: &Profile) -> bool {
    let tenant = &standing.tenant;
    let code = profile.subject ^ moment.at.unsigned_abs() << 24 ^ u64::from(moment.n);
    tenant.recipe().has("A13")
        && pick(tenant.present().crowd().key(), stream::UNKNOWN, code, 1_000) == 0
}

/// Graph's protocol for a sign-in.
pub(super) fn protocol(moment: &Moment, outcome: &Outcome) -> &'static str {
    // Only successful attempts are reported to carry it (2.5 of the evidence reference).
    if moment.app == SCRIPT && outcome.error == 0 {
        "ropc"
    } else {
        "none"
    }
}

/// The system somebody works on.
fn system(moment: &Moment, profile: &Profile) -> &'static str {
    if matches!(profile.habit, Habit::Password | Habit::Nightly) || moment.app == SCRIPT {
        return "Linux";
    }
    match profile.subject % 100 {
        0..72 => "Windows11",
        72..82 => "MacOs",
        82..92 => "Ios 18",
        _ => "Android 15",
    }
}

/// Writes one sign-in.
pub(super) fn row(
    out: &mut Vec<u8>,
    view: View,
    standing: &Standing,
    moment: &Moment,
    profile: &Profile,
    outcome: &Outcome,
) {
    let app = &APPS[usize::from(moment.app)];
    let tenant = &standing.tenant;
    let is_workload = matches!(moment.who, Who::Workload(_));
    let object = standing.id_of(moment.who);
    let (user, service) = if is_workload {
        ("", object.as_str())
    } else {
        (object.as_str(), "")
    };
    let upn = if is_workload {
        String::new()
    } else {
        standing.upn_of(moment.who).to_lowercase()
    };
    let name = standing.name_of(moment.who);
    let country = &COUNTRIES[profile.country];
    let managed = has_device(profile) && moment.app != SCRIPT;
    let home = standing.home_id(profile);
    let correlation = uuid::Uuid::from_u64_pair(
        draw(
            tenant.present().crowd().key(),
            stream::CORRELATION,
            profile.subject,
        ) & !0xf000
            | 0x4000,
        draw(
            profile.subject,
            stream::CORRELATION,
            moment.at.unsigned_abs(),
        ) >> 2
            | 1 << 63,
    );
    let at = Timestamp::from_second(moment.at).unwrap_or(Timestamp::UNIX_EPOCH);
    let (app_id, app_name) = if is_workload {
        (service, name.as_str())
    } else {
        (app.id, app.name)
    };
    // Writing to memory does not fail.
    let _ = write!(
        out,
        r#"{{"id":"{id}","createdDateTime":"{at}","userDisplayName":{name},"userPrincipalName":{upn},"userId":"{user}","appId":"{app_id}","appDisplayName":{app_name},"ipAddress":"{address}","clientAppUsed":"{client}","userAgent":{agent},"correlationId":"{correlation}","conditionalAccessStatus":"{status}","isInteractive":{interactive},"riskDetail":"none","riskLevelAggregated":"none","riskLevelDuringSignIn":"none","riskState":"none","riskEventTypes":[],"riskEventTypes_v2":[],"resourceDisplayName":"{resource_name}","resourceId":"{resource}","resourceTenantId":"{tenant_id}","homeTenantId":"{home}","servicePrincipalId":"{service}","servicePrincipalName":{service_name},"status":{{"errorCode":{error},"failureReason":"{reason}","additionalDetails":{details}}},"deviceDetail":{{"deviceId":"","displayName":"","operatingSystem":"{system}","browser":"{browser}","isCompliant":{managed},"isManaged":{managed},"trustType":"{trust}"}},"location":{{"city":"{city}","state":"","countryOrRegion":"{country}","geoCoordinates":{{"altitude":null,"latitude":null,"longitude":null}}}}"#,
        id = id_of(tenant, moment),
        at = at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        name = if is_workload {
            "\"\"".to_owned()
        } else {
            quoted(&name)
        },
        upn = quoted(&upn),
        app_name = quoted(app_name),
        address = address(moment, profile),
        client = if is_workload { "" } else { client_app(moment) },
        agent = quoted(app.user_agent),
        status = outcome.status,
        interactive = moment.kind == Kind::Interactive,
        resource_name = app.resource.1,
        resource = app.resource.0,
        tenant_id = tenant.identity().id,
        service_name = if is_workload {
            quoted(&name)
        } else {
            "null".to_owned()
        },
        error = outcome.error,
        reason = reason(outcome.error),
        details = if outcome.mfa {
            r#""MFA requirement satisfied by claim in the token""#
        } else {
            "null"
        },
        system = system(moment, profile),
        browser = if app.is_browser { "Edge 141.0.0" } else { "" },
        trust = if managed { "Azure AD joined" } else { "" },
        city = country.city,
        country = country.code,
    );
    if view.beta {
        beta(out, standing, moment, profile, outcome);
    }
    if view.policies {
        out.extend_from_slice(br#","appliedConditionalAccessPolicies":"#);
        let hidden = is_hidden(standing, moment, profile);
        applied(out, view, standing, moment, profile, outcome, hidden);
    }
    out.push(b'}');
}

fn beta(
    out: &mut Vec<u8>,
    standing: &Standing,
    moment: &Moment,
    profile: &Profile,
    outcome: &Outcome,
) {
    let app = &APPS[usize::from(moment.app)];
    let is_guest = profile.class.is_guest();
    let method = match (outcome.mfa, profile.factors) {
        (true, Factors::Passkey) => r#","authenticationMethod":"Passkey (device-bound)""#,
        (true, Factors::Phone) => r#","authenticationMethod":"Text message""#,
        (true, _) => r#","authenticationMethod":"Mobile app notification""#,
        (false, _) => r#","authenticationMethod":"Password""#,
    };
    let _ = write!(
        out,
        r#","userType":"{user_type}","signInEventTypes":["{kind}"],"authenticationRequirement":"{requirement}","authenticationProtocol":"{protocol}","originalTransferMethod":"none","authenticationDetails":[{{"authenticationStepDateTime":"{at}"{method},"succeeded":{ok},"authenticationStepRequirement":"{step}"}}],"crossTenantAccessType":"{cross}","incomingTokenType":"{token}","autonomousSystemNumber":{asn},"isTenantRestricted":false,"homeTenantName":"","uniqueTokenIdentifier":"","sessionId":null,"authenticationContextClassReferences":[],"conditionalAccessAudiences":["{audience}"]"#,
        user_type = if is_guest { "guest" } else { "member" },
        kind = moment.kind.word(),
        requirement = requirement(outcome.mfa),
        protocol = protocol(moment, outcome),
        at = Timestamp::from_second(moment.at)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .strftime("%Y-%m-%dT%H:%M:%SZ"),
        ok = outcome.error == 0,
        step = if outcome.mfa {
            "Multi-factor authentication"
        } else {
            "Primary authentication"
        },
        cross = if is_guest { "b2bCollaboration" } else { "none" },
        token = if moment.kind == Kind::NonInteractive {
            "refreshToken"
        } else {
            "none"
        },
        // A cloud's network for what runs in one, a provider's for the rest; both reserved numbers.
        asn = if matches!(profile.habit, Habit::Password | Habit::Nightly) {
            64_496
        } else {
            64_511
        },
        audience = standing.audience(app.resource.0),
    );
}

/// The list of applied policies.
pub(super) fn applied(
    out: &mut Vec<u8>,
    view: View,
    standing: &Standing,
    moment: &Moment,
    profile: &Profile,
    outcome: &Outcome,
    hidden: bool,
) {
    out.push(b'[');
    for (at, (result, policy)) in outcome.results.iter().zip(&standing.policies).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let word = if hidden {
            "unknownFutureValue"
        } else {
            word(*result, view)
        };
        let _ = write!(out, r#"{{{},"result":"{word}""#, policy.head);
        if view.beta {
            standing.why(out, policy, moment, profile, *result);
        }
        out.push(b'}');
    }
    out.push(b']');
}
