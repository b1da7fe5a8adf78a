//! Named locations in Graph JSON (contract section 2.2).

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::{Object, ShapeError};
use crate::model::Id;
use crate::model::named_location::{AddressRange, Area, CountryLookup, NamedLocation};

impl TryFrom<Value> for NamedLocation {
    type Error = ShapeError;

    fn try_from(raw: Value) -> Result<Self, ShapeError> {
        let mut unmodelled = BTreeMap::new();
        let mut object = Object::open("", &raw, &mut unmodelled)?;
        let id = Id::new(object.required_text("id")?);
        // `name` and `trusted` stand in snapshots of the first format.
        let name = object.text("displayName")?.or(object.text("name")?);
        let trusted = object.flag("isTrusted")? || object.flag("trusted")?;
        let kind = raw.get("@odata.type").and_then(Value::as_str);
        let area = if raw.get("ipRanges").is_some() {
            addresses(object.take("ipRanges"))
        } else if raw.get("countriesAndRegions").is_some() {
            Area::Countries {
                countries: object
                    .texts("countriesAndRegions")?
                    .iter()
                    .map(|code| code.to_ascii_uppercase())
                    .collect(),
                lookup: object
                    .text("countryLookupMethod")?
                    .map_or(CountryLookup::Address, |wire| {
                        CountryLookup::from_wire(&wire)
                    }),
                include_unknown: object.flag("includeUnknownCountriesAndRegions")?,
            }
        } else {
            Area::Unknown
        };
        for ignored in ["createdDateTime", "modifiedDateTime", "deletedDateTime"] {
            object.take(ignored);
        }
        object.close();
        if let (Area::Unknown, Some(kind)) = (&area, kind) {
            unmodelled.insert("@odata.type".into(), kind.into());
        }
        Ok(Self {
            id,
            name: name.unwrap_or_default(),
            trusted,
            area,
            unmodelled,
            raw,
        })
    }
}

impl From<NamedLocation> for Value {
    fn from(location: NamedLocation) -> Self {
        location.raw
    }
}

/// The ranges that can be read; one that cannot makes the rest incomplete, not wrong.
fn addresses(ranges: Option<&Value>) -> Area {
    let all = ranges
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let ranges: Vec<_> = all.iter().filter_map(range).collect();
    let complete = ranges.len() == all.len();
    Area::Addresses { ranges, complete }
}

fn range(json: &Value) -> Option<AddressRange> {
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    match (
        text("cidrAddress"),
        text("lowerAddress"),
        text("upperAddress"),
    ) {
        (Some(block), _, _) => AddressRange::from_cidr(block),
        (None, Some(lower), Some(upper)) => {
            AddressRange::new(lower.trim().parse().ok()?, upper.trim().parse().ok()?)
        }
        _ => None,
    }
}
