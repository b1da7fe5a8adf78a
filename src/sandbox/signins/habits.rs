//! When people sign in: everything about a person's day is drawn from the seed, the person and the day.

use super::super::cast::Habit;
use super::super::crowd::{COUNTRIES, Class, Factors};
use super::super::rng::{Rng, pick};
use super::super::tenant::Tenant;
use super::apps;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;
/// Interactive sign-ins of a person on an average day, from which the others follow: 16.7 in all, 8 % of
/// them interactive.
const INTERACTIVE: f64 = 1.34;
/// Of the Zipf-Mandelbrot law w(k) = 1 / (k + q).
const Q: f64 = 100.0;
/// A prime beyond the size of every crowd: multiples of it visit every rank.
const RANKS: u64 = 1_000_003;
/// How much of a weekday a weekend day is.
const WEEKEND: f64 = 0.12;
/// 2026-10-12 and 2026-10-29: the drill, and the day that was none, in days of the epoch.
const DRILL: i64 = 20_738;
const NO_DRILL: i64 = 20_755;
/// How often of a working day, hour by hour of the local clock.
const HOURS: [(u8, u32); 24] = [
    (0, 1),
    (1, 1),
    (2, 1),
    (3, 1),
    (4, 1),
    (5, 2),
    (6, 8),
    (7, 30),
    (8, 110),
    (9, 130),
    (10, 100),
    (11, 80),
    (12, 60),
    (13, 90),
    (14, 90),
    (15, 80),
    (16, 60),
    (17, 30),
    (18, 15),
    (19, 12),
    (20, 10),
    (21, 8),
    (22, 4),
    (23, 2),
];

mod stream {
    pub(super) const DAY: u64 = 20;
    pub(super) const RANK: u64 = 21;
    pub(super) const CLAIM: u64 = 22;
    pub(super) const MINUTE: u64 = 23;
}

/// Who signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Who {
    /// Somebody with a name of their own, by the place in the cast.
    Player(u32),
    /// Somebody of the crowd.
    Person(u32),
    /// A service principal, by the number of the workload.
    Workload(u32),
}

/// Which log a sign-in is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Kind {
    Interactive,
    NonInteractive,
    ServicePrincipal,
    ManagedIdentity,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [
        Self::Interactive,
        Self::NonInteractive,
        Self::ServicePrincipal,
        Self::ManagedIdentity,
    ];

    /// Graph's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Interactive => "interactiveUser",
            Self::NonInteractive => "nonInteractiveUser",
            Self::ServicePrincipal => "servicePrincipal",
            Self::ManagedIdentity => "managedIdentity",
        }
    }
}

/// A sign-in before any policy has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Moment {
    /// When, in seconds of the epoch.
    pub(in super::super) at: i64,
    pub(in super::super) who: Who,
    /// The day that it was drawn for, in days of the epoch, and its number there.
    pub(super) day: i32,
    pub(super) n: u16,
    pub(in super::super) kind: Kind,
    pub(super) app: u8,
    /// What goes wrong whatever the policies say; 0 for nothing.
    pub(super) error: u32,
    /// Whether the token says that MFA was done.
    pub(super) claim: bool,
    /// When the session began whose token is used.
    pub(super) session: i64,
}

impl Moment {
    /// The order of the log, the oldest first.
    pub(super) fn key(&self) -> (i64, Who, i32, u16) {
        (self.at, self.who, self.day, self.n)
    }
}

/// What has to be known of somebody to draw a day.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Profile {
    pub(in super::super) who: Who,
    pub(in super::super) class: Class,
    pub(in super::super) habit: Habit,
    pub(in super::super) factors: Factors,
    pub(in super::super) country: usize,
    rate: f64,
    /// What is drawn is drawn with this.
    pub(super) subject: u64,
}

#[allow(clippy::cast_precision_loss)]
fn rate(rank: u64, size: u32) -> f64 {
    let size = f64::from(size.max(1));
    let mean = ((size + Q) / Q).ln() / size;
    INTERACTIVE / (rank as f64 + Q) / mean
}

