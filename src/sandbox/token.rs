//! The login half: tokens for anybody who asks nicely, and the check of the ones that come back.
//!
//! A token looks like a JWT and is signed by nobody, for no client looks at the signature. Codes carry
//! what they stand for, so that they outlive the process that issued them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::apps;
use super::errors::Failure;
use super::request::{Reply, Request};
use super::rules::texts;
use super::tenant::{Table, Tenant, text};
use super::{CLIENT_ID, CLIENT_SECRET, discovery};

/// How long a token is good for, in seconds of the wall clock.
const LIFETIME: i64 = 3599;

/// Who is asking, as the token says.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    claims: Value,
}

impl Caller {
    /// The caller of a request, when its token is one of this tenant and still good.
    pub(super) fn of(tenant: &Tenant, request: &Request) -> Result<Self, Failure> {
        let token =
            bearer(request).ok_or_else(|| Failure::unauthenticated("Access token is empty."))?;
        let claims = claims(token).ok_or_else(|| {
            Failure::unauthenticated("CompactToken parsing failed with error code: 80049217")
        })?;
        if !text(&claims, "tid").eq_ignore_ascii_case(&tenant.identity().id) {
            return Err(Failure::unauthenticated(
                "Access token validation failure. Invalid audience.",
            ));
        }
        let now = Timestamp::now().as_second();
        if claims["exp"].as_i64().is_none_or(|exp| exp <= now) {
            return Err(Failure::unauthenticated(
                "Lifetime validation failed, the token is expired.",
            ));
        }
        Ok(Self { claims })
    }

    /// The application that asks, by its client id.
    pub(super) fn app(&self) -> &str {
        text(&self.claims, "appid")
    }

    /// Whether the token carries a permission, as a role or as a scope.
    pub(super) fn may(&self, permission: &str) -> bool {
        let is_role = self.claims["roles"]
            .as_array()
            .is_some_and(|roles| roles.iter().any(|role| role == permission));
        is_role
            || text(&self.claims, "scp")
                .split(' ')
                .any(|scope| scope == permission)
    }

    /// Whether the token says that its user met an authentication context.
    pub(super) fn has_met(&self, context: &str) -> bool {
        texts(&self.claims["acrs"]).contains(&context)
    }

    /// The id of the person who signed in; `None` for an application.
    pub(super) fn user(&self) -> Option<&str> {
        (text(&self.claims, "idtyp") == "user").then(|| text(&self.claims, "oid"))
    }

    /// The `initiatedBy` of an audit entry.
    pub(super) fn initiated_by(&self, tenant: &Tenant) -> Value {
        let claims = &self.claims;
        if text(claims, "idtyp") == "user" {
            return json!({"app": null, "user": {
                "id": claims["oid"],
                "displayName": null,
                "userPrincipalName": claims["upn"],
                "ipAddress": "127.0.0.1",
                "roles": [],
            }});
        }
        let registered = tenant
            .rows(Table::ServicePrincipals)
            .find(|row| text(row, "appId").eq_ignore_ascii_case(text(claims, "appid")));
        json!({"user": null, "app": {
            "appId": claims["appid"],
            "displayName": registered.as_ref().map_or(&claims["app_displayname"], |row| &row["displayName"]),
            "servicePrincipalId": registered.as_ref().map_or(&claims["oid"], |row| &row["id"]),
            "servicePrincipalName": null,
        }})
    }
}

fn bearer(request: &Request) -> Option<&str> {
    request
        .header("authorization")?
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
}

fn claims(token: &str) -> Option<Value> {
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [_, claims, _] => URL_SAFE_NO_PAD
            .decode(claims.trim_end_matches('='))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .filter(Value::is_object),
        _ => None,
    }
}

/// The tenant that the token of a request says it is for, whether it is good or not.
pub(super) fn tenant_id(request: &Request) -> Option<String> {
    let claims = claims(bearer(request)?)?;
    Some(claims.get("tid")?.as_str()?.to_owned())
}

