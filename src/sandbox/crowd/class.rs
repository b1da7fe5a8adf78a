//! What people do: the classes of the recipe and how many there are of each.

/// What somebody does with the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Class {
    /// Uses mail, chat and documents, never Azure.
    Staff,
    /// Uses Azure from the command line, the portal and the editor.
    Developer,
    /// Runs what is in Azure, from PowerShell and the portal.
    Operator,
    /// Works with the data in Azure.
    Analyst,
    /// Only looks.
    Reader,
    /// Holds a privileged role.
    Administrator,
    /// Owns or contributes to a subscription.
    Owner,
    /// May take a privileged role when it is needed.
    Eligible,
    /// A guest with access to Azure whose home tenant is trusted to have asked for MFA.
    TrustedGuest,
    /// A guest with access to Azure whose home tenant is not.
    OtherGuest,
    /// A guest who only shares documents.
    Guest,
    /// May not sign in any more.
    Disabled,
    /// A script that signs in as a user.
    Automation,
    /// A break-glass account.
    Emergency,
    /// Holds an account and never uses it.
    Silent,
}

impl Class {
    /// Whether somebody like this uses Azure.
    pub(in super::super) fn uses_azure(self) -> bool {
        !matches!(
            self,
            Self::Staff | Self::Guest | Self::Disabled | Self::Emergency | Self::Silent
        )
    }

    /// Whether this is somebody of another organisation.
    pub(in super::super) fn is_guest(self) -> bool {
        matches!(self, Self::TrustedGuest | Self::OtherGuest | Self::Guest)
    }

    /// Whether a second factor is a matter of course: every sign-in shows one.
    pub(in super::super) fn is_privileged(self) -> bool {
        matches!(self, Self::Administrator | Self::Eligible)
    }
}

/// How many of 10,000 people are of a class; the rest are staff.
const SHARES: [(Class, u32); 11] = [
    (Class::Developer, 300),
    (Class::Operator, 120),
    (Class::Analyst, 60),
    (Class::Reader, 40),
    (Class::Administrator, 12),
    (Class::Owner, 25),
    (Class::Eligible, 8),
    (Class::TrustedGuest, 40),
    (Class::OtherGuest, 20),
    (Class::Guest, 200),
    (Class::Disabled, 9),
];
/// A crowd smaller than this is staff only; from here on there is at least one of each.
const VARIED: u32 = 50;

/// The classes of a crowd, each a range of its indices.
#[derive(Debug, Clone)]
pub(super) struct Classes {
    ends: [(Class, u32); SHARES.len()],
    size: u32,
}

impl Classes {
    pub(super) fn of(size: u32) -> Self {
        let mut end = 0;
        let ends = SHARES.map(|(class, share)| {
            if size >= VARIED {
                let scaled = (u64::from(size) * u64::from(share) + 5_000) / 10_000;
                end += u32::try_from(scaled).unwrap_or(u32::MAX).max(1);
            }
            (class, end)
        });
        Self { ends, size }
    }

    pub(super) fn class(&self, index: u32) -> Class {
        self.ends
            .iter()
            .find(|(_, end)| index < *end)
            .map_or(Class::Staff, |(class, _)| *class)
    }

    /// The indices of a class.
    pub(super) fn range(&self, class: Class) -> std::ops::Range<u32> {
        let mut start = 0;
        for (of, end) in self.ends {
            if of == class {
                return start..end;
            }
            start = end;
        }
        if class == Class::Staff {
            start..self.size
        } else {
            0..0
        }
    }
}
