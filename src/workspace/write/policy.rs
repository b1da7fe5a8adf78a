//! A live policy as the file that a person would have written: the portal's words, names for ids,
//! defaults left out, the state never.

use std::collections::BTreeSet;

use super::tree::{Entry, Item, Meaning, Value};
use crate::model::{
    ClientApp, CloudAppSecurity, Conditions, Control, ExternalTenants, Filter,
    FrequencyAuthentication, FrequencyInterval, Grant, GuestKind, Guests, Id, InsiderRisk, Kind,
    LocationSet, Locations, Operator, Owner, PersistentBrowser, Platform, Platforms, Policy,
    RiskLevel, Session, SignInFrequency, State, Suite, TargetSet, Targets, TransferMethod,
    UserAction, UserSet, Users, Workload,
};

/// What an imported exclusion says until somebody knows better: an import cannot invent a reason.
pub const UNEXPLAINED: &str = "imported; nobody said why yet";
/// What an imported exclusion says of its owner until somebody takes it over.
pub const UNOWNED: &str = "nobody yet";

/// A policy that is about to be written as a file.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its content; what declarations imply is taken out of it.
    pub policy: &'a Policy<Id>,
    /// Its state.
    pub state: State,
    /// The id to pin, where its name alone does not say which policy is meant.
    pub id: Option<&'a Id>,
    /// The tenant below which state and id stand, when several are declared.
    pub tenant: Option<&'a str>,
    /// Who maintains it.
    pub owner: Owner,
    /// The declared break-glass principals that it could reach and does not exclude.
    pub unprotected: Vec<String>,
    /// What a reader should know about the whole policy, a line each.
    pub remarks: Vec<String>,
}

/// How a reference is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The name, the alias, or the id.
    pub text: String,
    /// Whether the text is that of a declared principal.
    pub principal: bool,
    /// What a reader should know beside it.
    pub comment: Option<String>,
}

/// Says how references are written.
pub type Write<'a> = &'a dyn Fn(Kind, &Id) -> Written;

/// The members of enumerations that this version has no word for, as `where: member`.
pub fn unknown_words(policy: &Policy<Id>) -> Vec<String> {
    let mut writer = Writer::new(&|_, id| Written {
        text: id.to_string(),
        principal: false,
        comment: None,
    });
    writer.content(policy);
    writer.unknown
}

/// The entries of a policy file, in the order of the shipped one.
pub(in crate::workspace) fn entries(draft: &Draft<'_>, write: Write<'_>) -> Vec<Entry> {
    let Draft {
        key,
        policy,
        state,
        id,
        tenant,
        owner,
        unprotected,
        remarks: _,
    } = draft;
    let mut writer = Writer::new(write);
    let mut out = vec![
        Entry::new("policy", Value::text(*key)),
        Entry::new("name", Value::text(&policy.name)),
    ];
    let pin = |out: &mut Vec<Entry>| {
        out.push(Entry::new("state", Value::Word(state.word())));
        if let Some(id) = id {
            out.push(Entry::new("id", Value::text(id.as_str())));
        }
    };
    if tenant.is_none() {
        pin(&mut out);
    }
    match owner {
        Owner::Microsoft => {
            let mut entry = Entry::new("owner", Value::Word("microsoft"));
            entry.comment = Some("state and exclusions are all that can be changed".into());
            out.push(entry);
            let exclude = writer.people(&policy.conditions.users.exclude, true);
            if !exclude.is_empty() {
                let list = Entry::new("exclude", Value::List(exclude));
                out.push(Entry::new("users", Value::Map(vec![list])));
            }
        }
        Owner::Workspace => out.extend(writer.content(policy)),
    }
    if !unprotected.is_empty() {
        let mut entry = Entry::new(
            "break_glass",
            Value::Inline(vec![
                ("mode", Value::Word("not-excluded")),
                ("reason", Value::text(UNEXPLAINED)),
                ("owner", Value::text(UNOWNED)),
            ]),
        );
        entry.above = vec![
            format!(
                "The live policy does not exclude {}.",
                unprotected.join(", ")
            ),
            "Take the next line out, and the next plan adds the exclusion.".into(),
        ];
        out.push(entry);
    }
    if let Some(tenant) = tenant {
        let mut own = Vec::new();
        pin(&mut own);
        out.push(Entry::new(
            "tenants",
            Value::Map(vec![Entry::new(tenant, Value::Map(own))]),
        ));
    }
    out
}

