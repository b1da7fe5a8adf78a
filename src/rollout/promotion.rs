//! What a promotion record is worth today.

use jiff::{SignedDuration, Timestamp};

use super::gate::{Gate, Verdict};
use crate::evidence::Bundle;
use crate::model::{PromotionRecord, State};

/// How long a promotion without evidence counts, and how long the policy may stay on with it.
const EMERGENCY: SignedDuration = SignedDuration::from_hours(72);

/// When a policy that is not on any more was on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lowered {
    /// The latest moment at which the journal or the directory audit says that it was on.
    pub last_known_on: Option<Timestamp>,
}

/// What a promotion record allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// There is no record.
    Unrecorded,
    /// The policy may be turned on, after the instant gates passed again.
    Valid {
        /// Whether evidence and soak were skipped.
        emergency: bool,
    },
    /// The policy was on and somebody lowered it; it may be restored when asked for.
    Restorable,
    /// The record counts no more, and why.
    Void(String),
}

/// Judges a record against the live and the wanted policy.
///
/// `bundle` says what is live now and whether the YAML differs from it; the tenant's clock is in it too.
pub fn standing(
    record: Option<&PromotionRecord>,
    bundle: &Bundle,
    valid_for: SignedDuration,
    lowered: Lowered,
) -> Standing {
    let Some(record) = record else {
        return Standing::Unrecorded;
    };
    let again = format!("run `portcullis promote {}` again", bundle.policy);
    let void = |why: &str| Standing::Void(format!("{why}; {again}"));
    let Some(live) = &bundle.live else {
        return void("the promoted policy is not live");
    };
    if record.policy != bundle.policy || record.tenant_id != bundle.tenant_id {
        return void("the record is of another policy or tenant");
    }
    if record.policy_id != live.id {
        return void("the record is of another live policy");
    }
    if record.content != live.content {
        return void("the live policy changed since it was weighed");
    }
    if !bundle.differences.is_empty() {
        return void("the YAML changed since it was weighed");
    }
    if bundle.exclusions.fingerprint.as_deref() != Some(record.exclusions.as_str()) {
        return void("the exclusions or their members changed since it was weighed");
    }
    let passes = |word: &str| matches!(word, "pass" | "warn" | "not-measured");
    if let Some((gate, word)) = record.gates.iter().find(|(_, word)| !passes(word)) {
        return void(&format!("the record says {word} for the gate {gate}"));
    }
    if record.weighed_at > bundle.taken_at {
        return void("the record was weighed in the future");
    }
    if live.unchanged_since == Some(record.live_modified) {
        let age = bundle.taken_at.duration_since(record.weighed_at);
        let valid_for = match record.emergency {
            Some(_) => valid_for.min(EMERGENCY),
            None => valid_for,
        };
        if age >= valid_for {
            return void(&format!(
                "it was weighed {} hours ago and counts for {}",
                age.as_hours(),
                valid_for.as_hours()
            ));
        }
        return Standing::Valid {
            emergency: record.emergency.is_some(),
        };
    }
    // The clock of the tenant counts seconds, so it may have been turned on in the one it was weighed in.
    if lowered
        .last_known_on
        .is_some_and(|on| on >= record.weighed_at)
    {
        return Standing::Restorable;
    }
    void("the live policy was modified since it was weighed")
}

/// The gate of a policy that was turned on without evidence: it has to be weighed or lowered in time.
///
/// `None` when nothing was skipped, or the policy is not on.
pub fn emergency(record: &PromotionRecord, bundle: &Bundle) -> Option<Gate> {
    let emergency = record.emergency.as_ref()?;
    let live = bundle.live.as_ref()?;
    if live.state != State::On || live.id != record.policy_id {
        return None;
    }
    let key = &bundle.policy;
    let until = record.weighed_at.checked_add(EMERGENCY).ok()?;
    let (verdict, reason) = if bundle.taken_at >= until {
        (
            Verdict::Fail,
            format!(
                "turned on without evidence ({}), and never weighed since: `portcullis promote {key}` or `portcullis demote {key}`",
                emergency.reason
            ),
        )
    } else {
        (
            Verdict::Warn,
            format!(
                "turned on without evidence ({}); weigh it until {until}",
                emergency.reason
            ),
        )
    };
    Some(Gate::new("emergency", verdict, reason))
}
