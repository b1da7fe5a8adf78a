//! The crowd: as many people as were asked for, none of them kept.
//!
//! Everything about a person is a function of the tenant, the seed and the person's index, and the index can
//! be read off the id and off the principal name. So a tenant of 100,000 people takes no more memory than
//! one of two hundred, and finding somebody takes no longer.

mod class;
mod names;
mod present;

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};
use uuid::Uuid;

use super::identity::Identity;
use super::population::blank;
use super::rng::{draw, mix, pick, sealed, unsealed};
use super::tenant::{Table, text};
pub(super) use class::Class;
use class::Classes;
pub(super) use names::{COUNTRIES, Country, OTHER_HOMES, TRUSTED_HOMES};
pub(super) use present::Present;

/// Given or family names of a country.
const NAMES: u32 = 25;
/// The pairs of names of a country, walked by a stride that has no factor in common with them.
const PAIRS: u32 = NAMES * NAMES;
const STRIDE: u32 = 367;
/// `STRIDE * UNSTRIDE` is 1 modulo `PAIRS`.
const UNSTRIDE: u32 = 453;

/// The streams of numbers: what is drawn for one thing does not change with another.
mod stream {
    pub(super) const ID: u64 = 1;
    pub(super) const SLOTS: u64 = 3;
    pub(super) const SHIFT: u64 = 4;
    pub(super) const DEPARTMENT: u64 = 5;
    pub(super) const MFA: u64 = 6;
    pub(super) const CREATED: u64 = 7;
    pub(super) const HOME: u64 = 8;
}

/// What somebody can show besides a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Factors {
    Nothing,
    /// A phone that the policy of methods does not allow.
    NotAllowed,
    /// A telephone number only.
    Phone,
    /// The Authenticator app and a telephone.
    Authenticator,
    /// A passkey.
    Passkey,
}

impl Factors {
    /// Whether MFA can be shown here.
    pub(super) fn is_capable(self) -> bool {
        !matches!(self, Self::Nothing | Self::NotAllowed)
    }
}

/// The departments of staff, by weight.
const DEPARTMENTS: [(&str, &str, u64); 9] = [
    ("Sales", "Account Executive", 22),
    ("Support", "Support Engineer", 18),
    ("Operations", "Logistics Planner", 16),
    ("Manufacturing", "Production Technician", 14),
    ("Finance", "Accountant", 9),
    ("Marketing", "Campaign Planner", 8),
    ("People", "People Partner", 6),
    ("Research", "Scientist", 5),
    ("Legal", "Paralegal", 2),
];

/// Which people of the crowd a group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kin {
    /// Everybody but guests.
    Employees,
    /// These classes.
    Of(&'static [Class]),
    /// Whoever the rule of a dynamic group finds: a property and its value.
    Where(&'static str, &'static str),
}

/// The generated people of a tenant.
#[derive(Debug, Clone)]
pub(super) struct Crowd {
    key: u64,
    size: u32,
    classes: Classes,
    identity: Identity,
    /// The country of each index modulo 100, and the place among those of the same country.
    slots: Vec<(usize, u32)>,
    kin: BTreeMap<String, Kin>,
}

impl Crowd {
    /// So many people of a tenant, for a seed.
    pub(super) fn of(
        identity: &Identity,
        seed: u64,
        size: u32,
        kin: BTreeMap<String, Kin>,
    ) -> Self {
        let key = identity.key() ^ mix(seed);
        let countries: Vec<usize> = COUNTRIES
            .iter()
            .enumerate()
            .flat_map(|(at, country)| std::iter::repeat_n(at, country.weight))
            .collect();
        let mut order: Vec<(u64, usize)> = countries
            .into_iter()
            .enumerate()
            .map(|(slot, country)| (draw(key, stream::SLOTS, slot as u64), country))
            .collect();
        order.sort_unstable();
        let mut taken = [0; COUNTRIES.len()];
        let slots = order
            .into_iter()
            .map(|(_, country)| {
                taken[country] += 1;
                (country, taken[country] - 1)
            })
            .collect();
        Self {
            key,
            size,
            classes: Classes::of(size),
            identity: identity.clone(),
            slots,
            kin,
        }
    }

    /// How many there are.
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// What every number about this crowd is drawn with.
    pub(super) fn key(&self) -> u64 {
        self.key
    }

