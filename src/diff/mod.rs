//! Compares two policies by what they mean.
//!
//! A policy is taken apart into [`Field`]s under the words that YAML uses. Each is a set, so order never
//! matters; what the service fills in by itself equals what was left out; the two forms of guests are one.
//! [`fields`] destructures every part by name: a new field of the model does not compile until it is here.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::model::fingerprint;
use crate::model::{
    Block, Conditions, ExternalTenants, Filter, FrequencyInterval, Grant, Guests, Id, Kind,
    LivePolicy, LocationSet, Operator, Policy, Session, SignInFrequency, State, TargetSet, Targets,
    UserSet, Users, Workload,
};

/// One entry of a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Item {
    /// Another object.
    Object(Kind, Id),
    /// A word of the policy language, a rule, or a number with its unit.
    Word(String),
}

/// One field of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where it stands in the YAML, e.g. `users.exclude`.
    pub path: &'static str,
    /// The part of the Graph JSON that has to be sent when it changes.
    pub block: Block,
    /// Whether it can only ever hold one entry.
    pub single: bool,
    /// What it holds; empty when it is not configured.
    pub items: BTreeSet<Item>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it stands in the YAML.
    pub path: &'static str,
    /// The part of the Graph JSON that has to be sent.
    pub block: Block,
    /// Whether it can only ever hold one entry.
    pub single: bool,
    /// What it held.
    pub before: BTreeSet<Item>,
    /// What it is to hold.
    pub after: BTreeSet<Item>,
}

impl Difference {
    /// What is only in the new one.
    pub fn added(&self) -> impl Iterator<Item = &Item> {
        self.after.difference(&self.before)
    }

    /// What is only in the old one.
    pub fn removed(&self) -> impl Iterator<Item = &Item> {
        self.before.difference(&self.after)
    }
}

/// The fields in which two policies differ, in the order of [`fields`].
pub fn compare(before: &Policy<Id>, after: &Policy<Id>) -> Vec<Difference> {
    fields(before)
        .into_iter()
        .zip(fields(after))
        .filter(|(before, after)| before.items != after.items)
        .map(|(before, after)| Difference {
            path: after.path,
            block: after.block,
            single: after.single,
            before: before.items,
            after: after.items,
        })
        .collect()
}

/// The fingerprint of a policy's content, without state and volatile properties, but with what the
/// service holds beyond the model.
pub fn content_fingerprint(policy: &Policy<Id>, unmodelled: &BTreeMap<String, Value>) -> String {
    fingerprint(&(meaning(policy), unmodelled))
}

/// The fingerprint of a live policy with its state: equal as long as nobody changed anything.
pub fn live_fingerprint(live: &LivePolicy) -> String {
    fingerprint(&(meaning(&live.policy), &live.unmodelled, live.state))
}

/// The fingerprint of what a write is to bring about, for comparing with what is read back.
pub fn outcome_fingerprint(policy: &Policy<Id>, state: State) -> String {
    fingerprint(&(meaning(policy), state))
}

fn meaning(policy: &Policy<Id>) -> Vec<(&'static str, BTreeSet<Item>)> {
    fields(policy)
        .into_iter()
        .filter(|field| !field.items.is_empty())
        .map(|field| (field.path, field.items))
        .collect()
}

/// Every field of a policy, always the same ones in the same order.
pub fn fields(policy: &Policy<Id>) -> Vec<Field> {
    let Policy {
        name,
        conditions,
        grant,
        session,
    } = policy;
    let mut out = vec![Field {
        path: "name",
        block: Block::Name,
        single: true,
        items: BTreeSet::from([Item::Word(name.clone())]),
    }];
    conditions_into(conditions, &mut out);
    grant_into(grant.as_ref(), &mut out);
    session_into(session.as_ref(), &mut out);
    out
}

fn word(text: impl Into<String>) -> Item {
    Item::Word(text.into())
}

fn words<'a, T: 'a>(
    set: impl IntoIterator<Item = &'a T>,
    word_of: fn(&T) -> &str,
) -> BTreeSet<Item> {
    set.into_iter().map(|item| word(word_of(item))).collect()
}

fn objects(set: &BTreeSet<Id>, kind: Kind) -> impl Iterator<Item = Item> {
    set.iter().map(move |id| Item::Object(kind, id.clone()))
}

