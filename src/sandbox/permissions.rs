//! Which permission each operation needs: the table of section 4 of the contract, and the check.
//!
//! An application holds a permission as a role, a user through an application as a scope. An operation
//! that the table does not name needs none.

use std::collections::BTreeSet;

use super::errors::Failure;
use super::request::Request;
use super::token::Caller;

/// What is asked: to look, or to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

use Access::{Read, Write};

/// Any one of these will do.
type OneOf = &'static [&'static str];

/// An operation: how, on what, and what it needs of each group.
struct Operation {
    access: Access,
    /// The segments that the path begins with, in lower case; `*` is any one.
    path: &'static [&'static str],
    needs: &'static [OneOf],
}

const fn operation(
    access: Access,
    path: &'static [&'static str],
    needs: &'static [OneOf],
) -> Operation {
    Operation {
        access,
        path,
        needs,
    }
}

const READ_POLICIES: OneOf = &["Policy.Read.All", "Policy.Read.ConditionalAccess"];
/// The documented trio; newer tables offer either read permission as the companion.
const WRITE_POLICIES: &[OneOf] = &[
    &["Policy.ReadWrite.ConditionalAccess"],
    READ_POLICIES,
    &["Application.Read.All"],
];
const WRITE_BESIDE_POLICIES: &[OneOf] = &[
    &["Policy.ReadWrite.ConditionalAccess"],
    &["Policy.Read.All"],
];
const READ_STRENGTHS: &[OneOf] = &[&["Policy.Read.All", "Policy.Read.AuthenticationMethod"]];
const WRITE_STRENGTHS: &[OneOf] = &[&[
    "Policy.ReadWrite.ConditionalAccess",
    "Policy.ReadWrite.AuthenticationMethod",
]];
const READ_ROLES: &[OneOf] = &[&[
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
]];
const READ_ORGANIZATION: &[OneOf] = &[&[
    "Organization.Read.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
]];

