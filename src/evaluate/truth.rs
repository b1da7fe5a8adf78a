//! Three-valued truth: yes, no, and not known (Kleene).

use std::ops::Not;

/// Whether something holds, when some of the facts may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// It does not hold, whatever the missing facts are.
    No,
    /// A missing fact decides.
    Unknown,
    /// It holds, whatever the missing facts are.
    Yes,
}

impl Truth {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// One of them holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// Every one holds; yes for none at all.
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Yes;
        for truth in truths {
            all = all.and(truth);
            if all == Self::No {
                break;
            }
        }
        all
    }

    /// One holds; no for none at all.
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Self::No;
        for truth in truths {
            any = any.or(truth);
            if any == Self::Yes {
                break;
            }
        }
        any
    }

    /// What all the possible cases agree on; unknown when they differ or when there is none.
    pub fn agreed(cases: impl IntoIterator<Item = Self>) -> Self {
        let mut cases = cases.into_iter();
        let Some(first) = cases.next() else {
            return Self::Unknown;
        };
        if cases.all(|case| case == first) {
            first
        } else {
            Self::Unknown
        }
    }

    /// Whether it holds for certain.
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }

    /// Whether it is ruled out.
    pub fn is_no(self) -> bool {
        self == Self::No
    }

    /// Whether a missing fact decides.
    pub fn is_unknown(self) -> bool {
        self == Self::Unknown
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl From<Option<bool>> for Truth {
    fn from(holds: Option<bool>) -> Self {
        holds.map_or(Self::Unknown, Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, No, Unknown, Yes};

    #[test]
    fn kleenes_tables() {
        for (a, b, and, or) in [
            (No, No, No, No),
            (No, Unknown, No, Unknown),
            (No, Yes, No, Yes),
            (Unknown, Unknown, Unknown, Unknown),
            (Unknown, Yes, Unknown, Yes),
            (Yes, Yes, Yes, Yes),
        ] {
            assert_eq!((a.and(b), b.and(a)), (and, and), "{a:?} and {b:?}");
            assert_eq!((a.or(b), b.or(a)), (or, or), "{a:?} or {b:?}");
        }
        assert_eq!([!No, !Unknown, !Yes], [Yes, Unknown, No]);
        assert_eq!([Truth::all([]), Truth::any([])], [Yes, No]);
        assert_eq!(Truth::agreed([Yes, Yes]), Yes);
        assert_eq!(
            [Truth::agreed([Yes, No]), Truth::agreed([])],
            [Unknown, Unknown]
        );
    }
}
