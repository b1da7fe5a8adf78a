//! The sentences about assignments: who, and what is asked for.

use super::super::condition::{filter_holds, guests_match};
use super::super::prepared::PreparedFilter;
use super::super::{Attributes, Facts, Person, Subject, Target, Truth};
use super::Missing;
use super::words::{Ground, Said, Words, join};
use crate::model::{FilterMode, Id, Kind, TargetSet, Targets, UserSet};

impl<F: Facts + ?Sized> Words<'_, F> {
    pub(super) fn users(&self) -> Said {
        let Subject::Person(person) = &self.sign_in.subject else {
            return self.conditions.workload.is_none().then(|| {
                (
                    "a service principal is none of its users".to_owned(),
                    Vec::new(),
                )
            });
        };
        if self.conditions.workload.is_some() {
            return None;
        }
        let users = &self.conditions.users;
        Some(self.sides(
            self.people(&users.include, person),
            self.people(&users.exclude, person),
            "the user is not among those it includes",
        ))
    }

    fn people(&self, set: &UserSet<Id>, person: &Person) -> Vec<Ground> {
        let id = person.id.as_ref();
        let mut grounds = Vec::new();
        if set.all {
            grounds.push(Ground::new(true, "all users"));
        }
        let named = id.is_some_and(|id| set.users.contains(id));
        grounds.push(Ground::new(named, "the user by name"));
        for group in &set.groups {
            let truth = id.map_or(Truth::No, |id| self.facts.in_group(id, group));
            let says = format!("member of {}", self.name(Kind::Group, group));
            grounds.push(Ground::new(truth, says).or_missing(Missing::Group(group.clone())));
        }
        for role in &set.roles {
            let truth = id.map_or(Truth::No, |id| self.facts.has_role(id, role));
            let says = format!("active in {}", self.name(Kind::Role, role));
            grounds.push(Ground::new(truth, says).or_missing(Missing::Role(role.clone())));
        }
        if let Some(guests) = &set.guests {
            let truth = match &person.standing {
                Some(standing) => guests_match(guests, standing),
                None => Truth::Unknown,
            };
            let says = format!(
                "guest ({})",
                join(guests.kinds.iter().map(|kind| kind.word()))
            );
            grounds.push(Ground::new(truth, says).or_missing(Missing::Guest));
        }
        grounds
    }

    pub(super) fn workload(&self) -> Said {
        match (&self.sign_in.subject, &self.conditions.workload) {
            (Subject::Person(_), Some(_)) => Some((
                "the policy is about workload identities, not about people".to_owned(),
                Vec::new(),
            )),
            (Subject::Workload(identity), Some(workload)) => {
                let managed = Truth::from(identity.managed);
                let foreign = !Truth::from(identity.owned);
                let exclude = vec![
                    Ground::new(managed, "a managed identity").or_missing(Missing::Ownership),
                    Ground::new(
                        foreign,
                        "not a single-tenant service principal of this tenant",
                    )
                    .or_missing(Missing::Ownership),
                    Ground::new(
                        workload.exclude.contains(&identity.id),
                        self.name(Kind::ServicePrincipal, &identity.id),
                    ),
                ];
                let include = vec![
                    Ground::new(
                        workload.include_all,
                        "every service principal of the tenant",
                    ),
                    Ground::new(
                        workload.include.contains(&identity.id),
                        self.name(Kind::ServicePrincipal, &identity.id),
                    ),
                ];
                let attributes = Some(&identity.attributes);
                let filter = self.policy.workload_filter.as_ref();
                let (include, exclude) = filtered(include, exclude, filter, attributes);
                Some(self.sides(
                    include,
                    exclude,
                    "the service principal is not among those it includes",
                ))
            }
            (_, None) => None,
        }
    }

    pub(super) fn application(&self) -> Said {
        let targets = &self.conditions.targets;
        match &self.sign_in.target {
            Some(Target::App(app)) => Some(self.app(targets, app)),
            Some(_) => None,
            None if self.truth.is_no() => Some(("it covers no resource".to_owned(), Vec::new())),
            None => Some((
                "would need to know what is asked for".to_owned(),
                vec![Missing::Target],
            )),
        }
    }

    fn app(&self, targets: &Targets<Id>, app: &Id) -> (String, Vec<Missing>) {
        let side = |set: &TargetSet<Id>| {
            let mut grounds = Vec::new();
            if set.all {
                grounds.push(Ground::new(true, "all resources"));
            }
            for named in &set.apps {
                let covers = self.facts.covers(named, app);
                grounds.push(Ground::new(covers, self.name(Kind::App, named)));
            }
            for suite in &set.suites {
                let truth = self.facts.in_suite(suite, app);
                let says = format!("part of {}", suite.word());
                let missing = Missing::Suite(suite.word().to_owned());
                grounds.push(Ground::new(truth, says).or_missing(missing));
            }
            grounds
        };
        let (include, exclude) = filtered(
            side(&targets.include),
            side(&targets.exclude),
            self.policy.app_filter.as_ref(),
            self.facts.app_attributes(app),
        );
        let outside = format!(
            "{} is not among the resources it includes",
            self.name(Kind::App, app)
        );
        self.sides(include, exclude, &outside)
    }
}

/// Adds what a filter over custom security attributes says.
fn filtered(
    mut include: Vec<Ground>,
    mut exclude: Vec<Ground>,
    filter: Option<&PreparedFilter>,
    attributes: Option<&Attributes>,
) -> (Vec<Ground>, Vec<Ground>) {
    if let Some(filter) = filter {
        let truth = filter_holds(filter, attributes);
        let ground = Ground::new(truth, format!("the filter {}", filter.text))
            .or_missing(Missing::Attribute(filter.text.clone()));
        match filter.mode {
            FilterMode::Exclude => exclude.push(ground),
            FilterMode::Include | FilterMode::Unknown(_) => include.push(ground),
        }
    }
    (include, exclude)
}
