//! A second evaluator: two-valued, on Graph JSON and plain words, run on every world that is possible.
//!
//! It shares nothing with the library: policies stay JSON, rules are split at their words, and what is not
//! known is tried out. Written from the same rules of the audit reference, read again.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::universe::{FACTS, World, id, is_consistent, locations, strengths};

/// What a policy does in all the worlds that are possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Always,
    Never,
    Depends,
}

/// Asks a question in every world that fits what is known.
pub(super) fn in_every_world(known: &World, question: &dyn Fn(&World) -> bool) -> Answer {
    let (mut yes, mut no) = (false, false);
    visit(&mut known.clone(), &mut |world| match question(world) {
        true => yes = true,
        false => no = true,
    });
    match (yes, no) {
        (true, false) => Answer::Always,
        (false, true) => Answer::Never,
        (true, true) => Answer::Depends,
        (false, false) => panic!("no world is possible: {known:?}"),
    }
}

fn visit(world: &mut World, see: &mut impl FnMut(&World)) {
    if !is_consistent(world) {
        return;
    }
    let Some((fact, values)) = FACTS.iter().find(|(fact, _)| !world.contains_key(fact)) else {
        return see(world);
    };
    for value in *values {
        world.insert(fact, value);
        visit(world, see);
    }
    world.remove(fact);
}