fn filter_items(filter: Option<&Filter>) -> BTreeSet<Item> {
    filter
        .map(|filter| word(format!("{}: {}", filter.mode.word(), filter.rule)))
        .into_iter()
        .collect()
}

fn conditions_into(conditions: &Conditions<Id>, out: &mut Vec<Field>) {
    let Conditions {
        users: Users { include, exclude },
        workload,
        targets,
        client_apps,
        platforms,
        locations,
        sign_in_risk,
        user_risk,
        service_principal_risk,
        insider_risk,
        flows,
        device_filter,
    } = conditions;
    let mut field = |path, items| {
        out.push(Field {
            path,
            block: Block::Conditions,
            single: false,
            items,
        });
    };
    // A workload policy reads back with `includeUsers: ["None"]` (contract section 1.5).
    let include_items = match workload {
        Some(_) if include.none => BTreeSet::new(),
        _ => user_items(include),
    };
    field("users.include", include_items);
    field("users.exclude", user_items(exclude));
    let nothing = Workload::default();
    let Workload {
        include_all,
        include,
        exclude,
        filter,
    } = workload.as_ref().unwrap_or(&nothing);
    let mut included: BTreeSet<Item> = objects(include, Kind::ServicePrincipal).collect();
    if *include_all {
        included.insert(word("all"));
    }
    field("workload_identities.include", included);
    field(
        "workload_identities.exclude",
        objects(exclude, Kind::ServicePrincipal).collect(),
    );
    field("workload_identities.filter", filter_items(filter.as_ref()));
    let Targets {
        include,
        exclude,
        user_actions,
        authentication_contexts,
        filter,
    } = targets;
    field("target_resources.include", target_items(include));
    field("target_resources.exclude", target_items(exclude));
    field(
        "target_resources.user_actions",
        words(user_actions, |action| action.word()),
    );
    field(
        "target_resources.authentication_contexts",
        authentication_contexts.iter().map(word).collect(),
    );
    field("target_resources.filter", filter_items(filter.as_ref()));
    field(
        "conditions.client_apps",
        words(client_apps, |app| app.word()),
    );
    let platforms = platforms.clone().unwrap_or_default();
    field(
        "conditions.platforms.include",
        words(&platforms.include, |platform| platform.word()),
    );
    field(
        "conditions.platforms.exclude",
        words(&platforms.exclude, |platform| platform.word()),
    );
    let locations = locations.clone().unwrap_or_default();
    field(
        "conditions.locations.include",
        location_items(&locations.include),
    );
    field(
        "conditions.locations.exclude",
        location_items(&locations.exclude),
    );
    field(
        "conditions.sign_in_risk",
        words(sign_in_risk, |level| level.word()),
    );
    field(
        "conditions.user_risk",
        words(user_risk, |level| level.word()),
    );
    field(
        "conditions.service_principal_risk",
        words(service_principal_risk, |level| level.word()),
    );
    field(
        "conditions.insider_risk",
        words(insider_risk, |level| level.word()),
    );
    field(
        "conditions.authentication_flows",
        words(flows, |flow| flow.word()),
    );
    field(
        "conditions.device_filter",
        filter_items(device_filter.as_ref()),
    );
}

fn user_items(set: &UserSet<Id>) -> BTreeSet<Item> {
    let UserSet {
        all,
        none,
        users,
        groups,
        roles,
        guests,
    } = set;
    let mut items: BTreeSet<Item> = objects(users, Kind::User)
        .chain(objects(groups, Kind::Group))
        .chain(objects(roles, Kind::Role))
        .collect();
    if *all {
        items.insert(word("all"));
    }
    if *none {
        items.insert(word("none"));
    }
    if let Some(guests) = guests {
        items.extend(guest_items(guests));
    }
    items
}

/// One entry for each kind of guest, so that both forms of the same people are the same entries.
fn guest_items(guests: &Guests) -> BTreeSet<Item> {
    let Guests {
        kinds,
        tenants,
        legacy: _,
    } = guests;
    let from = match tenants {
        None | Some(ExternalTenants::All) => String::new(),
        Some(ExternalTenants::Enumerated(tenants)) => {
            // Nobody promises the case of a GUID, on either side.
            let list: BTreeSet<_> = tenants
                .iter()
                .map(|id| Id::new(&**id).to_string())
                .collect();
            format!(" of {}", list.into_iter().collect::<Vec<_>>().join(", "))
        }
    };
    kinds
        .iter()
        .map(|kind| word(format!("guests: {}{from}", kind.word())))
        .collect()
}