impl Profile {
    /// The profile of somebody.
    pub(in super::super) fn of(tenant: &Tenant, who: Who) -> Option<Self> {
        let crowd = tenant.present().crowd();
        Some(match who {
            Who::Player(at) => {
                let player = tenant.cast().players().get(at as usize)?;
                Self {
                    who,
                    class: player.class,
                    habit: player.habit,
                    factors: player.factors,
                    country: player.country,
                    rate: INTERACTIVE,
                    subject: u64::from(player.number),
                }
            }
            Who::Person(index) => {
                let size = u64::from(crowd.size().max(1));
                let shift = pick(crowd.key(), stream::RANK, 0, size);
                let rank = (u64::from(index) * RANKS + shift) % size;
                Self {
                    who,
                    class: crowd.class(index),
                    habit: match crowd.class(index) {
                        Class::Disabled => Habit::Never,
                        _ => Habit::Usual,
                    },
                    factors: crowd.factors(index),
                    country: crowd.country(index),
                    rate: rate(rank, crowd.size()),
                    subject: 1 << 32 | u64::from(index),
                }
            }
            Who::Workload(number) => Self {
                who,
                class: Class::Automation,
                habit: Habit::Usual,
                factors: Factors::Nothing,
                country: 0,
                rate: 0.0,
                subject: 2 << 32 | u64::from(number),
            },
        })
    }

    /// Whether the tokens of this person usually say that MFA was done.
    fn has_claim(&self, key: u64) -> bool {
        self.factors.is_capable()
            && (self.class.is_privileged()
                || matches!(self.class, Class::TrustedGuest | Class::Emergency)
                || pick(key, stream::CLAIM, self.subject, 100) < 70)
    }

    /// Everything that is drawn for a day, in no order.
    pub(in super::super) fn day(&self, key: u64, day: i64, found: &mut Vec<Moment>) {
        let mut draws = Draws {
            profile: self,
            key,
            day,
            rng: Rng::of(key, stream::DAY, self.subject, day),
            n: 0,
            found,
        };
        draws.all();
    }
}

struct Draws<'a> {
    profile: &'a Profile,
    key: u64,
    day: i64,
    rng: Rng,
    n: u16,
    found: &'a mut Vec<Moment>,
}

