//! Client assertions signed with the key of a certificate; no OpenSSL.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::Error;
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PSS_SHA256, RsaKeyPair};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::tenant::{TenantError, TenantErrorKind};

/// How long an assertion is good for, in seconds.
const LIFETIME: i64 = 600;

/// A certificate with its key, ready to sign for one application.
#[derive(Clone)]
pub(super) struct Certificate {
    key: Arc<Key>,
    thumbprint: String,
    client_id: String,
    audience: String,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("thumbprint", &self.thumbprint)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads a PEM file; `audience` is the token endpoint.
    pub(super) fn load(path: &str, client_id: &str, audience: &str) -> Result<Self, TenantError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            failed(format!(
                "AZURE_CLIENT_CERTIFICATE_PATH: {path} cannot be read: {error}"
            ))
        })?;
        Self::from_pem(&text, client_id, audience).map_err(|error| TenantError {
            message: format!("AZURE_CLIENT_CERTIFICATE_PATH: {path}: {}", error.message),
            ..error
        })
    }

    fn from_pem(text: &str, client_id: &str, audience: &str) -> Result<Self, TenantError> {
        let mut certificate = None;
        let mut key = None;
        for (label, der) in blocks(text) {
            match label {
                // The first certificate is the application's own; a chain may follow.
                "CERTIFICATE" => certificate = certificate.or(Some(der?)),
                "PRIVATE KEY" => key = Some(pkcs8(&der?)?),
                "RSA PRIVATE KEY" => key = Some(rsa(RsaKeyPair::from_der(&der?))?),
                "EC PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => {
                    return Err(
                        failed(format!("the key is a \"{label}\", which is not read")).hint(
                            "Convert it: openssl pkcs8 -topk8 -nocrypt -in old.pem -out key.pem",
                        ),
                    );
                }
                _ => {}
            }
        }
        let certificate = certificate.ok_or_else(|| failed("it holds no CERTIFICATE".into()))?;
        let key = key.ok_or_else(|| {
            failed("it holds no PRIVATE KEY".into())
                .hint("The file needs both the certificate and its key, one after the other")
        })?;
        Ok(Self {
            key: Arc::new(key),
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)),
            client_id: client_id.to_owned(),
            audience: audience.to_owned(),
        })
    }

    /// A signed assertion that is good from `now`.
    fn assertion(&self, now: Timestamp) -> Result<String, TenantError> {
        let algorithm = match *self.key {
            Key::Rsa(_) => "PS256",
            Key::Ec(_) => "ES256",
        };
        let header = json!({"alg": algorithm, "typ": "JWT", "x5t#S256": self.thumbprint});
        let now = now.as_second();
        let claims = json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": Uuid::new_v4().to_string(),
            "nbf": now,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let random = SystemRandom::new();
        let unsigned = |_| failed("the key does not sign".into());
        let signature = match &*self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature)
                    .map_err(unsigned)?;
                signature
            }
            Key::Ec(key) => key
                .sign(&random, signed.as_bytes())
                .map_err(unsigned)?
                .as_ref()
                .to_vec(),
        };
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[async_trait]
impl ClientAssertion for Certificate {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.assertion(Timestamp::now())
            .map_err(|error| Error::with_message(ErrorKind::Credential, error.message))
    }
}

fn pkcs8(der: &[u8]) -> Result<Key, TenantError> {
    if let Ok(key) = RsaKeyPair::from_pkcs8(der) {
        return Ok(Key::Rsa(Box::new(key)));
    }
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
        .map(|key| Key::Ec(Box::new(key)))
        .map_err(|_| failed("the key is neither RSA of 2048 bits or more nor EC on P-256".into()))
}

fn rsa(key: Result<RsaKeyPair, ring::error::KeyRejected>) -> Result<Key, TenantError> {
    key.map(|key| Key::Rsa(Box::new(key)))
        .map_err(|error| failed(format!("the RSA key is refused: {error}")))
}

