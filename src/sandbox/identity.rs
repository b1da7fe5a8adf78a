//! Which tenant: its id, its name and its domain, and the ids that belong to it.

use uuid::Uuid;

use super::{DOMAIN, TENANT_ID, TENANT_NAME};

/// The namespace of every id that the first tenant makes, and of the ids of the others.
const NAMESPACE: Uuid = Uuid::from_u128(0x7c2f_5d1e_93a4_4b0c_8e67_1d5a_f3b2_9c48);

/// One of the tenants that a sandbox serves.
///
/// Tenants are numbered from 1, and a number always means the same tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub id: String,
    /// The name of its organisation.
    pub name: String,
    /// Its verified domain.
    pub domain: String,
    namespace: Uuid,
}

impl Identity {
    /// The tenant with a number; 1 is the one that every sandbox has.
    pub fn of(number: usize) -> Self {
        if number <= 1 {
            return Self {
                id: TENANT_ID.to_owned(),
                name: TENANT_NAME.to_owned(),
                domain: DOMAIN.to_owned(),
                namespace: NAMESPACE,
            };
        }
        let namespace = Uuid::new_v5(&NAMESPACE, format!("tenant {number}").as_bytes());
        Self {
            id: namespace.to_string(),
            name: format!("{TENANT_NAME} {number}"),
            domain: DOMAIN.replacen("sandbox", &format!("sandbox{number}"), 1),
            namespace,
        }
    }

    /// Whether a path of the login half means this tenant: its id or its domain.
    pub(super) fn answers_to(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(&self.id) || name.eq_ignore_ascii_case(&self.domain)
    }

    /// What numbers about this tenant are drawn with.
    pub(super) fn key(&self) -> u64 {
        let (high, low) = self.namespace.as_u64_pair();
        high ^ low
    }

    /// The id that belongs to a name in this tenant, always the same.
    pub(super) fn id_of(&self, name: &str) -> String {
        Uuid::new_v5(&self.namespace, name.as_bytes()).to_string()
    }
}

/// The id of the tenant that a domain of somebody else belongs to.
pub(super) fn home_tenant(domain: &str) -> String {
    Uuid::new_v5(&NAMESPACE, format!("home {domain}").as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_always_the_same_tenant_and_tenants_share_no_id() {
        let (first, second) = (Identity::of(1), Identity::of(2));
        assert_eq!(first.id, "5a4db0c5-7c0e-4d5f-9b1e-3f2a6c8d7e10");
        assert_eq!(second.domain, "sandbox2.onmicrosoft.example");
        assert_eq!(second, Identity::of(2));
        assert_ne!(second.id, Identity::of(3).id);
        assert_ne!(first.id_of("user ca.admin"), second.id_of("user ca.admin"));
        assert!(second.answers_to("SANDBOX2.onmicrosoft.example"));
        assert!(!first.answers_to("sandbox2.onmicrosoft.example"));
    }
}
