//! How a policy gets from report-only to on: gates, and the record of a promotion.

mod gate;
mod instant;
mod promotion;
#[cfg(test)]
mod tests;

pub use gate::{Gate, NOT_MEASURED, Verdict, holding, weigh};
pub use promotion::{Lowered, Standing, emergency, standing};