/// The blocks of a PEM file: label and content.
fn blocks(text: &str) -> Vec<(&str, Result<Vec<u8>, TenantError>)> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, after)) = after.split_once("-----") else {
            break;
        };
        let Some((body, after)) = after.split_once(&format!("-----END {label}-----")) else {
            break;
        };
        let body: String = body.split_whitespace().collect();
        let der = STANDARD
            .decode(body)
            .map_err(|_| failed(format!("the block \"{label}\" is not base64")));
        blocks.push((label, der));
        rest = after;
    }
    blocks
}

fn failed(message: String) -> TenantError {
    TenantError::new(TenantErrorKind::SignIn, message)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, KeyPair as _, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
    };
    use serde_json::Value;

    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    fn parts(assertion: &str) -> (Value, Value, &str, Vec<u8>) {
        let (signed, signature) = assertion.rsplit_once('.').expect("a signature");
        let (header, claims) = signed.split_once('.').expect("two parts");
        let json = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64");
            serde_json::from_slice(&bytes).expect("JSON")
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        (json(header), json(claims), signed, signature)
    }

    #[test]
    fn an_ec_key_signs_es256() {
        let key =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .expect("a key");
        let text = pem("PRIVATE KEY", key.as_ref()) + &pem("CERTIFICATE", b"der");
        let certificate = Certificate::from_pem(&text, "app", "https://login/token").expect("read");
        let now: Timestamp = "2026-11-02T08:00:00Z".parse().expect("a time");
        let assertion = certificate.assertion(now).expect("signed");
        let (header, claims, signed, signature) = parts(&assertion);
        assert_eq!(header["alg"], "ES256");
        assert_eq!(
            header["x5t#S256"],
            URL_SAFE_NO_PAD.encode(Sha256::digest(b"der"))
        );
        assert_eq!(claims["aud"], "https://login/token");
        assert_eq!(claims["iss"], "app");
        assert_eq!(claims["sub"], "app");
        assert_eq!(claims["exp"], now.as_second() + LIFETIME);
        let Key::Ec(key) = &*certificate.key else {
            panic!("an EC key")
        };
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .expect("a good signature");
        assert!(!format!("{certificate:?}").contains("PRIVATE"));
    }

    #[test]
    fn an_rsa_key_signs_ps256_in_both_encodings() {
        // ring makes no RSA keys, so this one runs only where openssl is.
        let run = |arguments: &[&str]| {
            Command::new("openssl")
                .args(arguments)
                .output()
                .ok()
                .filter(|output| output.status.success())
                .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let Some(pkcs8) = run(&[
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ]) else {
            return;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key.pem");
        std::fs::write(&file, &pkcs8).expect("written");
        let path = file.display().to_string();
        let pkcs1 = run(&["rsa", "-in", &path, "-traditional"]).expect("converted");
        assert!(pkcs1.contains("BEGIN RSA PRIVATE KEY"));
        for key in [pkcs8, pkcs1] {
            let text = pem("CERTIFICATE", b"der") + &key;
            let certificate = Certificate::from_pem(&text, "app", "aud").expect("read");
            let assertion = certificate.assertion(Timestamp::now()).expect("signed");
            let (header, _, signed, signature) = parts(&assertion);
            assert_eq!(header["alg"], "PS256");
            let Key::Rsa(key) = &*certificate.key else {
                panic!("an RSA key")
            };
            UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public().as_ref())
                .verify(signed.as_bytes(), &signature)
                .expect("a good signature");
        }
    }

    #[test]
    fn files_that_cannot_be_used_say_why() {
        for (text, why) in [
            (String::new(), "no CERTIFICATE"),
            (pem("CERTIFICATE", b"x"), "no PRIVATE KEY"),
            (pem("ENCRYPTED PRIVATE KEY", b"x"), "ENCRYPTED"),
            (pem("PRIVATE KEY", b"x"), "neither RSA"),
        ] {
            let error = Certificate::from_pem(&text, "app", "aud").expect_err(why);
            assert!(error.message.contains(why), "{}", error.message);
        }
    }
}
