//! What may be done to a policy that is on.

use jiff::tz::TimeZone;

use super::change::{Action, Change, Effect, Held, Refusal};
use super::decide::Decision;
use super::effect::effect;
use super::fields::state_row;
use super::find::FoundBy;
use super::stage;
use super::writes::{edit, set_state};
use crate::diff;
use crate::model::{Kind, LivePolicy, State};

impl Decision<'_> {
    /// Rule 1: what makes an enforced policy stricter for anybody is held, or explicitly in place.
    pub(super) fn update_enforced(
        &self,
        live: &LivePolicy,
        by: FoundBy,
    ) -> Result<Change, Refusal> {
        let mut change = self.update(live, State::On);
        if change.writes.is_empty() {
            return Ok(change);
        }
        self.refuse_unadopted(live, by)?;
        let weaker = matches!(change.effect, Effect::Weakens | Effect::Neutral);
        let held_back = if self.back && !weaker {
            let untouched = self.remembered.is_as_we_left_it(live) == Some(true);
            self.may_enforce(live, untouched)
        } else {
            Vec::new()
        };
        if weaker || self.policy.rollout.in_place.is_some() || self.back && held_back.is_empty() {
            if let Some(in_place) = &self.policy.rollout.in_place
                && !matches!(change.effect, Effect::Weakens | Effect::Neutral)
            {
                change.notes.push(format!(
                    "edited in place without a twin: {} ({})",
                    in_place.reason, in_place.owner
                ));
            }
            return Ok(change);
        }
        let reason = match change.effect {
            Effect::Strengthens => "the edit makes an enforced policy stricter",
            _ => {
                "whether the edit makes an enforced policy stricter cannot be told, so it counts as stricter"
            }
        };
        let held = Held {
            gate: "twin".into(),
            reason: format!(
                "{reason}: allow it with `rollout: {{in_place: {{reason: …, owner: …}}}}`, or lower the policy first"
            ),
            until: None,
        };
        // Rule 2 does not wait for rule 1: missing break-glass exclusions are written all the same.
        let mut rescued = live.policy.clone();
        let exclude = &mut rescued.conditions.users.exclude;
        for (kind, id) in &self.wanted.break_glass {
            match kind {
                Kind::Group => exclude.groups.insert(id.clone()),
                Kind::Role => exclude.roles.insert(id.clone()),
                _ => exclude.users.insert(id.clone()),
            };
        }
        let rescue = diff::compare(&live.policy, &rescued);
        change.held = if self.back { held_back } else { vec![held] };
        if rescue.is_empty() {
            change.action = Action::None;
            change.writes.clear();
            self.will_be(&mut change, &live.policy);
        } else {
            change.writes = vec![edit(
                &rescued,
                &rescue,
                State::On,
                &self.desired.tenant.cloud,
            )];
            change.effect = effect(&live.policy, &rescued, &rescue);
            change.fields = self.rows(&rescue, false);
            change.adds_break_glass_only = true;
            self.will_be(&mut change, &rescued);
            change
                .notes
                .push("only the missing break-glass exclusions are written now; the rest of the edit is held".into());
        }
        Ok(change)
    }

    /// From on to something weaker: only with a reason that still counts.
    pub(super) fn lower(
        &self,
        live: &LivePolicy,
        by: FoundBy,
        state: State,
        action: Action,
    ) -> Result<Change, Refusal> {
        let key = &self.policy.key.value;
        let source = self.policy.state.as_ref().map_or_else(
            || self.policy.source().clone(),
            |state| state.source.clone(),
        );
        let today = self.snapshot.taken_at.to_zoned(TimeZone::UTC).date();
        let refused = |message: String, at| {
            Refusal::liftable("weaken", message).policy(key).at(at).help(format!(
                "say why in the policy file: `weaken: {{reason: …, owner: …, ticket: …, until: {today}}}`; in an emergency run `portcullis demote {key}`"
            ))
        };
        match &self.policy.weaken {
            None if self.back => {}
            None => {
                return Err(refused(
                    format!(
                        "{key} is on, and the YAML says {} without `weaken:`",
                        state.word()
                    ),
                    source,
                ));
            }
            Some(weaken) if weaken.value.until < today => {
                return Err(refused(
                    format!(
                        "{key} is on, and its `weaken:` ended on {}",
                        weaken.value.until
                    ),
                    weaken.source.clone(),
                ));
            }
            Some(_) => {}
        }
        let mut change = self.update_what_resolves(live, state);
        if !change.writes.is_empty() {
            self.refuse_unadopted(live, by)?;
        }
        change.action = action;
        change.effect = Effect::Weakens;
        change.adds_break_glass_only = false;
        change.fields.insert(
            usize::from(change.fields.first().is_some_and(|f| f.path == "name")),
            state_row(Some(live.state), stage(Some(state)), false),
        );
        // The lowering goes first and alone: an edit that is refused must not keep it from happening.
        change.writes.insert(0, set_state(&live.policy, state));
        if let Some(weaken) = &self.policy.weaken {
            let weaken = &weaken.value;
            let ticket = weaken
                .ticket
                .as_ref()
                .map_or_else(String::new, |ticket| format!(", {ticket}"));
            change.notes.push(format!(
                "weakened because: {} ({}{ticket}; until {})",
                weaken.reason, weaken.owner, weaken.until
            ));
        }
        Ok(change)
    }

    pub(super) fn refuse_delete_enforced(&self, live: &LivePolicy) -> Refusal {
        let key = &self.policy.key.value;
        let refusal = Refusal::absolute(
            "delete-enforced",
            format!(
                "{key} is to be deleted, and \"{}\" is on",
                live.policy.name
            ),
        )
        .policy(key)
        .help(format!(
            "lower it first: `portcullis demote {key}`, or `state: off` with `weaken:`; then delete it"
        ));
        match &self.policy.state {
            Some(state) => refusal.at(state.source.clone()),
            None => refusal,
        }
    }

    fn refuse_unadopted(&self, live: &LivePolicy, by: FoundBy) -> Result<(), Refusal> {
        if by == FoundBy::Pin {
            return Ok(());
        }
        let key = &self.policy.key.value;
        Err(Refusal::liftable(
            "adopt",
            format!(
                "\"{}\" is on, differs from the YAML, and only its name says that it is {key}",
                live.policy.name
            ),
        )
        .policy(key)
        .at(self.policy.name_source.clone())
        .help(format!(
            "if it is the one that is meant, adopt it with the line `id: {}` in the policy file; \
             otherwise choose another name",
            live.id
        )))
    }
}
