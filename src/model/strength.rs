//! Authentication strengths: which combinations of methods are strong enough (contract section 2.3).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Id;
use super::words::words;

/// An authentication strength.
///
/// Serialises to the Graph JSON it was read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Strength {
    /// Its id.
    pub id: Id,
    /// Its display name.
    pub name: String,
    /// Whether it comes with the service; `None` when that was not said.
    pub policy_type: Option<StrengthType>,
    /// Whether fulfilling it fulfils MFA too, by Graph's own summary; `None` when that was not said.
    pub requirements_satisfied: Option<bool>,
    /// The combinations it accepts; `None` when they were not read.
    pub allowed: Option<BTreeSet<Combination>>,
    /// Which keys or certificates a combination must use, as it was read; the names of the combinations
    /// that are limited so are in [`Self::limited`].
    pub configurations: Vec<Value>,
    /// The combinations that `configurations` limits further.
    pub limited: BTreeSet<Combination>,
    /// What the service holds beyond the model, by dotted path.
    pub unmodelled: BTreeMap<String, Value>,
    /// The JSON as it was read.
    pub raw: Value,
}

impl Strength {
    /// Whether fulfilling it fulfils MFA too (audit rule G3): every combination does.
    ///
    /// `None` when neither the combinations nor Graph's summary tell.
    pub fn satisfies_mfa(&self) -> Option<bool> {
        let by_combinations = self
            .allowed
            .as_ref()
            .filter(|all| !all.is_empty())
            .and_then(|all| {
                let each: Vec<_> = all.iter().map(Combination::is_mfa).collect();
                if each.contains(&Some(false)) {
                    Some(false)
                } else {
                    each.iter().all(Option::is_some).then_some(true)
                }
            });
        by_combinations.or(self.requirements_satisfied)
    }
}

words! {
    /// Whose strength it is.
    StrengthType {
        /// It comes with the service.
        BuiltIn = "builtIn" / "built-in",
        /// The tenant made it.
        Custom = "custom" / "custom",
    }
}

words! {
    /// A way to authenticate, alone or as a part of a [`Combination`].
    Method {
        /// A password.
        Password = "password" / "password",
        /// A call.
        Voice = "voice" / "voice",
        /// A hardware token.
        HardwareOath = "hardwareOath" / "hardware-oath",
        /// A software token.
        SoftwareOath = "softwareOath" / "software-oath",
        /// A text message.
        Sms = "sms" / "sms",
        /// A passkey.
        Fido2 = "fido2" / "fido2",
        /// Windows Hello for Business.
        WindowsHello = "windowsHelloForBusiness" / "windows-hello-for-business",
        /// A push to the Authenticator app.
        AuthenticatorPush = "microsoftAuthenticatorPush" / "microsoft-authenticator-push",
        /// Passwordless sign-in with the Authenticator app.
        DeviceBasedPush = "deviceBasedPush" / "device-based-push",
        /// A temporary access pass for one use.
        AccessPassOnce = "temporaryAccessPassOneTime" / "temporary-access-pass-one-time",
        /// A temporary access pass for several uses.
        AccessPassMany = "temporaryAccessPassMultiUse" / "temporary-access-pass-multi-use",
        /// A code by mail.
        Email = "email" / "email",
        /// A certificate as one factor.
        CertificateSingle = "x509CertificateSingleFactor" / "x509-certificate-single-factor",
        /// A certificate as several factors.
        CertificateMulti = "x509CertificateMultiFactor" / "x509-certificate-multi-factor",
        /// One factor, checked by a federated provider.
        FederatedSingle = "federatedSingleFactor" / "federated-single-factor",
        /// Several factors, checked by a federated provider.
        FederatedMulti = "federatedMultiFactor" / "federated-multi-factor",
        /// A QR code and a PIN.
        QrCodePin = "qrCodePin" / "qr-code-pin",
    }
}

/// Methods that are used together, such as a password and a text message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Combination(BTreeSet<Method>);

impl Combination {
    /// Reads Graph's spelling: methods joined by commas (contract section 2.3).
    pub fn from_wire(wire: &str) -> Self {
        let methods = wire
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        Self(methods.map(Method::from_wire).collect())
    }

    /// Its methods.
    pub fn methods(&self) -> impl Iterator<Item = &Method> {
        self.0.iter()
    }

    /// Whether it is multifactor authentication: one of the nineteen of the built-in strength (contract
    /// section 2.3). `None` when a method is not known to this version.
    pub fn is_mfa(&self) -> Option<bool> {
        use Method::{
            AccessPassMany, AccessPassOnce, AuthenticatorPush, CertificateMulti, CertificateSingle,
            DeviceBasedPush, FederatedMulti, FederatedSingle, Fido2, HardwareOath, Password, Sms,
            SoftwareOath, Voice, WindowsHello,
        };
        let mut second = None;
        let (mut password, mut federated, mut unknown) = (false, false, false);
        for method in &self.0 {
            match method {
                WindowsHello | Fido2 | CertificateMulti | DeviceBasedPush | AccessPassOnce
                | AccessPassMany | FederatedMulti => return Some(true),
                Password => password = true,
                FederatedSingle => federated = true,
                AuthenticatorPush | SoftwareOath | HardwareOath | Sms | Voice
                | CertificateSingle => second = Some(method),
                Method::Email | Method::QrCodePin => {}
                Method::Unknown(_) => unknown = true,
            }
        }
        let mfa = match second {
            None => false,
            Some(CertificateSingle) => password,
            Some(_) => password || federated,
        };
        if unknown && !mfa { None } else { Some(mfa) }
    }
}

impl std::fmt::Display for Combination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, method) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" + ")?;
            }
            f.write_str(method.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nineteen_combinations_are_mfa_and_single_factors_are_not() {
        // Contract section 2.3.
        for wire in [
            "windowsHelloForBusiness",
            "fido2",
            "x509CertificateMultiFactor",
            "deviceBasedPush",
            "temporaryAccessPassOneTime",
            "temporaryAccessPassMultiUse",
            "password,microsoftAuthenticatorPush",
            "password,softwareOath",
            "password,hardwareOath",
            "password,x509CertificateSingleFactor",
            "password, x509CertificateMultiFactor",
            "password,sms",
            "password,voice",
            "federatedMultiFactor",
            "microsoftAuthenticatorPush,federatedSingleFactor",
            "softwareOath,federatedSingleFactor",
            "hardwareOath,federatedSingleFactor",
            "sms,federatedSingleFactor",
            "voice,federatedSingleFactor",
        ] {
            assert_eq!(Combination::from_wire(wire).is_mfa(), Some(true), "{wire}");
        }
        for wire in [
            "password",
            "sms",
            "federatedSingleFactor",
            "x509CertificateSingleFactor",
            "x509CertificateSingleFactor,federatedSingleFactor",
            "qrCodePin",
            "email",
            "password,email",
            "",
        ] {
            assert_eq!(Combination::from_wire(wire).is_mfa(), Some(false), "{wire}");
        }
        assert_eq!(Combination::from_wire("password,telepathy").is_mfa(), None);
    }
}