fn target_items(set: &TargetSet<Id>) -> BTreeSet<Item> {
    let TargetSet {
        all,
        none,
        suites,
        apps,
    } = set;
    let mut items: BTreeSet<Item> = objects(apps, Kind::App).collect();
    items.extend(suites.iter().map(|suite| word(suite.word())));
    if *all {
        items.insert(word("all"));
    }
    if *none {
        items.insert(word("none"));
    }
    items
}

fn location_items(set: &LocationSet<Id>) -> BTreeSet<Item> {
    let LocationSet {
        all,
        all_trusted,
        mfa_trusted_ips,
        named,
    } = set;
    let mut items: BTreeSet<Item> = objects(named, Kind::Location).collect();
    for (flag, text) in [
        (*all, "all"),
        (*all_trusted, "all-trusted"),
        (*mfa_trusted_ips, "mfa-trusted-ips"),
    ] {
        if flag {
            items.insert(word(text));
        }
    }
    items
}

fn grant_into(grant: Option<&Grant<Id>>, out: &mut Vec<Field>) {
    let nothing = Grant {
        operator: Operator::Any,
        controls: BTreeSet::new(),
        strength: None,
        terms_of_use: BTreeSet::new(),
        custom_factors: BTreeSet::new(),
    };
    let grant = grant.unwrap_or(&nothing);
    let Grant {
        operator,
        controls,
        strength,
        terms_of_use,
        custom_factors,
    } = grant;
    let mut field = |path, single, items| {
        out.push(Field {
            path,
            block: Block::Grant,
            single,
            items,
        });
    };
    // How one requirement is joined to itself says nothing.
    let operator = (grant.requirements() > 1).then(|| word(operator.word()));
    field("grant.operator", true, operator.into_iter().collect());
    field(
        "grant.controls",
        false,
        words(controls, |control| control.word()),
    );
    field(
        "grant.authentication_strength",
        true,
        strength
            .iter()
            .map(|id| Item::Object(Kind::Strength, id.clone()))
            .collect(),
    );
    field(
        "grant.terms_of_use",
        false,
        objects(terms_of_use, Kind::TermsOfUse).collect(),
    );
    field(
        "grant.custom_factors",
        false,
        custom_factors.iter().map(word).collect(),
    );
}

fn session_into(session: Option<&Session>, out: &mut Vec<Field>) {
    let nothing = Session::default();
    let Session {
        sign_in_frequency,
        persistent_browser,
        app_enforced_restrictions,
        cloud_app_security,
        resilience_defaults_disabled,
        token_protection,
    } = session.unwrap_or(&nothing);
    let mut field = |path, item: Option<String>| {
        out.push(Field {
            path,
            block: Block::Session,
            single: true,
            items: item.map(Item::Word).into_iter().collect(),
        });
    };
    field(
        "session.sign_in_frequency",
        sign_in_frequency.as_ref().map(frequency_text),
    );
    field(
        "session.persistent_browser",
        persistent_browser.as_ref().map(|mode| mode.word().into()),
    );
    let on = |flag: bool| flag.then(|| "on".to_owned());
    field(
        "session.app_enforced_restrictions",
        on(*app_enforced_restrictions),
    );
    field(
        "session.cloud_app_security",
        cloud_app_security.as_ref().map(|kind| kind.word().into()),
    );
    field(
        "session.resilience_defaults",
        resilience_defaults_disabled.then(|| "off".to_owned()),
    );
    field("session.token_protection", on(*token_protection));
}

fn frequency_text(frequency: &SignInFrequency) -> String {
    let SignInFrequency {
        interval,
        value,
        unit,
        authentication,
    } = frequency;
    let value = value.map(|value| value.to_string());
    let mut when = Vec::new();
    // What else stands beside "every time" says nothing.
    if *interval != FrequencyInterval::EveryTime {
        when.extend(value.as_deref());
        when.extend(unit.as_ref().map(|unit| unit.word()));
    }
    if *interval != FrequencyInterval::TimeBased || when.is_empty() {
        when.push(interval.word());
    }
    format!("{} ({})", when.join(" "), authentication.word())
}