// synthetic: the contract names the least permission of an operation in the directory; the ones that
// include it are added where they are well known.
const OPERATIONS: &[Operation] = &[
    operation(
        Read,
        &["identity", "conditionalaccess", "authenticationstrength"],
        READ_STRENGTHS,
    ),
    operation(
        Write,
        &["identity", "conditionalaccess", "authenticationstrength"],
        WRITE_STRENGTHS,
    ),
    operation(
        Read,
        &["policies", "authenticationstrengthpolicies"],
        READ_STRENGTHS,
    ),
    operation(
        Write,
        &["policies", "authenticationstrengthpolicies"],
        WRITE_STRENGTHS,
    ),
    operation(
        Write,
        &["identity", "conditionalaccess", "namedlocations"],
        WRITE_BESIDE_POLICIES,
    ),
    operation(
        Write,
        &[
            "identity",
            "conditionalaccess",
            "deleteditems",
            "namedlocations",
        ],
        WRITE_BESIDE_POLICIES,
    ),
    operation(
        Write,
        &[
            "identity",
            "conditionalaccess",
            "authenticationcontextclassreferences",
        ],
        WRITE_BESIDE_POLICIES,
    ),
    operation(Read, &["identity", "conditionalaccess"], &[READ_POLICIES]),
    operation(Write, &["identity", "conditionalaccess"], WRITE_POLICIES),
    operation(
        Read,
        &["policies", "conditionalaccesspolicies"],
        &[READ_POLICIES],
    ),
    operation(
        Write,
        &["policies", "conditionalaccesspolicies"],
        WRITE_POLICIES,
    ),
    operation(Read, &["conditionalaccess"], &[READ_POLICIES]),
    operation(Write, &["conditionalaccess"], WRITE_BESIDE_POLICIES),
    operation(
        Read,
        &["policies", "identitysecuritydefaultsenforcementpolicy"],
        &[&["Policy.Read.All"]],
    ),
    operation(
        Write,
        &["policies", "identitysecuritydefaultsenforcementpolicy"],
        &[
            &["Policy.Read.All"],
            &[
                "Policy.ReadWrite.SecurityDefaults",
                "Policy.ReadWrite.ConditionalAccess",
            ],
        ],
    ),
    operation(
        Read,
        &["auditlogs", "signins"],
        // A documented known issue (1.7 of the evidence reference): the second one too.
        &[&["AuditLog.Read.All"], &["Directory.Read.All"]],
    ),
    operation(
        Read,
        &["auditlogs", "directoryaudits"],
        &[&["AuditLog.Read.All"], &["Directory.Read.All"]],
    ),
    operation(
        Read,
        &["reports", "authenticationmethods"],
        &[&["AuditLog.Read.All"]],
    ),
    operation(Read, &["subscribedskus"], READ_ORGANIZATION),
    operation(Read, &["organization"], READ_ORGANIZATION),
    operation(
        Read,
        &["users", "*", "authentication"],
        &[&["UserAuthenticationMethod.Read.All"]],
    ),
    operation(
        Read,
        &["users"],
        &[&[
            "User.ReadBasic.All",
            "User.Read.All",
            "User.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ]],
    ),
    operation(
        Write,
        &["users"],
        &[&["User.ReadWrite.All", "Directory.ReadWrite.All"]],
    ),
    operation(
        Read,
        &["groups", "*", "transitivemembers"],
        &[&[
            "GroupMember.ReadBasic.All",
            "GroupMember.Read.All",
            "GroupMember.ReadWrite.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ]],
    ),
    operation(
        Read,
        &["groups"],
        &[&[
            "Group.ReadBasic.All",
            "GroupMember.Read.All",
            "GroupMember.ReadWrite.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ]],
    ),
    operation(
        Write,
        &["groups", "*", "members"],
        &[&[
            "GroupMember.ReadWrite.All",
            "Group.ReadWrite.All",
            "Directory.ReadWrite.All",
        ]],
    ),
    operation(
        Write,
        &["groups"],
        &[&["Group.ReadWrite.All", "Directory.ReadWrite.All"]],
    ),
    operation(
        Read,
        &["directoryobjects"],
        &[&[
            "Directory.Read.All",
            "Directory.ReadWrite.All",
            "User.ReadBasic.All",
            "User.Read.All",
            "GroupMember.Read.All",
            "Group.Read.All",
            "Application.Read.All",
        ]],
    ),
    operation(Read, &["rolemanagement", "directory"], READ_ROLES),
    operation(Read, &["directoryroles"], READ_ROLES),
    operation(
        Read,
        &["serviceprincipals"],
        &[&[
            "Application.Read.All",
            "Application.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ]],
    ),
    operation(
        Write,
        &["serviceprincipals"],
        &[&["Application.ReadWrite.All", "Directory.ReadWrite.All"]],
    ),
];

/// The refusal of a request for which the caller's token is not enough.
pub(super) fn gate(caller: &Caller, request: &Request, segments: &[&str]) -> Result<(), Failure> {
    // What is sent only to ask changes nothing.
    let asks = matches!(
        segments,
        ["identity", "conditionalaccess", "evaluate"]
            | ["directoryobjects", "getbyids" | "microsoft.graph.getbyids"]
    );
    let access = if request.method == "GET" || asks {
        Read
    } else {
        Write
    };
    let begins = |path: &[&str]| {
        path.len() <= segments.len()
            && path.iter().zip(segments).all(|(wanted, segment)| {
                *wanted == "*" || wanted == segment || is_keyed(wanted, segment)
            })
    };
    let missing = OPERATIONS
        .iter()
        .find(|operation| operation.access == access && begins(operation.path))
        .is_some_and(|operation| {
            operation
                .needs
                .iter()
                .any(|one_of| !one_of.iter().any(|permission| caller.may(permission)))
        });
    if missing {
        return Err(Failure::scopes_missing());
    }
    Ok(())
}

/// Whether a segment is the collection with a key in brackets, such as `serviceprincipals(appid='…')`.
fn is_keyed(collection: &str, segment: &str) -> bool {
    segment
        .strip_prefix(collection)
        .is_some_and(|rest| rest.starts_with('('))
}

/// Every permission that some operation asks for, in order.
pub(super) fn all() -> Vec<&'static str> {
    let all: BTreeSet<&str> = OPERATIONS
        .iter()
        .flat_map(|operation| operation.needs)
        .flat_map(|one_of| one_of.iter().copied())
        .collect();
    all.into_iter().collect()
}