    /// What a person does.
    pub(super) fn class(&self, index: u32) -> Class {
        self.classes.class(index)
    }

    /// The people of a class.
    pub(super) fn range(&self, class: Class) -> Range<u32> {
        self.classes.range(class)
    }

    fn slot(&self, index: u32) -> (usize, u32) {
        self.slots[index as usize % self.slots.len()]
    }

    /// Where a person lives.
    pub(super) fn country(&self, index: u32) -> usize {
        self.slot(index).0
    }

    /// The id of a person: the index under a mask that the rest of the id decides.
    pub(super) fn id(&self, index: u32) -> Uuid {
        sealed(self.key, stream::ID, u64::from(index))
    }

    /// The person with an id.
    pub(super) fn by_id(&self, id: &str) -> Option<u32> {
        let index = u32::try_from(unsealed(self.key, stream::ID, id)?).ok()?;
        (index < self.size).then_some(index)
    }

    /// Given name, family name, and how many bear both before this one.
    fn name(&self, index: u32) -> (&'static str, &'static str, u32) {
        let (at, place) = self.slot(index);
        let country: &Country = &COUNTRIES[at];
        let slots = self.slots.len();
        let rank = (index as usize / slots * country.weight) as u32 + place;
        let pair = (rank % PAIRS * STRIDE + self.shift()) % PAIRS;
        let nth = |names: &'static str, at: u32| names.split_whitespace().nth(at as usize);
        (
            nth(country.given, pair / NAMES).unwrap_or_default(),
            nth(country.family, pair % NAMES).unwrap_or_default(),
            rank / PAIRS,
        )
    }

    fn shift(&self) -> u32 {
        pick(self.key, stream::SHIFT, 0, u64::from(PAIRS)) as u32
    }

    /// The name before the `@`, and that name with the home of a guest.
    fn nickname(&self, index: u32) -> String {
        let (given, family, before) = self.name(index);
        let mut nickname = format!("{given}.{family}").to_lowercase();
        if before > 0 {
            nickname.push_str(&(before + 1).to_string());
        }
        nickname
    }