/// Answers a request of the login half; `None` when the path is not of it.
pub(super) fn answer(tenant: &Tenant, request: &Request) -> Option<Reply> {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let (name, endpoint) = match segments.as_slice() {
        [name, "oauth2", "v2.0", endpoint] => (*name, *endpoint),
        [name, "v2.0", ".well-known", "openid-configuration"] => (*name, "openid-configuration"),
        _ => return None,
    };
    if !tenant.identity().answers_to(name) && !discovery::is_any_tenant(name) {
        return Some(refused(
            400,
            "invalid_request",
            90002,
            &format!(
                "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
            ),
        ));
    }
    Some(match (request.method.as_str(), endpoint) {
        ("GET", "openid-configuration") => {
            Reply::ok(discovery::openid(tenant.identity(), name, request))
        }
        ("POST", "token") => token(tenant, request),
        ("POST", "devicecode") => device_code(request),
        ("GET", "authorize") => authorize(request),
        // synthetic: the login host's answer to another verb or endpoint.
        _ => refused(
            404,
            "invalid_request",
            900_144,
            "There is no such endpoint.",
        ),
    })
}

fn token(tenant: &Tenant, request: &Request) -> Reply {
    let form = request.form();
    let field = |name: &str| {
        form.iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    };
    let missing = |name: &str| {
        refused(
            400,
            "invalid_request",
            900_144,
            &format!("The request body must contain the following parameter: '{name}'."),
        )
    };
    let grant = match field("grant_type") {
        Some(grant) => grant,
        None => return missing("grant_type"),
    };
    let Some(client) = field("client_id") else {
        return missing("client_id");
    };
    // What the sign-in was asked to meet, and what the redemption asks for in addition.
    let met = |code: &Value| {
        let mut met = texts(&contexts(field("claims")))
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        met.extend(texts(&code["acrs"]).into_iter().map(str::to_owned));
        met
    };
    match grant {
        "client_credentials" => {
            match (field("client_secret"), field("client_assertion")) {
                (Some(secret), _) => {
                    let opens = match apps::registered(tenant, client) {
                        Some(app) => apps::opens(&app, secret),
                        None => !client.eq_ignore_ascii_case(CLIENT_ID) || secret == CLIENT_SECRET,
                    };
                    if !opens {
                        return refused(
                            401,
                            "invalid_client",
                            7_000_215,
                            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
                        );
                    }
                }
                (None, Some(_)) => {
                    if apps::registered(tenant, client).is_some_and(|app| apps::has_secret(&app)) {
                        // synthetic: the sentence; an application here has a secret or nothing.
                        return refused(
                            401,
                            "invalid_client",
                            7_000_215,
                            "Invalid client assertion provided. The application signs in with a client secret.",
                        );
                    }
                }
                (None, None) => {
                    return refused(
                        401,
                        "invalid_client",
                        7_000_218,
                        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
                    );
                }
            }
            Reply::ok(app_token(tenant, request, client))
        }
        "authorization_code" => {
            let Some(code) = field("code").and_then(decoded) else {
                return invalid_grant();
            };
            let challenge = text(&code, "challenge");
            let proof = match text(&code, "method") {
                "S256" => field("code_verifier")
                    .map(|verifier| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))),
                _ => field("code_verifier").map(str::to_owned),
            };
            let proven = challenge.is_empty() || proof.as_deref() == Some(challenge);
            if text(&code, "kind") != "code" || !proven || text(&code, "client") != client {
                return invalid_grant();
            }
            Reply::ok(user_token(tenant, request, client, &met(&code)))
        }
        "urn:ietf:params:oauth:grant-type:device_code" => {
            let code = field("device_code").and_then(decoded);
            match code {
                Some(code)
                    if text(&code, "kind") == "device" && text(&code, "client") == client =>
                {
                    // The person is quick: the first question finds the code entered.
                    Reply::ok(user_token(tenant, request, client, &met(&code)))
                }
                _ => invalid_grant(),
            }
        }
        "refresh_token" => match field("refresh_token").and_then(decoded) {
            Some(token) if text(&token, "kind") == "refresh" => {
                Reply::ok(user_token(tenant, request, client, &met(&token)))
            }
            _ => invalid_grant(),
        },
        other => refused(
            400,
            "unsupported_grant_type",
            70003,
            &format!("The app requested an unsupported grant type '{other}'."),
        ),
    }
}

