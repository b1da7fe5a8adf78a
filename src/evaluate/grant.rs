//! What a policy asks for, and whether it was given (audit rules G1 to G7).

use std::collections::BTreeMap;

use super::{Facts, Prepared, SignIn, Step, Truth};
use crate::model::{ClientApp, Control, Grant, Id, Operator, Strength, TransferMethod};

/// One thing that a grant asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// A built-in control; [`Control::Block`] asks for what nobody can give.
    Control(Control),
    /// An authentication strength.
    Strength(Id),
    /// Terms of use.
    TermsOfUse(Id),
    /// A custom factor.
    CustomFactor(String),
    /// A control that this version does not know, by its path.
    Other(String),
}

/// Everything a policy asks for; nothing when it only limits the session (G4).
pub fn requirements(policy: &Prepared) -> Vec<Requirement> {
    let mut all = Vec::new();
    if let Some(grant) = &policy.policy.grant {
        let controls = grant.controls.iter().cloned();
        all.extend(controls.map(Requirement::Control));
        all.extend(grant.strength.iter().cloned().map(Requirement::Strength));
        let terms = grant.terms_of_use.iter().cloned();
        all.extend(terms.map(Requirement::TermsOfUse));
        let factors = grant.custom_factors.iter().cloned();
        all.extend(factors.map(Requirement::CustomFactor));
    }
    let unknown = policy.unknown_controls.iter().cloned();
    all.extend(unknown.map(Requirement::Other));
    all
}

/// Whether what a policy asks for was given; allocates nothing.
pub fn holds<F: Facts + ?Sized>(policy: &Prepared, sign_in: &SignIn, facts: &F) -> Truth {
    weigh(policy, sign_in, facts, |given| given.done)
}

/// Whether what a policy asks for was given, or would be if the user were asked; allocates nothing.
pub fn could_hold<F: Facts + ?Sized>(policy: &Prepared, sign_in: &SignIn, facts: &F) -> Truth {
    weigh(policy, sign_in, facts, |given| given.could)
}

/// How far a requirement is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given {
    /// It is met.
    pub(super) done: Truth,
    /// It is met, or would be if the user were asked.
    pub(super) could: Truth,
}

impl Given {
    /// What nobody can do at the prompt: it is so, or it is not.
    fn state(truth: Truth) -> Self {
        Self {
            done: truth,
            could: truth,
        }
    }

    fn step(step: Step) -> Self {
        let done = Truth::from(step.done);
        Self {
            done,
            could: done.or(step.able.into()),
        }
    }

    /// A step among several; one that nobody mentions is not known.
    fn of<K: Ord>(steps: &BTreeMap<K, Step>, id: &K) -> Self {
        Self::step(steps.get(id).copied().unwrap_or_default())
    }

    fn and(self, other: Self) -> Self {
        Self {
            done: self.done.and(other.done),
            could: self.could.and(other.could),
        }
    }
}

/// What the members of a grant come to, by its operator (G1, G2).
fn weigh<F: Facts + ?Sized>(
    policy: &Prepared,
    sign_in: &SignIn,
    facts: &F,
    which: impl Fn(Given) -> Truth + Copy,
) -> Truth {
    let Some(grant) = &policy.policy.grant else {
        return if policy.unknown_controls.is_empty() {
            Truth::Yes
        } else {
            Truth::Unknown
        };
    };
    // G1: block stands alone and wins, whatever somebody managed to write beside it.
    if grant.controls.contains(&Control::Block) {
        return Truth::No;
    }
    if grant.requirements() + policy.unknown_controls.len() == 0 {
        return Truth::Yes;
    }
    let members = || each(policy, grant, sign_in, facts).map(which);
    match grant.operator {
        Operator::All => Truth::all(members()),
        Operator::Any => Truth::any(members()),
        Operator::Unknown(_) => Truth::agreed([Truth::all(members()), Truth::any(members())]),
    }
}

fn each<'a, F: Facts + ?Sized>(
    policy: &'a Prepared,
    grant: &'a Grant<Id>,
    sign_in: &'a SignIn,
    facts: &'a F,
) -> impl Iterator<Item = Given> + 'a {
    let presented = &sign_in.presented;
    let controls = grant.controls.iter();
    let controls = controls.map(|wanted| control(wanted, sign_in));
    let strengths = grant.strength.iter();
    let strengths = strengths.map(|id| strength(id, facts.strength(id), sign_in));
    let terms = grant.terms_of_use.iter();
    let terms = terms.map(|id| Given::of(&presented.terms_of_use, id));
    let factors = grant.custom_factors.iter();
    let factors = factors.map(|id| Given::of(&presented.custom_factors, id));
    let unknown = policy.unknown_controls.iter();
    let unknown = unknown.map(|_| Given::state(Truth::Unknown));
    controls
        .chain(strengths)
        .chain(terms)
        .chain(factors)
        .chain(unknown)
}