impl Draws<'_> {
    fn all(&mut self) {
        // The first of January 1970 was a Thursday.
        let is_weekend = matches!((self.day + 4).rem_euclid(7), 0 | 6);
        if matches!(self.profile.who, Who::Workload(_)) {
            return self.workload();
        }
        match self.profile.habit {
            Habit::Usual => self.usual(is_weekend, &apps::OFFICE),
            Habit::Cron => {
                self.usual(is_weekend, &apps::OFFICE);
                let minute = self.minute();
                self.every(3_600, minute, Kind::NonInteractive, apps::CLI);
            }
            Habit::Password => {
                let minute = self.minute() % 300;
                self.every(300, minute, Kind::Interactive, apps::SCRIPT);
                // Half of the rows are in each of the two logs.
                for moment in self.found.iter_mut().filter(|moment| moment.n % 2 == 1) {
                    if moment.who == self.profile.who {
                        moment.kind = Kind::NonInteractive;
                    }
                }
            }
            Habit::Nightly => {
                for number in 0..40 {
                    let at = 2 * 3_600 + number * 20;
                    self.put(at, Kind::NonInteractive, apps::CLI, false);
                }
            }
            Habit::OldToken if !is_weekend => {
                for hour in 7..17 {
                    self.put(hour * 3_600 + 311, Kind::NonInteractive, apps::CLI, false);
                }
            }
            Habit::DevOps => self.usual(is_weekend, &[(apps::DEVOPS, 1)]),
            Habit::Loop => {
                for half_hour in 16..34 {
                    self.put(half_hour * 1_800, Kind::Interactive, apps::PORTAL, false);
                }
            }
            Habit::Drill | Habit::DrillAndMore if self.day == DRILL => {
                self.put(36_300, Kind::Interactive, apps::PORTAL, true);
            }
            Habit::DrillAndMore if self.day == NO_DRILL => {
                self.put(77_400, Kind::Interactive, apps::PORTAL, true);
            }
            Habit::OldToken | Habit::Drill | Habit::DrillAndMore | Habit::Never => {}
        }
    }

    fn usual(&mut self, is_weekend: bool, everyday: &[(u8, u32)]) {
        let class = self.profile.class;
        let week = 7.0 / (5.0 + 2.0 * WEEKEND);
        let factor = if is_weekend { week * WEEKEND } else { week };
        let is_azure = class.uses_azure() && self.profile.habit != Habit::DevOps;
        // Whoever works with Azure does so every few days at least.
        let is_due = is_azure
            && !is_weekend
            && (self.profile.subject.cast_signed() + self.day).rem_euclid(3) == 0;
        let sessions = self.rng.poisson(self.profile.rate * factor) + u32::from(is_due);
        let claim = self.profile.has_claim(self.key);
        for number in 0..sessions.min(400) {
            let hour = i64::from(self.rng.weighted(&HOURS).unwrap_or(9));
            let local = hour * 3_600 + i64::from(self.rng.below(3_600));
            let at = local - COUNTRIES[self.profile.country].offset * 3_600;
            let on_azure = self.rng.below(100) < 20 && is_azure;
            let app = if on_azure || is_due && number == 0 {
                self.rng.weighted(apps::azure(class))
            } else {
                self.rng.weighted(everyday)
            };
            let error = match self.rng.below(1_000) {
                _ if is_due && number == 0 => 0,
                968..983 => 50_126,
                983..991 => 50_140,
                991..997 if self.profile.factors.is_capable() => 50_074,
                999 if self.profile.factors.is_capable() => 500_121,
                997..999 if !class.is_privileged() => 1,
                _ => 0,
            };
            let (app, error) = match (app, error) {
                // An old mail client.
                (_, 1) => (apps::LEGACY, 0),
                (app, error) => (app.unwrap_or_default(), error),
            };
            let denied = matches!(error, 50_074 | 500_121);
            self.put(
                at,
                Kind::Interactive,
                app,
                claim && !denied && app != apps::LEGACY,
            );
            if let Some(last) = self.found.last_mut() {
                last.error = error;
            }
            // The last one is on the next day at the latest, wherever the session began.
            let refreshes = 4 + i64::from(self.rng.below(15));
            if error == 0 && app != apps::LEGACY {
                for hour in 1..=refreshes {
                    let later = at + hour * 3_600 + i64::from(self.rng.below(600));
                    self.put(later, Kind::NonInteractive, app, claim);
                    if let Some(last) = self.found.last_mut() {
                        last.session = self.day * DAY + at;
                    }
                }
            }
        }
    }

    fn workload(&mut self) {
        let Who::Workload(number) = self.profile.who else {
            return;
        };
        let kind = match number % 3 {
            0 => Kind::ManagedIdentity,
            _ => Kind::ServicePrincipal,
        };
        let minute = self.minute();
        self.every(3_600, minute, kind, apps::WORKLOAD);
    }

    /// The second of the hour at which somebody's jobs run, the same every day.
    fn minute(&self) -> i64 {
        pick(self.key, stream::MINUTE, self.profile.subject, 3_600).cast_signed()
    }

    fn every(&mut self, seconds: i64, from: i64, kind: Kind, app: u8) {
        let mut at = from;
        while at < DAY {
            self.put(at, kind, app, false);
            at += seconds;
        }
    }

    fn put(&mut self, at: i64, kind: Kind, app: u8, claim: bool) {
        let at = self.day * DAY + at;
        self.found.push(Moment {
            at,
            who: self.profile.who,
            day: i32::try_from(self.day).unwrap_or_default(),
            n: self.n,
            kind,
            app,
            error: 0,
            claim,
            session: if kind == Kind::NonInteractive {
                i64::MIN
            } else {
                at
            },
        });
        self.n += 1;
    }
}
