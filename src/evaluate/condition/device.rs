//! Which devices a policy is about: the filter (audit rule C6).

use super::super::prepared::PreparedFilter;
use super::super::rule::{Rule, Value};
use super::super::{Device, Truth};
use crate::model::FilterMode;

static NULL: Value = Value::Null;

/// Whether the filter lets a device in.
pub(super) fn included(filter: &PreparedFilter, device: &Device) -> Truth {
    let Ok(rule) = &filter.rule else {
        return Truth::Unknown;
    };
    let matches = matches(rule, device);
    match filter.mode {
        FilterMode::Include => matches,
        FilterMode::Exclude => !matches,
        FilterMode::Unknown(_) => Truth::Unknown,
    }
}

/// Whether the rule matches, in every case that the missing facts leave open.
fn matches(rule: &Rule, device: &Device) -> Truth {
    let unregistered = || rule.holds(&|_| Some(&NULL));
    let registered = || {
        let with = || rule.holds(&|name| device.attributes.get(name));
        let without = || {
            rule.holds(&|name| match name.starts_with("extensionattribute") {
                true => Some(&NULL),
                false => device.attributes.get(name),
            })
        };
        // Extension attributes are there only on managed, compliant and hybrid joined devices.
        let available = Truth::from(device.managed)
            .or(device.compliant())
            .or(device.hybrid_joined());
        match available {
            Truth::Yes => with(),
            Truth::No => without(),
            Truth::Unknown => Truth::agreed([with(), without()]),
        }
    };
    match device.is_registered() {
        Truth::Yes => registered(),
        Truth::No => unregistered(),
        Truth::Unknown => Truth::agreed([registered(), unregistered()]),
    }
}