/// How far a requirement is met.
pub(super) fn given<F: Facts + ?Sized>(
    requirement: &Requirement,
    sign_in: &SignIn,
    facts: &F,
) -> Given {
    let presented = &sign_in.presented;
    match requirement {
        Requirement::Control(wanted) => control(wanted, sign_in),
        Requirement::Strength(id) => strength(id, facts.strength(id), sign_in),
        Requirement::TermsOfUse(id) => Given::of(&presented.terms_of_use, id),
        Requirement::CustomFactor(id) => Given::of(&presented.custom_factors, id),
        Requirement::Other(_) => Given::state(Truth::Unknown),
    }
}

fn control(control: &Control, sign_in: &SignIn) -> Given {
    let presented = &sign_in.presented;
    match control {
        Control::Block => Given::state(Truth::No),
        Control::Mfa => mfa(sign_in),
        Control::CompliantDevice => Given::state(shown(sign_in.device.compliant(), sign_in)),
        Control::HybridJoinedDevice => Given::state(shown(sign_in.device.hybrid_joined(), sign_in)),
        Control::ApprovedApp => Given::state(presented.approved_app.into()),
        Control::AppProtection => Given::state(presented.protected_app.into()),
        // G5: a password change asks for MFA first.
        Control::PasswordChange => Given::step(presented.password_change).and(mfa(sign_in)),
        Control::RiskRemediation => Given::step(presented.risk_remediation),
        Control::Unknown(_) => Given::state(Truth::Unknown),
    }
}

/// MFA done here or elsewhere (G7); a legacy client cannot do it and shows no claim (C2).
fn mfa(sign_in: &SignIn) -> Given {
    let presented = &sign_in.presented;
    let combination = presented.combination.as_ref();
    let by_methods = combination.and_then(|used| used.is_mfa()).unwrap_or(false);
    let done = if by_methods {
        Truth::Yes
    } else {
        presented.mfa.done.into()
    };
    let available = presented.available.as_ref();
    let by_available =
        available.is_some_and(|all| all.iter().any(|one| one.is_mfa() == Some(true)));
    let able = if by_available {
        Truth::Yes
    } else {
        presented.mfa.able.into()
    };
    let modern = modern(sign_in);
    Given {
        done: done.and(modern),
        could: done.or(able).and(modern),
    }
}

/// The built-in strength that is the same as `mfa` (G3).
const MFA_STRENGTH: &str = "00000000-0000-0000-0000-000000000002";

fn strength(id: &Id, strength: Option<&Strength>, sign_in: &SignIn) -> Given {
    let mfa = mfa(sign_in);
    if id.as_str() == MFA_STRENGTH {
        return mfa;
    }
    let presented = &sign_in.presented;
    let Some(Strength {
        allowed: Some(allowed),
        limited,
        ..
    }) = strength
    else {
        // Whoever has done no MFA has fulfilled no strength that counts as MFA.
        let counts = strength.and_then(Strength::satisfies_mfa) == Some(true);
        let ruled_out = |truth: Truth| {
            if counts && truth.is_no() {
                Truth::No
            } else {
                Truth::Unknown
            }
        };
        return Given {
            done: ruled_out(mfa.done).and(modern(sign_in)),
            could: ruled_out(mfa.could).and(modern(sign_in)),
        };
    };
    // A combination that is limited to certain keys or certificates may have used another.
    let accepted = |used| match allowed.contains(used) {
        true if limited.contains(used) => Truth::Unknown,
        accepted => accepted.into(),
    };
    let counts = strength.and_then(Strength::satisfies_mfa) == Some(true);
    let done = match &presented.combination {
        Some(used) => accepted(used),
        None if counts && mfa.done.is_no() => Truth::No,
        None => Truth::Unknown,
    };
    let able = match &presented.available {
        Some(available) => Truth::any(available.iter().map(accepted)),
        None if counts && mfa.could.is_no() => Truth::No,
        None => Truth::Unknown,
    };
    let modern = modern(sign_in);
    Given {
        done: done.and(modern),
        could: done.or(able).and(modern),
    }
}

/// Whether the client can do MFA at all (C2).
fn modern(sign_in: &SignIn) -> Truth {
    match &sign_in.client {
        Some(ClientApp::Browser | ClientApp::MobileAndDesktop) => Truth::Yes,
        Some(ClientApp::ExchangeActiveSync | ClientApp::EasSupported | ClientApp::Other) => {
            Truth::No
        }
        Some(ClientApp::All | ClientApp::Unknown(_)) | None => Truth::Unknown,
    }
}

/// Device state, where it can be shown: not in the device code flow (G6).
fn shown(state: Truth, sign_in: &SignIn) -> Truth {
    state.and(match &sign_in.flow {
        Some(TransferMethod::DeviceCode) => Truth::No,
        Some(TransferMethod::None | TransferMethod::Transfer) => Truth::Yes,
        Some(TransferMethod::Unknown(_)) | None => Truth::Unknown,
    })
}