/// The strings of a list, or of a flags enumeration, at a path; nothing there is an empty list.
fn list(policy: &Value, path: &str) -> Vec<String> {
    match policy.pointer(path) {
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect(),
        Some(Value::String(flags)) => {
            let flags = flags.split(',').map(|flag| flag.trim().to_owned());
            flags.filter(|flag| !flag.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

fn yes(world: &World, fact: &str) -> bool {
    world[fact] == "yes"
}

pub(super) fn applies(policy: &Value, world: &World) -> bool {
    person(policy, world)
        && resource(policy, world)
        && client(policy, world)
        && platform(policy, world)
        && place(policy, world)
        && device(policy, world)
        && level(
            policy,
            "/conditions/signInRiskLevels",
            world["sign-in-risk"],
        )
        && level(policy, "/conditions/userRiskLevels", world["user-risk"])
        && level(
            policy,
            "/conditions/insiderRiskLevels",
            world["insider-risk"],
        )
        && flow(policy, world)
}

/// U1 to U4, U6.
fn person(policy: &Value, world: &World) -> bool {
    let side = |side: &str| {
        let path = |what: &str| format!("/conditions/users/{side}{what}");
        let guests = policy
            .pointer(&path("GuestsOrExternalUsers"))
            .is_some_and(|guests| {
                let Some((kind, home)) = world["standing"].split_once('@') else {
                    return false;
                };
                let tenants = list(guests, "/externalTenants/members");
                let everywhere = guests
                    .pointer("/externalTenants/membershipKind")
                    .and_then(Value::as_str)
                    != Some("enumerated");
                list(guests, "/guestOrExternalUserTypes")
                    .iter()
                    .any(|listed| listed == kind)
                    && (everywhere || kind == "internalGuest" || tenants.contains(&id(home)))
            });
        let users = list(policy, &path("Users"));
        users.iter().any(|user| {
            user == "All"
                || *user == id(world["user"])
                || (user == "GuestsOrExternalUsers" && world["standing"] != "member")
        }) || guests
            || ["staff", "admins", "partners"].iter().any(|group| {
                list(policy, &path("Groups")).contains(&id(group))
                    && yes(world, &format!("group:{group}"))
            })
            || ["administrator", "reader"].iter().any(|role| {
                list(policy, &path("Roles")).contains(&id(role))
                    && yes(world, &format!("role:{role}"))
            })
    };
    side("include") && !side("exclude")
}

/// A1 to A3.
fn resource(policy: &Value, world: &World) -> bool {
    let at = |what: &str| list(policy, &format!("/conditions/applications/{what}"));
    let (kind, wanted) = world["target"].split_once(':').unwrap();
    match kind {
        "action" => at("includeUserActions")
            .iter()
            .any(|action| action == wanted),
        "context" => at("includeAuthenticationContextClassReferences")
            .iter()
            .any(|c| c == wanted),
        _ => {
            let among = |apps: Vec<String>| {
                apps.iter().any(|app| match app.as_str() {
                    "All" => true,
                    "Office365" => yes(world, "suite:Office365"),
                    "MicrosoftAdminPortals" => yes(world, "suite:MicrosoftAdminPortals"),
                    app => app == id(wanted) || (app == id("azure") && wanted == "portal"),
                })
            };
            among(at("includeApplications")) && !among(at("excludeApplications"))
        }
    }
}

/// C1.
fn client(policy: &Value, world: &World) -> bool {
    let clients = list(policy, "/conditions/clientAppTypes");
    let any_of = |names: &[&str]| {
        clients
            .iter()
            .any(|client| names.contains(&client.as_str()))
    };
    clients.is_empty()
        || any_of(&["all"])
        || match (world["client"], world["eas"]) {
            ("easSupported", _) | ("exchangeActiveSync", "supported") => {
                any_of(&["exchangeActiveSync", "easSupported"])
            }
            (client, _) => any_of(&[client]),
        }
}

/// C3.
fn platform(policy: &Value, world: &World) -> bool {
    let among = |path| {
        let listed = list(policy, path);
        (
            listed
                .iter()
                .any(|name| name == "all" || name == world["platform"]),
            listed.is_empty(),
        )
    };
    let (included, everywhere) = among("/conditions/platforms/includePlatforms");
    let (excluded, _) = among("/conditions/platforms/excludePlatforms");
    (included || everywhere) && !excluded
}

/// C4.
fn place(policy: &Value, world: &World) -> bool {
    let inside = |location: &Value| {
        let countries = list(location, "/countriesAndRegions");
        if !countries.is_empty() {
            let country = match location["countryLookupMethod"].as_str() {
                Some("clientIpAddress") => world["country"],
                _ => world["position"],
            };
            return match country {
                "nowhere" => location["includeUnknownCountriesAndRegions"] == true,
                code => countries.iter().any(|listed| listed == code),
            };
        }
        location["ipRanges"]
            .as_array()
            .unwrap()
            .iter()
            .any(|range| in_range(range, world["address"]))
    };
    let among = |path: &str| {
        let listed = list(policy, path);
        listed.iter().any(|name| match name.as_str() {
            "All" => true,
            "AllTrusted" => {
                yes(world, "mfa-trusted")
                    || locations()
                        .iter()
                        .any(|one| one["isTrusted"] == true && inside(one))
            }
            "00000000-0000-0000-0000-000000000000" => yes(world, "mfa-trusted"),
            name => locations()
                .iter()
                .any(|one| one["id"] == name && inside(one)),
        })
    };
    let include = "/conditions/locations/includeLocations";
    (list(policy, include).is_empty() || among(include))
        && !among("/conditions/locations/excludeLocations")
}

/// Bit by bit, or number by number.
fn in_range(range: &Value, address: &str) -> bool {
    if let Some(block) = range["cidrAddress"].as_str() {
        let (network, length) = block.split_once('/').unwrap();
        let length: usize = length.parse().unwrap();
        return match (bits(network), bits(address)) {
            (network, address) if network.len() == address.len() => {
                network[..length] == address[..length]
            }
            _ => false,
        };
    }
    let number = |text: &str| text.parse::<Ipv4Addr>().map(u32::from);
    let lower = number(range["lowerAddress"].as_str().unwrap()).unwrap();
    let upper = number(range["upperAddress"].as_str().unwrap()).unwrap();
    number(address).is_ok_and(|address| (lower..=upper).contains(&address))
}

fn bits(address: &str) -> String {
    match address.parse::<Ipv4Addr>() {
        Ok(address) => format!("{:032b}", u32::from(address)),
        Err(_) => format!("{:0128b}", u128::from(address.parse::<Ipv6Addr>().unwrap())),
    }
}

/// C5.
fn level(policy: &Value, path: &str, level: &str) -> bool {
    let levels = list(policy, path);
    levels.is_empty() || levels.iter().any(|listed| listed == level)
}

/// C7.
fn flow(policy: &Value, world: &World) -> bool {
    let flows = list(policy, "/conditions/authenticationFlows/transferMethods");
    let real: Vec<_> = flows.iter().filter(|flow| *flow != "none").collect();
    real.is_empty() || real.iter().any(|flow| *flow == world["flow"])
}

/// C6: of a rule without parentheses.
fn device(policy: &Value, world: &World) -> bool {
    let filter = &policy["conditions"]["devices"]["deviceFilter"];
    let Some(rule) = filter["rule"].as_str() else {
        return true;
    };
    let matches = rule.split(" -or ").any(|alternative| {
        alternative
            .split(" -and ")
            .all(|clause| clause_holds(clause, world))
    });
    match filter["mode"].as_str() {
        Some("include") => matches,
        _ => !matches,
    }
}

fn clause_holds(clause: &str, world: &World) -> bool {
    let mut words = clause.splitn(3, ' ');
    let (attribute, operator, value) = (
        words.next().unwrap(),
        words.next().unwrap(),
        words.next().unwrap(),
    );
    let fact = |name: &str| world.get(name).copied().unwrap_or("null");
    let extension_counts = yes(world, "device:managed")
        || fact("device.isCompliant") == "True"
        || fact("device.trustType") == "ServerAD";
    let hidden = !yes(world, "device:registered")
        || (attribute.contains("extensionAttribute") && !extension_counts);
    let seen = if hidden { "null" } else { fact(attribute) };
    let (negative, operator) = match operator {
        "-ne" => (true, "-eq".to_owned()),
        other => match other.strip_prefix("-not") {
            Some(rest) => (true, format!("-{}", rest.to_lowercase())),
            None => (false, other.to_lowercase()),
        },
    };
    let wanted = value.trim_matches('"').to_lowercase();
    let positive = if value == "null" {
        seen == "null"
    } else if seen == "null" {
        false
    } else {
        let seen = seen.to_lowercase();
        match operator.as_str() {
            "-eq" => seen == wanted,
            "-startswith" => seen.starts_with(&wanted),
            "-endswith" => seen.ends_with(&wanted),
            "-contains" => seen.contains(&wanted),
            "-in" => value
                .trim_matches(['[', ']'])
                .split(',')
                .any(|one| one.trim().trim_matches('"').to_lowercase() == seen),
            other => panic!("the second evaluator does not know {other}"),
        }
    };
    positive != negative
}

/// The built-in controls it knows.
pub(super) const CONTROLS: &[&str] = &[
    "block",
    "mfa",
    "compliantDevice",
    "domainJoinedDevice",
    "approvedApplication",
    "compliantApplication",
    "passwordChange",
    "riskRemediation",
];

/// Whether what the policy asks for was given; with `asked`, or would be if the user were asked.
pub(super) fn holds(policy: &Value, world: &World, asked: bool) -> bool {
    let at = |what: &str| list(policy, &format!("/grantControls/{what}"));
    let step = |name: &str| {
        yes(world, &format!("{name}:done")) || (asked && yes(world, &format!("{name}:able")))
    };
    // C2.
    let legacy = !["browser", "mobileAppsAndDesktopClients"].contains(&world["client"]);
    let multi = |combination: &str| ["fido2", "password,sms"].contains(&combination);
    let mfa =
        !legacy && (step("mfa") || multi(world["used"]) || (asked && multi(world["available"])));
    // G6.
    let device = |fact: &str, value: &str| {
        world["flow"] != "deviceCodeFlow" && yes(world, "device:registered") && world[fact] == value
    };
    let mut given = Vec::new();
    for control in at("builtInControls") {
        given.push(match control.as_str() {
            "block" => return false,
            "mfa" => mfa,
            "compliantDevice" => device("device.isCompliant", "True"),
            "domainJoinedDevice" => device("device.trustType", "ServerAD"),
            "approvedApplication" => yes(world, "approved"),
            "compliantApplication" => yes(world, "protected"),
            "passwordChange" => mfa && step("password"),
            "riskRemediation" => step("remediation"),
            other => panic!("the second evaluator does not know {other}"),
        });
    }
    if let Some(wanted) = policy.pointer("/grantControls/authenticationStrength/id") {
        let strengths = strengths();
        let strength = strengths.iter().find(|one| one["id"] == *wanted).unwrap();
        let allowed = list(strength, "/allowedCombinations");
        let accepted = |used: &str| allowed.iter().any(|one| one == used);
        given.push(if *wanted == id("strength-mfa") {
            mfa
        } else {
            !legacy && (accepted(world["used"]) || (asked && accepted(world["available"])))
        });
    }
    given.extend(at("termsOfUse").iter().map(|_| step("terms")));
    given.extend(
        at("customAuthenticationFactors")
            .iter()
            .map(|_| step("factor")),
    );
    match policy
        .pointer("/grantControls/operator")
        .and_then(Value::as_str)
    {
        _ if given.is_empty() => true,
        Some("AND") => given.iter().all(|one| *one),
        _ => given.iter().any(|one| *one),
    }
}