struct Writer<'a> {
    write: Write<'a>,
    unknown: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(write: Write<'a>) -> Self {
        Self {
            write,
            unknown: Vec::new(),
        }
    }

    fn content(&mut self, policy: &Policy<Id>) -> Vec<Entry> {
        let Policy {
            name: _,
            conditions,
            grant,
            session,
        } = policy;
        let mut out = Vec::new();
        match &conditions.workload {
            Some(workload) => out.push(self.workload(workload)),
            None => out.push(self.users(&conditions.users)),
        }
        out.extend(self.targets(&conditions.targets));
        out.extend(self.conditions(conditions));
        out.extend(grant.as_ref().and_then(|grant| self.grant(grant)));
        out.extend(session.as_ref().and_then(|session| self.session(session)));
        out
    }

    /// A word of the language, unless it is one that this version does not know.
    fn word<T>(
        &mut self,
        place: &str,
        value: &T,
        word: fn(&T) -> &str,
        known: fn(&str) -> Option<T>,
    ) -> Item {
        let text = word(value);
        if known(text).is_none() {
            self.unknown.push(format!("{place}: {text}"));
        }
        Item {
            value: Value::text(text),
            meaning: Meaning::Word(text.to_owned()),
            comment: None,
        }
    }

    fn words<'t, T: 't>(
        &mut self,
        place: &str,
        set: impl IntoIterator<Item = &'t T>,
        word: fn(&T) -> &str,
        known: fn(&str) -> Option<T>,
    ) -> Vec<Item> {
        set.into_iter()
            .map(|value| self.word(place, value, word, known))
            .collect()
    }

    fn single<T>(
        &mut self,
        place: &str,
        value: &T,
        word: fn(&T) -> &str,
        known: fn(&str) -> Option<T>,
    ) -> Value {
        self.word(place, value, word, known).value
    }

    fn reference(&self, kind: Kind, id: &Id) -> Item {
        let Written { text, comment, .. } = (self.write)(kind, id);
        Item {
            value: Value::text(text),
            meaning: Meaning::Object(kind, id.clone()),
            comment,
        }
    }

    fn references<'t>(&self, kind: Kind, set: impl IntoIterator<Item = &'t Id>) -> Vec<Item> {
        in_order(set.into_iter().map(|id| self.reference(kind, id)).collect())
    }

    fn users(&mut self, users: &Users<Id>) -> Entry {
        let Users { include, exclude } = users;
        let mut out = Vec::new();
        list("include", self.people(include, false), &mut out);
        let excluded = self.people(exclude, true);
        let inline = excluded
            .iter()
            .any(|item| matches!(item.value, Value::Inline(_)));
        list("exclude", excluded, &mut out);
        if let Some(entry) = out.last_mut().filter(|_| inline) {
            entry.above = vec![
                "Say of each who answers for it and why; `review_by: 2027-01-31` and `expires: …` keep it honest."
                    .into(),
            ];
        }
        Entry::new("users", Value::Map(out))
    }

    /// One side of the users; an exclusion that no declaration explains says so itself.
    fn people(&mut self, set: &UserSet<Id>, exclude: bool) -> Vec<Item> {
        let UserSet {
            all,
            none,
            users,
            groups,
            roles,
            guests,
        } = set;
        let mut out = Vec::new();
        for (flag, word) in [(*all, "all"), (*none, "none")] {
            if flag {
                out.push(own_word(word));
            }
        }
        let explained = |mut entries: Vec<(&'static str, Value)>| {
            if exclude {
                entries.push(("reason", Value::text(UNEXPLAINED)));
                entries.push(("owner", Value::text(UNOWNED)));
            }
            Value::Inline(entries)
        };
        let (mut declared, mut inline) = (Vec::new(), Vec::new());
        for (kind, ids) in [
            (Kind::User, users),
            (Kind::Group, groups),
            (Kind::Role, roles),
        ] {
            let mut of_kind = Vec::new();
            for id in ids {
                let Written {
                    text,
                    principal,
                    comment,
                } = (self.write)(kind, id);
                let meaning = Meaning::Object(kind, id.clone());
                let (value, into) = if principal {
                    (Value::text(text), &mut declared)
                } else {
                    let key = match kind {
                        Kind::User => "user",
                        Kind::Group => "group",
                        _ => "role",
                    };
                    (explained(vec![(key, Value::text(text))]), &mut of_kind)
                };
                into.push(Item {
                    value,
                    meaning,
                    comment,
                });
            }
            inline.extend(in_order(of_kind));
        }
        out.extend(in_order(declared));
        out.extend(inline);
        if let Some(guests) = guests {
            out.push(Item {
                value: explained(vec![("guests", self.guests(guests))]),
                meaning: Meaning::Guests,
                comment: None,
            });
        }
        out
    }

    fn guests(&mut self, guests: &Guests) -> Value {
        let (word, known) = (GuestKind::word, GuestKind::from_word);
        self.words("guests", &guests.kinds, word, known);
        guests_value(guests)
    }

    fn workload(&mut self, workload: &Workload<Id>) -> Entry {
        let Workload {
            include_all,
            include,
            exclude,
            filter,
        } = workload;
        let mut included = Vec::new();
        if *include_all {
            included.push(own_word("all-owned"));
        }
        included.extend(self.references(Kind::ServicePrincipal, include));
        let mut out = Vec::new();
        list("include", included, &mut out);
        let excluded = self.references(Kind::ServicePrincipal, exclude);
        list("exclude", excluded, &mut out);
        out.extend(self.filter("filter", filter.as_ref()));
        Entry::new("workload_identities", Value::Map(out))
    }

    fn filter(&mut self, key: &str, filter: Option<&Filter>) -> Option<Entry> {
        use crate::model::FilterMode;
        let Filter { mode, rule } = filter?;
        let mode = self.single(key, mode, FilterMode::word, FilterMode::from_word);
        Some(Entry::new(
            key,
            Value::Map(vec![
                Entry::new("mode", mode),
                Entry::new("rule", Value::text(rule)),
            ]),
        ))
    }

    fn targets(&mut self, targets: &Targets<Id>) -> Option<Entry> {
        let Targets {
            include,
            exclude,
            user_actions,
            authentication_contexts,
            filter,
        } = targets;
        let mut out = Vec::new();
        let included = self.target_set(include);
        list("include", included, &mut out);
        let excluded = self.target_set(exclude);
        list("exclude", excluded, &mut out);
        let (word, known) = (UserAction::word, UserAction::from_word);
        let actions = self.words("target_resources.user_actions", user_actions, word, known);
        list("user_actions", actions, &mut out);
        let contexts = authentication_contexts
            .iter()
            .map(|c| own_text(c))
            .collect();
        list("authentication_contexts", contexts, &mut out);
        out.extend(self.filter("filter", filter.as_ref()));
        (!out.is_empty()).then(|| Entry::new("target_resources", Value::Map(out)))
    }

    fn target_set(&mut self, set: &TargetSet<Id>) -> Vec<Item> {
        let TargetSet {
            all,
            none,
            suites,
            apps,
        } = set;
        let mut out = Vec::new();
        for (flag, word) in [(*all, "all"), (*none, "none")] {
            if flag {
                out.push(own_word(word));
            }
        }
        let (word, known) = (Suite::word, Suite::from_word);
        out.extend(self.words("target_resources", suites, word, known));
        out.extend(self.references(Kind::App, apps));
        out
    }

    fn conditions(&mut self, conditions: &Conditions<Id>) -> Option<Entry> {
        let Conditions {
            users: _,
            workload: _,
            targets: _,
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
        let mut out = Vec::new();
        if *client_apps != BTreeSet::from([ClientApp::All]) {
            let (word, known) = (ClientApp::word, ClientApp::from_word);
            let apps = self.words("conditions.client_apps", client_apps, word, known);
            list("client_apps", apps, &mut out);
        }
        if let Some(Platforms { include, exclude }) = platforms {
            let (word, known) = (Platform::word, Platform::from_word);
            let include = self.words("conditions.platforms", include, word, known);
            let exclude = self.words("conditions.platforms", exclude, word, known);
            out.push(sides("platforms", include, exclude));
        }
        if let Some(Locations { include, exclude }) = locations {
            let include = self.locations(include);
            let exclude = self.locations(exclude);
            out.push(sides("locations", include, exclude));
        }
        for (key, levels) in [
            ("sign_in_risk", sign_in_risk),
            ("user_risk", user_risk),
            ("service_principal_risk", service_principal_risk),
        ] {
            let (word, known) = (RiskLevel::word, RiskLevel::from_word);
            let levels = self.words(&format!("conditions.{key}"), levels, word, known);
            list(key, levels, &mut out);
        }
        let (word, known) = (InsiderRisk::word, InsiderRisk::from_word);
        let levels = self.words("conditions.insider_risk", insider_risk, word, known);
        list("insider_risk", levels, &mut out);
        out.extend(self.filter("device_filter", device_filter.as_ref()));
        let (word, known) = (TransferMethod::word, TransferMethod::from_word);
        let flows = self.words("conditions.authentication_flows", flows, word, known);
        list("authentication_flows", flows, &mut out);
        (!out.is_empty()).then(|| Entry::new("conditions", Value::Map(out)))
    }

    fn locations(&mut self, set: &LocationSet<Id>) -> Vec<Item> {
        let LocationSet {
            all,
            all_trusted,
            mfa_trusted_ips,
            named,
        } = set;
        let mut out = Vec::new();
        for (flag, word) in [
            (*all, "all"),
            (*all_trusted, "all-trusted"),
            (*mfa_trusted_ips, "mfa-trusted-ips"),
        ] {
            if flag {
                out.push(own_word(word));
            }
        }
        out.extend(self.references(Kind::Location, named));
        out
    }

    fn grant(&mut self, grant: &Grant<Id>) -> Option<Entry> {
        let Grant {
            operator,
            controls,
            strength,
            terms_of_use,
            custom_factors,
        } = grant;
        let mut out = Vec::new();
        if grant.requirements() > 1 {
            let (word, known) = (Operator::word, Operator::from_word);
            let operator = self.single("grant.operator", operator, word, known);
            out.push(Entry::new("operator", operator));
        }
        let (word, known) = (Control::word, Control::from_word);
        let controls = self.words("grant.controls", controls, word, known);
        list("controls", controls, &mut out);
        if let Some(id) = strength {
            let Written { text, comment, .. } = (self.write)(Kind::Strength, id);
            let mut entry = Entry::new("authentication_strength", Value::text(text));
            entry.comment = comment;
            out.push(entry);
        }
        let terms = self.references(Kind::TermsOfUse, terms_of_use);
        list("terms_of_use", terms, &mut out);
        let factors = custom_factors.iter().map(|id| own_text(id)).collect();
        list("custom_factors", factors, &mut out);
        (!out.is_empty()).then(|| Entry::new("grant", Value::Map(out)))
    }

    fn session(&mut self, session: &Session) -> Option<Entry> {
        let Session {
            sign_in_frequency,
            persistent_browser,
            app_enforced_restrictions,
            cloud_app_security,
            resilience_defaults_disabled,
            token_protection,
        } = session;
        let mut out = Vec::new();
        if let Some(frequency) = sign_in_frequency {
            out.push(Entry::new("sign_in_frequency", self.frequency(frequency)));
        }
        if let Some(mode) = persistent_browser {
            let (word, known) = (PersistentBrowser::word, PersistentBrowser::from_word);
            let mode = self.single("session.persistent_browser", mode, word, known);
            out.push(Entry::new("persistent_browser", mode));
        }
        if *app_enforced_restrictions {
            out.push(Entry::new("app_enforced_restrictions", Value::Word("true")));
        }
        if let Some(kind) = cloud_app_security {
            let (word, known) = (CloudAppSecurity::word, CloudAppSecurity::from_word);
            let kind = self.single("session.cloud_app_security", kind, word, known);
            out.push(Entry::new("cloud_app_security", kind));
        }
        if *resilience_defaults_disabled {
            out.push(Entry::new("resilience_defaults", Value::Word("disabled")));
        }
        if *token_protection {
            out.push(Entry::new("token_protection", Value::Word("true")));
        }
        (!out.is_empty()).then(|| Entry::new("session", Value::Map(out)))
    }

    fn frequency(&mut self, frequency: &SignInFrequency) -> Value {
        let SignInFrequency {
            interval,
            value,
            unit,
            authentication,
        } = frequency;
        let place = "session.sign_in_frequency";
        let every = match (interval, value, unit) {
            (FrequencyInterval::EveryTime, ..) => "every-time".to_owned(),
            (FrequencyInterval::TimeBased, Some(value), Some(unit)) if unit.is_known() => {
                format!("{value} {}", unit.word())
            }
            (interval, value, unit) => {
                let unit = unit.as_ref().map_or("?", |unit| unit.word());
                let value = value.map_or_else(|| "?".to_owned(), |value| value.to_string());
                let text = format!("{} {value} {unit}", interval.word());
                self.unknown.push(format!("{place}: {text}"));
                text
            }
        };
        if *authentication == FrequencyAuthentication::PrimaryAndSecondary {
            return Value::text(every);
        }
        let (word, known) = (
            FrequencyAuthentication::word,
            FrequencyAuthentication::from_word,
        );
        let authentication = self.single(place, authentication, word, known);
        Value::Map(vec![
            Entry::new("every", Value::text(every)),
            Entry::new("authentication", authentication),
        ])
    }
}

