//! The published policies that the service refuses, by reason.

/// A reason to refuse a policy.
pub(super) struct Refusal {
    /// What the documented text begins with.
    pub(super) code: &'static str,
    /// What the answer says of the file.
    pub(super) says: &'static str,
    /// What is wrong with the file, in words of ours.
    pub(super) because: &'static str,
    /// The files, by the first sixteen digits of their SHA-256.
    pub(super) files: &'static [&'static str],
}

#[rustfmt::skip]
pub(super) const REFUSALS: &[Refusal] = &[
    Refusal {
        code: "1007: ", says: "is not the id of terms of use",
        because: "names terms of use by a word or a blank instead of an id",
        files: &["1b6d6a44ce93a448", "8f16927c61013dec"],
    },
    Refusal {
        code: "1007: ", says: "`conditions.locations` is a list, not an object",
        because: "writes no locations as a list",
        files: &["1b736cf3551fb842", "c005a3d1f3d534ca", "286fec97b7dc200a"],
    },
    Refusal {
        code: "1007: ", says: "`conditions.platforms` is a list, not an object",
        because: "writes no platforms as a list",
        files: &["62fc7841c5dbe5b3", "4f392df300631752", "fe5476662d25f4ff", "f7a896df5f6ead90"],
    },
    Refusal {
        code: "1007: ", says: "`conditions.authenticationFlows.transferMethods` is a list, not a text",
        because: "writes the flows as a list, where Graph has one text",
        files: &["a0eadf8ba194e01f"],
    },
    Refusal {
        code: "1007: ", says: "`sessionControls.networkAccessSecurity` is not a property that can be written",
        because: "sets a session control that neither version lets one write",
        files: &["7fedf309e310b627"],
    },
    Refusal {
        code: "1007: ", says: "`grantControls.builtInControls` has no member",
        because: "asks for a grant control that Graph does not declare",
        files: &["62792fc85b1ef0ad", "15ba597465039dd1"],
    },
    Refusal {
        code: "1034: ", says: "\":\"ServicePrincipalNotFound\"",
        because: "names an application by its display name, a blank or a broken id",
        files: &["9ea6802795b833e5", "9315e01e8f03d636", "0206953dcebf4ef4", "55a53ef4bfe8200c", "47e15f7d59a86101"],
    },
    Refusal {
        code: "1064: ", says: "'clientAppTypes' condition does not support []",
        because: "is on no client app type, which once meant all of them",
        files: &["c3f9aec8c2b491c1", "f8d336fdd9dae4c8", "a86a9b1aa0991c80", "4cb5dbe6a35fd71b"],
    },
];
