//! The log in the order of time, six hours at a time; nothing longer is ever in memory.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::rng::{sealed, unsealed};
use super::super::tenant::{Table, Tenant, text};
use super::habits::{DAY, Kind, Moment, Profile, Who};

/// How long a slice is, in seconds.
pub(super) const SLICE: i64 = DAY / 4;
/// How far the clocks of the crowd's countries are from UTC, at most.
const ZONES: i64 = SLICE;
/// How many slices are remembered: one for each log that is being paged.
const REMEMBERED: usize = 2;
/// The stream of the ids.
const IDS: u64 = 30;
/// 2026-11-05 and 2026-11-06, of which A12 takes something away, in days of the epoch.
const GAP: i64 = 20_762;
const LONELY: i64 = 20_763;

/// Which slice: its number, its kinds, and whose it is when it is of one person only.
type Key = (i64, u8, Option<Who>);
type Slice = Arc<Vec<Moment>>;

/// The slices that were asked for last.
///
/// What is in them depends on the recipe only, so they never grow old.
#[derive(Debug, Default)]
pub(in super::super) struct Slices(Mutex<Vec<(Key, Slice)>>);

impl Slices {
    /// The sign-ins of a slice, the newest first.
    pub(super) fn slice(
        &self,
        tenant: &Tenant,
        number: i64,
        kinds: &[Kind],
        only: Option<Who>,
    ) -> Slice {
        let mask = kinds.iter().fold(0, |mask, kind| mask | 1 << *kind as u8);
        let key = (number, mask, only);
        let known = self
            .remembered()
            .iter()
            .find(|(other, _)| *other == key)
            .cloned();
        if let Some((_, slice)) = known {
            return slice;
        }
        let slice: Slice = Arc::new(drawn(tenant, number, kinds, only));
        let mut remembered = self.remembered();
        if remembered.len() == REMEMBERED {
            remembered.remove(0);
        }
        remembered.push((key, Arc::clone(&slice)));
        slice
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Vec<(Key, Slice)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everybody who may sign in.
fn everybody(tenant: &Tenant, kinds: &[Kind]) -> impl Iterator<Item = Who> {
    let people = kinds.contains(&Kind::Interactive) || kinds.contains(&Kind::NonInteractive);
    let workloads =
        kinds.contains(&Kind::ServicePrincipal) || kinds.contains(&Kind::ManagedIdentity);
    let count = |is_wanted: bool, count: u32| if is_wanted { count } else { 0 };
    let cast = u32::try_from(tenant.cast().players().len()).unwrap_or_default();
    let crowd = tenant.present().crowd().size();
    let works = tenant.recipe().workloads();
    (0..count(people, cast))
        .map(Who::Player)
        .chain((0..count(people, crowd)).map(Who::Person))
        .chain((1..=count(workloads, works)).map(Who::Workload))
}

fn drawn(tenant: &Tenant, number: i64, kinds: &[Kind], only: Option<Who>) -> Vec<Moment> {
    let (start, end) = (number * SLICE, (number + 1) * SLICE);
    let key = tenant.present().crowd().key();
    // A day's refreshes reach into the next one.
    let late = if kinds == [Kind::Interactive] {
        ZONES
    } else {
        DAY
    };
    let has_gap = tenant.recipe().has("A12");
    let mut found = Vec::new();
    let mut of = |who: Who| {
        let Some(profile) = Profile::of(tenant, who) else {
            return;
        };
        for day in (start - late).div_euclid(DAY)..=(end - 1 + ZONES).div_euclid(DAY) {
            let before = found.len();
            profile.day(key, day, &mut found);
            let mut kept = before;
            for at in before..found.len() {
                let moment = found[at];
                let is_gone = has_gap
                    && (moment.at.div_euclid(3_600) == GAP * 24 + 10
                        || moment.at.div_euclid(DAY) == LONELY && moment.kind != Kind::Interactive);
                if (start..end).contains(&moment.at) && kinds.contains(&moment.kind) && !is_gone {
                    found[kept] = moment;
                    kept += 1;
                }
            }
            found.truncate(kept);
        }
    };
    match only {
        Some(who) => of(who),
        None => everybody(tenant, kinds).for_each(of),
    }
    found.sort_unstable_by_key(|moment| std::cmp::Reverse(moment.key()));
    found.shrink_to_fit();
    found
}

/// The id of a sign-in, from which the sign-in can be drawn again.
pub(super) fn id_of(tenant: &Tenant, moment: &Moment) -> uuid::Uuid {
    let (kind, index) = match moment.who {
        Who::Player(at) => (0, at),
        Who::Person(index) => (1, index),
        Who::Workload(number) => (2, number),
    };
    let who = kind << 22 | u64::from(index);
    let day = u64::from(moment.day.unsigned_abs());
    let code = who << 32 | day << 16 | u64::from(moment.n);
    sealed(tenant.present().crowd().key(), IDS, code)
}

/// The sign-in with an id.
pub(super) fn by_id(tenant: &Tenant, id: &str) -> Option<Moment> {
    let key = tenant.present().crowd().key();
    let code = unsealed(key, IDS, id)?;
    let index = u32::try_from(code >> 32 & ((1 << 22) - 1)).ok()?;
    let who = match code >> 54 {
        0 => Who::Player(index),
        1 => Who::Person(index),
        _ => Who::Workload(index),
    };
    let mut found = Vec::new();
    let day = i64::try_from(code >> 16 & 0xffff).ok()?;
    Profile::of(tenant, who)?.day(key, day, &mut found);
    found
        .into_iter()
        .find(|moment| u64::from(moment.n) == code & 0xffff)
}

/// The person or workload with an object id, or the person with a principal name.
pub(in super::super) fn who(tenant: &Tenant, id: &str) -> Option<Who> {
    let players = tenant.cast().players();
    if let Some(at) = players
        .iter()
        .position(|player| player.id.eq_ignore_ascii_case(id))
    {
        return Some(Who::Player(u32::try_from(at).ok()?));
    }
    let crowd = tenant.present().crowd();
    if let Some(index) = crowd.by_id(id).or_else(|| crowd.by_upn(id)) {
        return Some(Who::Person(index));
    }
    if let Some((nickname, domain)) = id.split_once('@') {
        let is_ours = domain.eq_ignore_ascii_case(&tenant.identity().domain);
        let place = players
            .iter()
            .position(|player| is_ours && player.nickname.eq_ignore_ascii_case(nickname));
        return place.and_then(|at| Some(Who::Player(u32::try_from(at).ok()?)));
    }
    let row = tenant.row(Table::ServicePrincipals, id)?;
    let number = text(&row, "displayName").strip_prefix("workload-")?;
    Some(Who::Workload(number.parse().ok()?))
}