/// Kinds of guests, and their home tenants unless it is any.
pub(in crate::workspace) fn guests_value(guests: &Guests) -> Value {
    let Guests {
        kinds,
        tenants,
        legacy: _,
    } = guests;
    let kinds = if *kinds == GuestKind::every() {
        Value::Word("all")
    } else {
        Value::List(kinds.iter().map(|kind| own_text(kind.word())).collect())
    };
    match tenants {
        None | Some(ExternalTenants::All) => kinds,
        Some(ExternalTenants::Enumerated(tenants)) => {
            let tenants = tenants.iter().map(|id| own_text(id)).collect();
            Value::Inline(vec![("kinds", kinds), ("tenants", Value::List(tenants))])
        }
    }
}

fn own_word(word: &'static str) -> Item {
    Item {
        value: Value::Word(word),
        meaning: Meaning::Word(word.to_owned()),
        comment: None,
    }
}

fn own_text(text: &str) -> Item {
    Item {
        value: Value::text(text),
        meaning: Meaning::Word(text.to_owned()),
        comment: None,
    }
}

/// References in the order of what is written, so that a list is found again as it was.
fn in_order(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by_key(|item| item.value.inline().map(|text| text.to_lowercase()));
    items
}

fn list(key: &str, items: Vec<Item>, out: &mut Vec<Entry>) {
    if !items.is_empty() {
        out.push(Entry::new(key, Value::List(items)));
    }
}

/// The two sides of a condition; without exclusions a list alone.
fn sides(key: &str, include: Vec<Item>, exclude: Vec<Item>) -> Entry {
    if exclude.is_empty() {
        return Entry::new(key, Value::List(include));
    }
    let mut out = Vec::new();
    list("include", include, &mut out);
    list("exclude", exclude, &mut out);
    Entry::new(key, Value::Map(out))
}
