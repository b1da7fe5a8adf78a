//! The people whom the population names: what each of them does, and who is planted for an anomaly.

use std::collections::BTreeMap;

use super::crowd::{Class, Factors};
use super::identity::Identity;
use super::people::{ADMINISTRATORS, EMPLOYEES, GUESTS};
use super::recipe::Recipe;
use super::truth::ANOMALIES;

/// Germany, whose clocks are those of the head office.
const OFFICE: usize = 1;

/// How somebody comes to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// As the others of the class.
    Usual,
    /// A password in a script, every five minutes.
    Password,
    /// A burst of refreshed tokens every night.
    Nightly,
    /// As the others, and a job on the same laptop every hour.
    Cron,
    /// An old token, refreshed and never renewed.
    OldToken,
    /// Azure DevOps and nothing else.
    DevOps,
    /// Trying to register, in vain.
    Loop,
    /// The drill of 2026-10-12, and nothing else.
    Drill,
    /// The drill, and one day that was none.
    DrillAndMore,
    /// Not at all.
    Never,
}

/// Somebody with a name of their own.
#[derive(Debug, Clone)]
pub(super) struct Player {
    /// What is drawn for them is drawn with this.
    pub(super) number: u32,
    pub(super) id: String,
    pub(super) nickname: String,
    pub(super) name: String,
    pub(super) class: Class,
    pub(super) habit: Habit,
    pub(super) factors: Factors,
    pub(super) country: usize,
    /// The anomaly that they are planted for.
    pub(super) plant: Option<&'static str>,
    pub(super) role: Option<&'static str>,
}

/// Everybody with a name of their own.
#[derive(Debug, Clone, Default)]
pub(super) struct Cast {
    players: Vec<Player>,
    by_id: BTreeMap<String, usize>,
}

impl Cast {
    /// The cast of a tenant.
    pub(super) fn of(of: &Identity, recipe: &Recipe) -> Self {
        let mut cast = Self::default();
        for (number, (nickname, name, class)) in regulars().into_iter().enumerate() {
            let (habit, factors) = match (class, nickname.as_str()) {
                (Class::Automation, _) => (Habit::Nightly, Factors::Nothing),
                (Class::Emergency, "emergency1") => (
                    if recipe.has("A06") {
                        Habit::DrillAndMore
                    } else {
                        Habit::Drill
                    },
                    if recipe.has("A05") {
                        Factors::Phone
                    } else {
                        Factors::Passkey
                    },
                ),
                (Class::Emergency, _) => (Habit::Drill, Factors::Passkey),
                (Class::Silent, _) => (Habit::Never, Factors::Nothing),
                (Class::Administrator, _) => (Habit::Usual, Factors::Passkey),
                (Class::Staff, _) if number % 4 == 0 => (Habit::Usual, Factors::Nothing),
                _ => (Habit::Usual, Factors::Authenticator),
            };
            cast.add(Player {
                number: u32::try_from(number).unwrap_or_default(),
                id: of.id_of(&format!("user {nickname}")),
                nickname,
                name,
                class,
                habit,
                factors,
                country: OFFICE,
                plant: None,
                role: None,
            });
        }
        for (place, anomaly) in ANOMALIES.iter().enumerate() {
            if recipe.has(anomaly.id) {
                cast.plant(of, place, anomaly.id, anomaly.who);
            }
        }
        cast
    }

    fn plant(&mut self, of: &Identity, place: usize, id: &'static str, who: &[&str]) {
        for (at, nickname) in who.iter().enumerate() {
            let (class, habit, factors, role) = match id {
                "A01" => (Class::Automation, Habit::Password, Factors::Nothing, None),
                "A02" => (Class::Automation, Habit::Nightly, Factors::Phone, None),
                "A03" => (Class::Developer, Habit::Cron, Factors::Authenticator, None),
                "A04" => (
                    Class::Owner,
                    Habit::Usual,
                    if at < 2 {
                        Factors::Nothing
                    } else {
                        Factors::NotAllowed
                    },
                    Some("User Administrator"),
                ),
                "A07" => (Class::Developer, Habit::Usual, Factors::Nothing, None),
                "A09" => (
                    Class::OtherGuest,
                    if at < 5 { Habit::Usual } else { Habit::Never },
                    Factors::Nothing,
                    None,
                ),
                "A10" => (
                    Class::Silent,
                    Habit::Never,
                    Factors::Authenticator,
                    Some("User Administrator"),
                ),
                "A15" => (Class::Developer, Habit::Loop, Factors::Nothing, None),
                "A17" => (
                    Class::Developer,
                    Habit::OldToken,
                    Factors::Authenticator,
                    None,
                ),
                "A18" => (
                    Class::Developer,
                    Habit::DevOps,
                    Factors::Authenticator,
                    None,
                ),
                // These are about people who are there anyway.
                _ => return,
            };
            self.add(Player {
                number: u32::try_from(1_000 * (place + 1) + at).unwrap_or_default(),
                id: of.id_of(&format!("user {nickname}")),
                name: nickname
                    .split('_')
                    .next()
                    .unwrap_or_default()
                    .replace('.', " "),
                nickname: (*nickname).to_owned(),
                class,
                habit,
                factors,
                country: OFFICE,
                plant: Some(id),
                role,
            });
        }
    }

    fn add(&mut self, player: Player) {
        self.by_id.insert(player.id.clone(), self.players.len());
        self.players.push(player);
    }

    /// All of them.
    pub(super) fn players(&self) -> &[Player] {
        &self.players
    }

    /// The one with an id.
    pub(super) fn by_id(&self, id: &str) -> Option<&Player> {
        let at = self.by_id.get(&id.to_ascii_lowercase())?;
        self.players.get(*at)
    }
}

/// Those who are always there: nickname, name, class.
fn regulars() -> Vec<(String, String, Class)> {
    let mut found = Vec::new();
    for (given, surname, department, title) in EMPLOYEES {
        let class = match (department, title) {
            ("Engineering", "Platform Engineer" | "Site Reliability Engineer") | ("IT", _) => {
                Class::Operator
            }
            ("Engineering", _) => Class::Developer,
            ("Finance", "Head of Finance") => Class::Reader,
            _ => Class::Staff,
        };
        found.push((
            format!("{given}.{surname}").to_lowercase(),
            format!("{given} {surname}"),
            class,
        ));
    }
    for (given, surname, home) in GUESTS {
        let class = if super::crowd::TRUSTED_HOMES.contains(&home) {
            Class::TrustedGuest
        } else {
            Class::Guest
        };
        let nickname = format!("{given}.{surname}_{home}").to_lowercase();
        found.push((
            format!("{nickname}#EXT#"),
            format!("{given} {surname}"),
            class,
        ));
    }
    for (nickname, name, class) in [
        ("svc-backup", "Backup automation", Class::Automation),
        ("svc-reports", "Reporting automation", Class::Silent),
        ("emergency1", "Emergency access 1", Class::Emergency),
        ("emergency2", "Emergency access 2", Class::Emergency),
    ] {
        found.push((nickname.to_owned(), name.to_owned(), class));
    }
    for (nickname, name, _) in ADMINISTRATORS {
        found.push((nickname.to_owned(), name.to_owned(), Class::Administrator));
    }
    found
}
