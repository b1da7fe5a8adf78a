//! Policies as Graph writes them: lenient in, strict out.
//!
//! Reading keeps whatever the model does not know, by its path, so that it can be shown; writing names
//! every v1.0 property of a block and nothing else (contract section 3.1). The same function names, with
//! `_in` and `_out`, stand on both sides, one for each object of the contract.

mod context;
mod location;
mod object;
mod read;
mod strength;
#[cfg(test)]
mod tests;
mod write;

pub use object::ShapeError;
pub use read::LivePolicy;
pub use write::{Block, block_json, create_json};

/// The pseudo-location of the old MFA trusted addresses (contract section 1.2).
const MFA_TRUSTED_IPS: &str = "00000000-0000-0000-0000-000000000000";
