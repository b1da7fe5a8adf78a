//! Keys for policies that have only a name.

use std::collections::BTreeSet;

/// The longest key that leaves room for a number behind it.
const LONGEST: usize = 60;

/// A key that nobody has yet: the name in lower case, words joined by hyphens, and a number when it is taken.
pub(super) fn key_of(name: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = kebab(name);
    let mut key = plain.clone();
    let mut number = 2;
    while !taken.insert(key.clone()) {
        key = format!("{plain}-{number}");
        number += 1;
    }
    key
}

fn kebab(name: &str) -> String {
    let mut key = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        let letters = match c {
            'a'..='z' | '0'..='9' => c.to_string(),
            'ä' | 'æ' => "ae".into(),
            'ö' | 'ø' | 'œ' => "oe".into(),
            'ü' => "ue".into(),
            'ß' => "ss".into(),
            'à' | 'á' | 'â' | 'ã' | 'å' => "a".into(),
            'ç' => "c".into(),
            'è' | 'é' | 'ê' | 'ë' => "e".into(),
            'ì' | 'í' | 'î' | 'ï' => "i".into(),
            'ñ' => "n".into(),
            'ò' | 'ó' | 'ô' | 'õ' => "o".into(),
            'ù' | 'ú' | 'û' => "u".into(),
            '\'' | '’' => continue,
            _ => "-".into(),
        };
        if letters != "-" || (!key.is_empty() && !key.ends_with('-')) {
            key.push_str(&letters);
        }
        if key.len() >= LONGEST {
            break;
        }
    }
    key.truncate(LONGEST);
    let key = key.trim_end_matches('-');
    if key.is_empty() {
        "policy".into()
    } else {
        key.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_name_as_a_file_would_be_called() {
        let mut taken = BTreeSet::from(["policy".to_owned()]);
        for (name, key) in [
            (
                "CA010 - Require MFA for Azure management",
                "ca010-require-mfa-for-azure-management",
            ),
            (
                "CA010: Require MFA for Azure management!",
                "ca010-require-mfa-for-azure-management-2",
            ),
            ("[Größe] Don't ask", "groesse-dont-ask"),
            ("日本", "policy-2"),
            ("  --  ", "policy-3"),
        ] {
            assert_eq!(key_of(name, &mut taken), key, "{name}");
        }
        let long = key_of(&"word ".repeat(40), &mut taken);
        assert!(long.len() <= LONGEST && !long.ends_with('-'), "{long}");
    }
}