fn device_code(request: &Request) -> Reply {
    let form = request.form();
    let field = |wanted: &str| {
        form.iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    let client = field("client_id").unwrap_or_default();
    let page = format!("{}/devicelogin", request.origin);
    Reply::ok(json!({
        "device_code": encoded(&json!({"kind": "device", "client": client, "acrs": contexts(field("claims"))})),
        "user_code": "SANDBOX42",
        "verification_uri": page,
        "expires_in": 900,
        "interval": 1,
        "message": format!("To sign in, use a web browser to open the page {page} and enter the code SANDBOX42 to authenticate."),
    }))
}

/// Redirects at once, as if somebody were signed in already.
fn authorize(request: &Request) -> Reply {
    let redirect = request
        .option("redirect_uri")
        .and_then(|uri| Url::parse(uri).ok())
        .filter(|uri| matches!(uri.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")));
    let Some(mut redirect) = redirect else {
        return refused(
            400,
            "invalid_request",
            50011,
            "The redirect URI specified in the request does not match the redirect URIs configured for the application.",
        );
    };
    let code = encoded(&json!({
        "kind": "code",
        "client": request.option("client_id").unwrap_or_default(),
        "challenge": request.option("code_challenge").unwrap_or_default(),
        "method": request.option("code_challenge_method").unwrap_or_default(),
        "acrs": contexts(request.option("claims")),
    }));
    redirect.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = request.option("state") {
        redirect.query_pairs_mut().append_pair("state", state);
    }
    let mut reply = Reply::json(302, json!({"redirect": redirect.as_str()}));
    reply.headers.push(("location", redirect.to_string()));
    reply
}

fn app_token(tenant: &Tenant, request: &Request, client: &str) -> Value {
    let registered = tenant
        .rows(Table::ServicePrincipals)
        .find(|row| text(row, "appId").eq_ignore_ascii_case(client));
    let claims = json!({
        "appid": client,
        "azp": client,
        "app_displayname": registered.as_ref().map_or(client, |row| text(row, "displayName")),
        "oid": registered.as_ref().map_or_else(|| tenant.id_of(&format!("app {client}")), |row| text(row, "id").to_owned()),
        "sub": registered.as_ref().map_or_else(|| tenant.id_of(&format!("app {client}")), |row| text(row, "id").to_owned()),
        "idtyp": "app",
        "roles": apps::granted(tenant, client, false),
    });
    json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "access_token": signed(tenant, request, claims),
    })
}

fn user_token(tenant: &Tenant, request: &Request, client: &str, acrs: &[String]) -> Value {
    // The person at the keyboard is always the same: the Conditional Access administrator.
    let user = tenant
        .row(Table::Users, &tenant.id_of("user ca.admin"))
        .unwrap_or_default();
    let claims = json!({
        "appid": client,
        "app_displayname": "portcullis",
        "oid": text(&user, "id"),
        "sub": text(&user, "id"),
        "upn": text(&user, "userPrincipalName"),
        "name": text(&user, "displayName"),
        "idtyp": "user",
        "scp": apps::granted(tenant, client, true).join(" "),
        "acrs": acrs,
    });
    json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "scope": format!("{}/.default", request.origin),
        "access_token": signed(tenant, request, claims),
        "refresh_token": encoded(&json!({"kind": "refresh", "client": client, "acrs": acrs})),
    })
}

/// The authentication contexts that a `claims` parameter asks for; whoever signs in here satisfies them.
fn contexts(claims: Option<&str>) -> Value {
    let claims: Value = claims
        .and_then(|claims| serde_json::from_str(claims).ok())
        .unwrap_or_default();
    let asked = &claims["access_token"]["acrs"];
    match &asked["value"] {
        Value::String(_) => json!([asked["value"]]),
        _ => json!(texts(&asked["values"])),
    }
}

fn signed(tenant: &Tenant, request: &Request, mut claims: Value) -> String {
    let now = Timestamp::now().as_second();
    claims["aud"] = json!(request.origin);
    claims["iss"] = json!(format!("{}/{}/v2.0", request.origin, tenant.identity().id));
    claims["tid"] = json!(tenant.identity().id);
    claims["iat"] = json!(now);
    claims["nbf"] = json!(now);
    claims["exp"] = json!(now + LIFETIME);
    let header = encoded(&json!({"alg": "none", "typ": "JWT"}));
    format!(
        "{header}.{}.{}",
        encoded(&claims),
        URL_SAFE_NO_PAD.encode("unsigned")
    )
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decoded(text: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn invalid_grant() -> Reply {
    refused(
        400,
        "invalid_grant",
        70000,
        "The provided value for the code or token is invalid or expired.",
    )
}

/// A scripted failure in the words of the login half.
pub(super) fn failed(failure: &Failure) -> Reply {
    refused(
        failure.status,
        "temporarily_unavailable",
        90033,
        &failure.message,
    )
}

fn refused(status: u16, error: &str, number: u32, sentence: &str) -> Reply {
    // synthetic: the contract ends at Graph; the codes are Entra's, the sentences shortened.
    Reply::json(
        status,
        json!({
            "error": error,
            "error_description": format!("AADSTS{number}: {sentence}"),
            "error_codes": [number],
        }),
    )
}
