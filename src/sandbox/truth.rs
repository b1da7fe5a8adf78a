//! The anomalies that can be planted, and what a tool that looks for them must find.
//!
//! Everything here is written down by hand from the recipe (its section 7.5): nothing is computed from what
//! the sandbox generates.

use serde_json::{Value, json};

use super::recipe::Recipe;

/// An anomaly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anomaly {
    pub(super) id: &'static str,
    /// What is planted.
    plant: &'static str,
    /// The nicknames of whom it is about.
    pub(super) who: &'static [&'static str],
    /// The gates and the verdicts that are expected of them.
    expect: &'static [(&'static str, &'static str)],
}

/// All of them.
pub(super) const ANOMALIES: [Anomaly; 18] = [
    Anomaly {
        id: "A01",
        plant: "three user accounts that a script signs in with a password (ROPC) every five minutes from one address, without any method",
        who: &["svc-deploy", "svc-inventory", "svc-tagging"],
        expect: &[("G05", "fail"), ("G12", "fail"), ("G13", "fail")],
    },
    Anomaly {
        id: "A02",
        plant: "four automations that refresh a user's token every night from a cloud's address; their owner's phone is registered",
        who: &[
            "sa-nightly-1",
            "sa-nightly-2",
            "sa-nightly-3",
            "sa-nightly-4",
        ],
        expect: &[("G12", "fail")],
    },
    Anomaly {
        id: "A03",
        plant: "seven power users with a cron job on the laptop that they also work with",
        who: &[
            "cron.user1",
            "cron.user2",
            "cron.user3",
            "cron.user4",
            "cron.user5",
            "cron.user6",
            "cron.user7",
        ],
        expect: &[("G12", "warn")],
    },
    Anomaly {
        id: "A04",
        plant: "two administrators who have registered nothing, and one whose method is not allowed",
        who: &["new.admin1", "new.admin2", "sms.admin"],
        expect: &[("G06", "fail"), ("G07", "fail")],
    },
    Anomaly {
        id: "A05",
        plant: "the second break-glass account is missing from the exclusions of the tenant's policies; the first has a telephone only",
        who: &["emergency1", "emergency2"],
        expect: &[("G09", "fail")],
    },
    Anomaly {
        id: "A06",
        plant: "the first break-glass account signs in to the portal on 2026-10-29, which is no drill",
        who: &["emergency1"],
        expect: &[("G09", "warn")],
    },
    Anomaly {
        id: "A07",
        plant: "the group CA-Exclude-Temporary, whose exception ended on 2026-10-21, still holds somebody who uses Azure with a password only",
        who: &["temp.engineer"],
        expect: &[("G10", "fail")],
    },
    Anomaly {
        id: "A08",
        plant: "three people join CA-Exclude-Backup-Automation on the third day",
        who: &["linh.tran", "noor.rahimi", "jelani.mwangi"],
        expect: &[("G10", "fail"), ("G19", "fail")],
    },
    Anomaly {
        id: "A09",
        plant: "twenty guests of a tenant that is not trusted, without a method here; five of them use Azure",
        who: &[
            "agency.guest1_agency.example#EXT#",
            "agency.guest2_agency.example#EXT#",
            "agency.guest3_agency.example#EXT#",
            "agency.guest4_agency.example#EXT#",
            "agency.guest5_agency.example#EXT#",
            "agency.guest6_agency.example#EXT#",
            "agency.guest7_agency.example#EXT#",
            "agency.guest8_agency.example#EXT#",
            "agency.guest9_agency.example#EXT#",
            "agency.guest10_agency.example#EXT#",
            "agency.guest11_agency.example#EXT#",
            "agency.guest12_agency.example#EXT#",
            "agency.guest13_agency.example#EXT#",
            "agency.guest14_agency.example#EXT#",
            "agency.guest15_agency.example#EXT#",
            "agency.guest16_agency.example#EXT#",
            "agency.guest17_agency.example#EXT#",
            "agency.guest18_agency.example#EXT#",
            "agency.guest19_agency.example#EXT#",
            "agency.guest20_agency.example#EXT#",
        ],
        expect: &[("G17", "fail")],
    },
    Anomaly {
        id: "A10",
        plant: "eleven holders of a role who never signed in",
        who: &[
            "unseen.holder1",
            "unseen.holder2",
            "unseen.holder3",
            "unseen.holder4",
            "unseen.holder5",
            "unseen.holder6",
            "unseen.holder7",
            "unseen.holder8",
            "unseen.holder9",
            "unseen.holder10",
            "unseen.holder11",
        ],
        expect: &[("G04", "warn")],
    },
    Anomaly {
        id: "A11",
        plant: "on the fourth day somebody renames the policy on Azure management in the portal and takes guests out of it",
        who: &["ca.admin"],
        expect: &[("G03", "fail"), ("G19", "fail")],
    },
    Anomaly {
        id: "A12",
        plant: "the log has nothing from 10:00 to 11:00 on 2026-11-05, and nothing but interactive sign-ins on 2026-11-06",
        who: &[],
        expect: &[("G02", "fail")],
    },
    Anomaly {
        id: "A13",
        plant: "one in a thousand results is unknownFutureValue, whatever the caller prefers",
        who: &[],
        expect: &[("G02", "fail")],
    },
    Anomaly {
        id: "A14",
        plant: "the policy `Register security information at the office only` blocks registration elsewhere",
        who: &[],
        expect: &[("G18", "warn")],
    },
    Anomaly {
        id: "A15",
        plant: "once the policy on Azure management is on, three people without a method are sent to register and refused there (53010) again and again",
        who: &["loop.user1", "loop.user2", "loop.user3"],
        expect: &[("rollback", "fires")],
    },
    Anomaly {
        id: "A16",
        plant: "nothing: the clean twin, same seed",
        who: &[],
        expect: &[("every gate", "pass")],
    },
    Anomaly {
        id: "A17",
        plant: "somebody capable whose old token is refreshed without a sign-in: every refresh lacks MFA",
        who: &["old.token"],
        expect: &[("G05", "pass")],
    },
    Anomaly {
        id: "A18",
        plant: "somebody who uses Azure DevOps only, which the policy does not cover",
        who: &["devops.only"],
        expect: &[("G05", "pass"), ("G12", "pass")],
    },
];

/// `GET /sandbox/truth`: what is planted in this tenant.
pub(super) fn document(recipe: &Recipe, domain: &str) -> Value {
    let planted: Vec<Value> = ANOMALIES
        .iter()
        .filter(|anomaly| recipe.has(anomaly.id))
        .map(|anomaly| {
            let who: Vec<String> = anomaly
                .who
                .iter()
                .map(|nickname| format!("{nickname}@{domain}"))
                .collect();
            let expect: serde_json::Map<String, Value> = anomaly
                .expect
                .iter()
                .map(|(gate, verdict)| ((*gate).to_owned(), json!(verdict)))
                .collect();
            json!({"id": anomaly.id, "plant": anomaly.plant, "who": who, "expect": expect})
        })
        .collect();
    json!({
        "format_version": "1.0",
        "people": recipe.people,
        "seed": recipe.seed,
        "anomalies": planted,
    })
}
