//! Gathers a bundle from what was read.

use jiff::Timestamp;

use super::bundle::{
    Bundle, EmergencyAccount, Exception, ExcludedMembership, LiveFacts, Membership,
};
use super::remembered::Remembered;
use crate::diff;
use crate::model::{
    BreakGlassMode, Desired, DesiredPolicy, Id, Kind, LivePolicy, Policy, PrincipalKind, Side,
};
use crate::tenant::{
    Names, Reach, Snapshot, Wanted, accounts, could_reach, exclusions_fingerprint, is_excluded,
};

/// One policy that is about to be weighed, with all that was read about it.
#[derive(Debug, Clone, Copy)]
pub struct Weighed<'a> {
    /// The workspace.
    pub desired: &'a Desired,
    /// The policy in the workspace.
    pub policy: &'a DesiredPolicy,
    /// The policy in ids.
    pub wanted: &'a Wanted,
    /// The live policy.
    pub live: Option<&'a LivePolicy>,
    /// The tenant.
    pub snapshot: &'a Snapshot,
    /// The journal.
    pub remembered: &'a Remembered,
}

impl Weighed<'_> {
    /// Freezes everything the gates look at.
    pub fn bundle(&self) -> Bundle {
        let Self {
            desired,
            policy,
            wanted,
            live,
            snapshot,
            remembered: _,
        } = *self;
        let content = live.map_or(&wanted.policy, |live| &live.policy);
        let mut differences: Vec<String> = live
            .map(|live| diff::compare(&live.policy, &wanted.policy))
            .unwrap_or_default()
            .iter()
            .map(|difference| difference.path.to_owned())
            .collect();
        differences.extend(
            wanted.unresolved.iter().map(|unresolved| {
                format!("{} \"{}\"", unresolved.kind.word(), unresolved.name.text)
            }),
        );
        Bundle {
            format_version: Bundle::FORMAT_VERSION.to_owned(),
            policy: policy.key.value.clone(),
            tenant_id: snapshot.tenant.id.clone(),
            taken_at: snapshot.taken_at,
            live: live.map(|live| LiveFacts {
                id: live.id.clone(),
                state: live.state,
                unchanged_since: live.unchanged_since(),
                content: diff::content_fingerprint(&live.policy, &live.unmodelled),
            }),
            differences,
            soak: policy.rollout.soak,
            exclusions: self.membership(content),
            break_glass: emergency_accounts(desired, content, snapshot),
            break_glass_required: policy
                .break_glass
                .as_ref()
                .is_some_and(|exception| exception.mode == BreakGlassMode::Require),
            exceptions: self.exceptions(content),
            security_defaults: snapshot.security_defaults,
            service_plans: snapshot.service_plans.clone(),
            uses_risk: !content.conditions.sign_in_risk.is_empty()
                || !content.conditions.user_risk.is_empty()
                || !content.conditions.insider_risk.is_empty(),
            about_workloads: !content.is_about_people(),
        }
    }

    fn membership(&self, content: &Policy<Id>) -> ExcludedMembership {
        let fingerprint = exclusions_fingerprint(content, self.snapshot);
        ExcludedMembership {
            membership: self.membership_since_soak_began(content, fingerprint.as_deref()),
            fingerprint,
        }
    }

    /// The journalled fingerprint decides, or else the directory audit; with neither it is unknown.
    fn membership_since_soak_began(&self, content: &Policy<Id>, now: Option<&str>) -> Membership {
        let exclude = &content.conditions.users.exclude;
        if exclude.groups.is_empty() && exclude.roles.is_empty() {
            return Membership::SingleAccounts;
        }
        if !exclude.roles.is_empty() {
            return Membership::Unknown(
                "a role is excluded, and who holds it is not measured; exclude a group instead"
                    .into(),
            );
        }
        let Some(live) = self.live else {
            return Membership::Unknown("the policy is not live yet".into());
        };
        if now.is_none() {
            return Membership::Unknown(
                "the members of an excluded group could not be read completely".into(),
            );
        }
        let journalled = self
            .remembered
            .writes
            .get(&live.id)
            .and_then(|write| write.exclusions.as_deref());
        if journalled.is_some() && journalled == now {
            return Membership::AsJournalled;
        }
        let Some(since) = live.unchanged_since() else {
            return Membership::Unknown("the service gave no time of its last change".into());
        };
        match self.audited_changes(content, since) {
            Ok(changes) if changes.is_empty() => Membership::AuditShowsNone,
            Ok(changes) => Membership::Changed(changes),
            Err(_) if journalled.is_some() => Membership::Changed(vec![
                "the members of an excluded group are not those of our last write".into(),
            ]),
            Err(why) => Membership::Unknown(why),
        }
    }

    /// The directory audit of the excluded groups since then; an error says why it cannot tell.
    fn audited_changes(
        &self,
        content: &Policy<Id>,
        since: Timestamp,
    ) -> Result<Vec<String>, String> {
        let names = Names::new(self.desired, self.snapshot);
        let retention = jiff::SignedDuration::from_hours(30 * 24);
        if self.snapshot.taken_at.duration_since(since) > retention {
            return Err("the soak began before the directory audit begins (30 days)".into());
        }
        let mut changes = Vec::new();
        for group in &content.conditions.users.exclude.groups {
            let name = names.of(Kind::Group, group);
            let nested = self.snapshot.members.get(group).is_some_and(|members| {
                members
                    .members
                    .iter()
                    .any(|member| member.kind == Kind::Group)
            });
            if nested {
                return Err(format!(
                    "{name} holds other groups, whose audit was not read"
                ));
            }
            let Some(events) = self.snapshot.history.get(group) else {
                return Err(format!(
                    "neither the journal nor the directory audit knows {name}"
                ));
            };
            for event in events.iter().filter(|event| event.at >= since) {
                let by = event.by.as_deref().unwrap_or("somebody");
                changes.push(format!(
                    "{} ({name}) by {by} at {}",
                    event.activity, event.at
                ));
            }
        }
        Ok(changes)
    }

    fn exceptions(&self, content: &Policy<Id>) -> Vec<Exception> {
        let names = Names::new(self.desired, self.snapshot);
        let emergency: Vec<_> = accounts(self.desired, self.snapshot);
        let mut exceptions = Vec::new();
        for (place, id) in content.references() {
            let person = matches!(place.kind, Kind::User | Kind::Group | Kind::Role);
            if place.side != Side::Exclude || !person {
                continue;
            }
            if emergency.iter().any(|account| {
                account.object().is_some_and(|object| object.id == *id)
                    || account.people().contains(&id)
            }) {
                continue;
            }
            let stands_for_it = |kind: Kind, text: &str| {
                kind == place.kind
                    && matches!(self.snapshot.found(kind, text), Some([object]) if object.id == *id)
            };
            let principal = self.desired.principals.values().find(|principal| {
                principal.kind != PrincipalKind::BreakGlass
                    && principal
                        .target
                        .as_ref()
                        .is_some_and(|target| stands_for_it(target.kind, &target.name.text))
            });
            let inline = self
                .policy
                .exclusions
                .iter()
                .find(|exclusion| stands_for_it(exclusion.kind, &exclusion.name.text));
            let members = self.snapshot.members.get(id);
            let value = |at: &Option<crate::diagnostic::At<jiff::civil::Date>>| {
                at.as_ref().map(|at| at.value)
            };
            exceptions.push(Exception {
                name: names.of(place.kind, id),
                declared: principal.is_some() || inline.is_some(),
                expires: principal
                    .and_then(|principal| value(&principal.expires))
                    .or_else(|| inline.and_then(|inline| value(&inline.expires))),
                review_by: principal
                    .and_then(|principal| value(&principal.review_by))
                    .or_else(|| inline.and_then(|inline| value(&inline.review_by))),
                members: (place.kind == Kind::Group)
                    .then(|| members.map(|members| members.people().count()))
                    .flatten(),
                max_members: principal
                    .and_then(|principal| principal.max_members.as_ref())
                    .map(|max| max.value),
                members_unknown: place.kind == Kind::Group
                    && !members.is_some_and(|members| members.complete),
            });
        }
        exceptions
    }
}

fn emergency_accounts(
    desired: &Desired,
    content: &Policy<Id>,
    snapshot: &Snapshot,
) -> Vec<EmergencyAccount> {
    accounts(desired, snapshot)
        .iter()
        .map(|account| EmergencyAccount {
            principal: account.principal.name.clone(),
            resolved: account.object().is_some(),
            enabled: if account.is_known_enabled() {
                Some(true)
            } else if account.disabled().is_empty() {
                None
            } else {
                Some(false)
            },
            reached: could_reach(content, account, snapshot) == Reach::Could,
            excluded: is_excluded(content, account, snapshot),
        })
        .collect()
}
