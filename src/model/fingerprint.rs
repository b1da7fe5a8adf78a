//! One hash for everything that has to be recognised again.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// `sha256:` and the hash of a value's canonical JSON (RFC 8785).
pub fn fingerprint(value: &impl Serialize) -> String {
    // It fails only on maps whose keys are no strings, which our types have not. Going on with an empty
    // hash would make unlike things equal, so this is the one place that may stop the program.
    let canonical = serde_json_canonicalizer::to_vec(value)
        .expect("every fingerprinted type has a canonical form");
    let hash = Sha256::digest(&canonical);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
