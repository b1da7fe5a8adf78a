//! The main job: from YAML to an enforced policy, and everything that has to be refused on the way.

mod by_hand;
mod demotion;
mod documents;
mod finding;
mod first_run;
mod killed;
mod promotion;
mod refusals;
mod rules;
mod stale;
mod table;
mod tenants;
