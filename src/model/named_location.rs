//! Named locations: where a sign-in may come from (contract section 2.2).

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Id;
use super::words::words;

/// A named location.
///
/// Serialises to the Graph JSON it was read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct NamedLocation {
    /// Its id.
    pub id: Id,
    /// Its display name; not unique.
    pub name: String,
    /// Whether it is trusted.
    pub trusted: bool,
    /// What it covers.
    pub area: Area,
    /// What the service holds beyond the model, by dotted path.
    pub unmodelled: BTreeMap<String, Value>,
    /// The JSON as it was read.
    pub raw: Value,
}

/// What a named location covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Area {
    /// Addresses.
    Addresses {
        /// Ranges of addresses.
        ranges: Vec<AddressRange>,
        /// Whether every range could be read.
        complete: bool,
    },
    /// Countries and regions.
    Countries {
        /// Two-letter codes in upper case.
        countries: BTreeSet<String>,
        /// How the country of a sign-in is found.
        lookup: CountryLookup,
        /// Whether a sign-in from no known country counts as inside.
        include_unknown: bool,
    },
    /// Not said, or a kind of location that this version does not know.
    Unknown,
}

words! {
    /// How the country of a sign-in is found.
    CountryLookup {
        /// By the address.
        Address = "clientIpAddress" / "client-ip-address",
        /// By the position that the Authenticator app reports.
        Position = "authenticatorAppGps" / "authenticator-app-gps",
    }
}

/// The addresses from one to another, both included and of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// The range from `first` to `last`; `None` when they are of two families or the wrong way round.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last })
    }

    /// The range of a block like `192.0.2.0/24`; an address alone is a block of one.
    pub fn from_cidr(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        match address.trim().parse().ok()? {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(length.unwrap_or(32)).unwrap_or(0);
                let bits = address.to_bits();
                (length.unwrap_or(32) <= 32).then(|| {
                    Self::new(
                        (bits & !host).to_be_bytes().into(),
                        (bits | host).to_be_bytes().into(),
                    )
                })?
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(length.unwrap_or(128)).unwrap_or(0);
                let bits = address.to_bits();
                (length.unwrap_or(128) <= 128).then(|| {
                    Self::new(
                        (bits & !host).to_be_bytes().into(),
                        (bits | host).to_be_bytes().into(),
                    )
                })?
            }
        }
    }

    /// Whether an address lies inside; an IPv4 address in IPv6 clothes counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(range: &str, address: &str) -> bool {
        AddressRange::from_cidr(range)
            .unwrap()
            .contains(address.parse().unwrap())
    }

    #[test]
    fn a_block_holds_its_first_and_last_address_and_no_other() {
        for (range, address, expected) in [
            ("192.0.2.0/24", "192.0.2.0", true),
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.0/24", "192.0.1.255", false),
            ("192.0.2.77/24", "192.0.2.1", true),
            ("192.0.2.1/32", "192.0.2.1", true),
            ("192.0.2.1/32", "192.0.2.2", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            (
                "2001:db8::/32",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                true,
            ),
            ("2001:db8::/32", "2001:db9::", false),
            ("2001:db8::1/128", "2001:db8::1", true),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false),
        ] {
            assert_eq!(inside(range, address), expected, "{address} in {range}");
        }
    }

    #[test]
    fn what_is_no_range_is_none() {
        for text in [
            "",
            "192.0.2.0/33",
            "2001:db8::/129",
            "192.0.2/24",
            "x/8",
            "192.0.2.0/-1",
        ] {
            assert_eq!(AddressRange::from_cidr(text), None, "{text}");
        }
        let address = |text: &str| text.parse().unwrap();
        assert!(AddressRange::new(address("192.0.2.9"), address("192.0.2.1")).is_none());
        assert!(AddressRange::new(address("192.0.2.9"), address("2001:db8::")).is_none());
        let range = AddressRange::new(address("192.0.2.1"), address("192.0.2.9")).unwrap();
        assert!(range.contains(address("192.0.2.9")) && !range.contains(address("192.0.2.10")));
    }
}