    /// The home tenant of a guest.
    pub(super) fn home(&self, index: u32) -> Option<&'static str> {
        let homes: &[&'static str] = match self.class(index) {
            Class::TrustedGuest => &TRUSTED_HOMES,
            Class::OtherGuest | Class::Guest => &OTHER_HOMES,
            _ => return None,
        };
        let at = pick(self.key, stream::HOME, u64::from(index), homes.len() as u64);
        homes.get(at as usize).copied()
    }

    /// The principal name of a person.
    pub(super) fn upn(&self, index: u32) -> String {
        let (nickname, domain) = (self.nickname(index), &self.identity.domain);
        match self.home(index) {
            Some(home) => format!("{nickname}_{home}#EXT#@{domain}"),
            None => format!("{nickname}@{domain}"),
        }
    }

    /// The person with a principal name.
    pub(super) fn by_upn(&self, upn: &str) -> Option<u32> {
        let (local, _) = upn.split_once('@')?;
        let (local, _) = local.split_once('_').unwrap_or((local, ""));
        let (given, rest) = local.split_once('.')?;
        let family = rest.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let before = match &rest[family.len()..] {
            "" => 0,
            number => number.parse::<u32>().ok()?.checked_sub(1)?,
        };
        let place = |names: &str, name: &str| {
            let at = names
                .split_whitespace()
                .position(|other| other.eq_ignore_ascii_case(name))?;
            u32::try_from(at).ok()
        };
        let (at, country, given) = COUNTRIES
            .iter()
            .enumerate()
            .find_map(|(at, country)| Some((at, country, place(country.given, given)?)))?;
        let pair = given * NAMES + place(country.family, family)?;
        let walked = (pair + PAIRS - self.shift()) * UNSTRIDE % PAIRS;
        let rank = before.checked_mul(PAIRS)?.checked_add(walked)?;
        let weight = u32::try_from(country.weight).ok()?;
        let slot = self
            .slots
            .iter()
            .position(|slot| *slot == (at, rank % weight))?;
        let index = (rank / weight)
            .checked_mul(u32::try_from(self.slots.len()).ok()?)?
            .checked_add(u32::try_from(slot).ok()?)?;
        (index < self.size && self.upn(index).eq_ignore_ascii_case(upn)).then_some(index)
    }

    fn post(&self, index: u32) -> (&'static str, &'static str) {
        match self.class(index) {
            Class::Developer => ("Engineering", "Software Engineer"),
            Class::Operator => ("IT", "Systems Engineer"),
            Class::Analyst => ("Data", "Data Engineer"),
            Class::Reader => ("Finance", "Cost Controller"),
            Class::Administrator | Class::Owner | Class::Eligible => ("IT", "Cloud Administrator"),
            _ => {
                let total = DEPARTMENTS.iter().map(|(_, _, weight)| weight).sum();
                let mut left = pick(self.key, stream::DEPARTMENT, u64::from(index), total);
                for (department, title, weight) in DEPARTMENTS {
                    if left < weight {
                        return (department, title);
                    }
                    left -= weight;
                }
                ("", "")
            }
        }
    }

    /// What a person can show besides a password: a tenant in the middle of its rollout, in which whoever
    /// uses Azure is ready.
    pub(super) fn factors(&self, index: u32) -> Factors {
        let drawn = pick(self.key, stream::MFA, u64::from(index), 100);
        match (self.class(index), drawn) {
            (Class::Administrator | Class::Eligible, _) | (Class::Staff, 84..) => Factors::Passkey,
            (Class::Staff, 0..22) | (Class::Guest, 0..50) => Factors::Nothing,
            (Class::Staff, 22..34) => Factors::Phone,
            (class, 80..) if class.uses_azure() && !class.is_guest() => Factors::Passkey,
            _ => Factors::Authenticator,
        }
    }

    /// The display name of a person.
    pub(super) fn full_name(&self, index: u32) -> String {
        match self.name(index) {
            (given, family, 0) => format!("{given} {family}"),
            (given, family, before) => format!("{given} {family} {}", before + 1),
        }
    }

    /// The row of a person.
    pub(super) fn row(&self, index: u32) -> Value {
        let (given, family, _) = self.name(index);
        let class = self.class(index);
        let country = &COUNTRIES[self.country(index)];
        let mut row = blank(&self.identity, Table::Users, &self.full_name(index), "");
        let nickname = self.nickname(index);
        row["id"] = json!(self.id(index).to_string());
        row["userPrincipalName"] = json!(self.upn(index));
        row["givenName"] = json!(given);
        row["surname"] = json!(family);
        row["usageLocation"] = json!(country.code);
        row["preferredLanguage"] = json!(country.language);
        row["accountEnabled"] = json!(class != Class::Disabled);
        let month = 1 + pick(self.key, stream::CREATED, u64::from(index), 8);
        let day = 13 + pick(self.key, stream::CREATED, u64::from(index) ^ 1 << 40, 15);
        row["createdDateTime"] = json!(format!("2026-{month:02}-{day:02}T09:00:00Z"));
        if let Some(home) = self.home(index) {
            row["userType"] = json!("Guest");
            row["mail"] = json!(format!("{nickname}@{home}"));
            row["mailNickname"] = json!(format!("{nickname}_{home}#EXT#"));
        } else {
            let (department, title) = self.post(index);
            row["department"] = json!(department);
            row["jobTitle"] = json!(title);
            row["officeLocation"] = json!(country.city);
            row["mail"] = json!(format!("{nickname}@{}", self.identity.domain));
            row["mailNickname"] = json!(nickname);
        }
        row
    }

    /// Whether a group holds people of the crowd by what they are, and which.
    pub(super) fn kin(&self, group: &str) -> Option<Kin> {
        self.kin.get(group).copied()
    }

    /// Whether a person belongs to them; `row` is given for somebody who was changed since.
    pub(super) fn is_kin(&self, kin: Kin, index: u32, row: Option<&Value>) -> bool {
        let class = self.class(index);
        match (kin, row) {
            (Kin::Employees, _) => !class.is_guest(),
            (Kin::Of(classes), _) => classes.contains(&class),
            (Kin::Where(property, value), Some(row)) => text(row, property) == value,
            (Kin::Where("department", value), None) => {
                !class.is_guest() && self.post(index).0 == value
            }
            (Kin::Where(_, value), None) => COUNTRIES[self.country(index)].code == value,
        }
    }
}

#[cfg(test)]
mod tests;
