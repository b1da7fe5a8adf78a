//! What beta says of a policy at a sign-in: which conditions were met, and by which rule.

use std::io::Write as _;

use serde_json::Value;

use super::apps::{APPS, AZURE};
use super::habits::{Moment, Profile, Who};
use super::standing::{Logged, Standing};
use crate::evaluate::{AppliedResult, Facts, Truth};
use crate::model::Id;

impl Standing {
    /// The principal name of somebody.
    pub(super) fn upn_of(&self, who: Who) -> String {
        match who {
            Who::Player(at) => {
                let player = self.tenant.cast().players().get(at as usize);
                let domain = &self.tenant.identity().domain;
                player.map_or_else(String::new, |player| {
                    format!("{}@{domain}", player.nickname)
                })
            }
            Who::Person(index) => self.tenant.present().crowd().upn(index),
            Who::Workload(_) => String::new(),
        }
    }

    /// The display name of somebody.
    pub(super) fn name_of(&self, who: Who) -> String {
        match who {
            Who::Player(at) => {
                let player = self.tenant.cast().players().get(at as usize);
                player.map_or_else(String::new, |player| player.name.clone())
            }
            Who::Person(index) => self.tenant.present().crowd().full_name(index),
            Who::Workload(number) => format!("workload-{number:04}"),
        }
    }

    /// What Conditional Access takes a resource for.
    pub(super) fn audience(&self, resource: &'static str) -> &'static str {
        if self.covers(&Id::new(AZURE.0), &Id::new(resource)) {
            AZURE.0
        } else {
            resource
        }
    }

    /// Writes the rules that decided about a policy.
    pub(super) fn why(
        &self,
        out: &mut Vec<u8>,
        policy: &Logged,
        moment: &Moment,
        profile: &Profile,
        result: AppliedResult,
    ) {
        let conditions = &policy.row["conditions"];
        let resource = Id::new(APPS[usize::from(moment.app)].resource.0);
        let apps = &conditions["applications"];
        let named = |list: &Value| {
            list.as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .find_map(|name| match name {
                    "All" => Some("allApps"),
                    "Office365" => {
                        let office = crate::model::Suite::Office365;
                        (self.in_suite(&office, &resource) == Truth::Yes).then_some("office365")
                    }
                    id => self.covers(&Id::new(id), &resource).then_some("appId"),
                })
        };
        let app = named(&apps["includeApplications"])
            .filter(|_| named(&apps["excludeApplications"]).is_none());
        let include = self.user_rule(&conditions["users"], "include", moment.who, profile);
        let exclude = self.user_rule(&conditions["users"], "exclude", moment.who, profile);
        let is_applied = !matches!(
            result,
            AppliedResult::NotApplied
                | AppliedResult::ReportOnlyNotApplied
                | AppliedResult::NotEnabled
        );
        let users_met = include.is_some() && exclude.is_none();
        let satisfied = match (app.is_some(), users_met) {
            (true, true) => "application,users",
            (true, false) => "application",
            (false, true) => "users",
            (false, false) => "none",
        };
        let missing = match (app.is_some(), users_met) {
            _ if is_applied => "none",
            (false, _) => "application",
            (true, false) => "users",
            (true, true) => "clientType",
        };
        let _ = write!(
            out,
            r#","conditionsSatisfied":"{satisfied}","conditionsNotSatisfied":"{missing}","includeRulesSatisfied":["#
        );
        let mut rules = Vec::new();
        rules.extend(app.map(|rule| ("application", rule)));
        rules.extend(include.map(|rule| ("users", rule)));
        pairs(out, &rules);
        out.extend_from_slice(br#"],"excludeRulesSatisfied":["#);
        let rules: Vec<_> = exclude.map(|rule| ("users", rule)).into_iter().collect();
        pairs(out, &rules);
        out.extend_from_slice(
            br#"],"sessionControlsNotSatisfied":[],"authenticationStrength":null"#,
        );
    }

    fn user_rule(
        &self,
        users: &Value,
        side: &str,
        who: Who,
        profile: &Profile,
    ) -> Option<&'static str> {
        let list = |what: &str| {
            users[format!("{side}{what}")]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
        };
        if list("Users").any(|user| user == "All") {
            return Some("allUsers");
        }
        let guests = &users[format!("{side}GuestsOrExternalUsers")];
        if profile.class.is_guest() && !guests.is_null() {
            return Some("b2bCollaborationGuest");
        }
        // Most policies name nobody on a side, and the id is not needed then.
        let mut named = list("Users").chain(list("Groups")).chain(list("Roles"));
        named.next()?;
        let id = Id::new(self.id_of(who));
        if list("Users").any(|user| user.eq_ignore_ascii_case(id.as_str())) {
            return Some("userId");
        }
        if list("Groups").any(|group| self.in_group(&id, &Id::new(group)) == Truth::Yes) {
            return Some("groupId");
        }
        list("Roles")
            .any(|role| self.has_role(&id, &Id::new(role)) == Truth::Yes)
            .then_some("roleId")
    }
}

fn pairs(out: &mut Vec<u8>, rules: &[(&str, &str)]) {
    for (at, (condition, rule)) in rules.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let _ = write!(
            out,
            r#"{comma}{{"conditionalAccessCondition":"{condition}","ruleSatisfied":"{rule}"}}"#
        );
    }
}
