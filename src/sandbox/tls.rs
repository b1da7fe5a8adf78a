//! The TLS door: certificates of its own, and a listener that shows them.
//!
//! The authority signs one certificate and its key is then forgotten, so that a client that trusts it
//! trusts this sandbox and nothing else, ever. Authority and certificate end on the same day; when
//! either will not do any more, both are made anew.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::SandboxError;
use crate::store::{Lock, write_atomic, write_private};

/// How long certificates are good for.
const DAYS: i64 = 365;
/// How many of those days must be left for them to be used again.
const DAYS_LEFT: i64 = 7;
/// How long another process may take to make the same certificates.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take over its half of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Where the certificates of a TLS door are kept, and for which names they are good.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The directory of `ca.pem`, `cert.pem`, `key.pem` and `bundle.pem`; created when missing.
    pub directory: PathBuf,
    /// Host names besides `localhost` and the loopback addresses.
    pub hosts: Vec<String>,
}

impl Tls {
    /// The authority that a client has to trust.
    pub fn authority(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Everything that a client trusts already and the authority, for clients that know one file only.
    pub fn bundle(&self) -> PathBuf {
        self.directory.join("bundle.pem")
    }

    /// A listener that shows certificates which are good today.
    pub(super) async fn listener<L: Listener<Addr = SocketAddr>>(
        self,
        listener: L,
        listen: IpAddr,
    ) -> Result<TlsListener<L>, SandboxError> {
        let directory = self.directory.clone();
        let failed = move |problem: String| SandboxError::Tls { directory, problem };
        // Files, a lock and arithmetic: not on the runtime's own threads.
        let prepared =
            tokio::task::spawn_blocking(move || self.prepare(listen, Timestamp::now())).await;
        let config = prepared.map_err(|error| failed.clone()(error.to_string()))??;
        TlsListener::new(listener, config).map_err(|error| failed(error.to_string()))
    }

    /// Reads the certificates, or makes them when they will not do for these names at `now`.
    fn prepare(&self, listen: IpAddr, now: Timestamp) -> Result<Arc<ServerConfig>, SandboxError> {
        let names = self.names(listen);
        let failed = |problem: String| self.failed(problem);
        let _one_at_a_time = Lock::take_within(&self.directory.join("lock"), PATIENCE)
            .map_err(|error| failed(error.to_string()))?;
        let config = match self.read(&names, now) {
            Some(config) => config,
            None => {
                self.make(&names, now)?;
                self.read(&names, now)
                    .ok_or_else(|| failed("the certificates just made are not good".to_owned()))?
            }
        };
        self.write_bundle()
            .map_err(|error| failed(format!("{}: {error}", self.bundle().display())))?;
        Ok(config)
    }

    fn names(&self, listen: IpAddr) -> Vec<String> {
        let mut names = vec![
            "localhost".to_owned(),
            IpAddr::V4(Ipv4Addr::LOCALHOST).to_string(),
            IpAddr::V6(Ipv6Addr::LOCALHOST).to_string(),
        ];
        for name in std::iter::once(listen.to_string()).chain(self.hosts.iter().cloned()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The certificates of the directory, when a client that trusts its authority alone would accept
    /// them for every name, today and for some days more.
    fn read(&self, names: &[String], now: Timestamp) -> Option<Arc<ServerConfig>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let authority = CertificateDer::from_pem_file(self.authority()).ok()?;
        let certificate = CertificateDer::from_pem_file(self.directory.join("cert.pem")).ok()?;
        let key = PrivateKeyDer::from_pem_file(self.directory.join("key.pem")).ok()?;
        let mut trusted = RootCertStore::empty();
        trusted.add(authority).ok()?;
        let client =
            WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider))
                .build()
                .ok()?;
        for at in [now.as_second(), now.as_second() + DAYS_LEFT * 86_400] {
            let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).ok()?));
            for name in names {
                let name = ServerName::try_from(name.as_str()).ok()?;
                client
                    .verify_server_cert(&certificate, &[], &name, &[], at)
                    .ok()?;
            }
        }
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .ok()?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Some(Arc::new(config))
    }

    fn make(&self, names: &[String], now: Timestamp) -> Result<(), SandboxError> {
        for name in names {
            if ServerName::try_from(name.as_str()).is_err() {
                return Err(self.failed(format!("'{name}' is not a host name")));
            }
        }
        let (authority, certificate, key) =
            issue(names, now).map_err(|error| self.failed(error.to_string()))?;
        let write = || -> io::Result<()> {
            let key_path = self.directory.join("key.pem");
            // A file that is there keeps its permissions; this one is to be its owner's alone.
            match std::fs::remove_file(&key_path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            write_private(&key_path, key.as_bytes())?;
            write_atomic(&self.directory.join("cert.pem"), certificate.as_bytes())?;
            write_atomic(&self.authority(), authority.as_bytes())
        };
        write().map_err(|error| self.failed(error.to_string()))
    }

    fn write_bundle(&self) -> io::Result<()> {
        let Some(mut bundle) = self.trusted_already() else {
            return Ok(());
        };
        if !bundle.ends_with(b"\n") {
            bundle.push(b'\n');
        }
        bundle.extend(std::fs::read(self.authority())?);
        write_atomic(&self.bundle(), &bundle)
    }

    /// What programs on this machine trust: the file that the environment names, else the system's.
    fn trusted_already(&self) -> Option<Vec<u8>> {
        const SYSTEM: [&str; 4] = [
            "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/ssl/ca-bundle.pem",
            "/etc/ssl/cert.pem",
        ];
        let own = self.directory.canonicalize().ok();
        let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        named
            .into_iter()
            .chain(SYSTEM.map(PathBuf::from))
            // A bundle made out of itself would grow with every start.
            .filter(|path| {
                let folder = path.canonicalize().ok();
                own.is_none() || folder.as_deref().and_then(Path::parent) != own.as_deref()
            })
            .find_map(|path| std::fs::read(path).ok())
    }

    fn failed(&self, problem: String) -> SandboxError {
        SandboxError::Tls {
            directory: self.directory.clone(),
            problem,
        }
    }
}

/// Signs a certificate for the names by an authority made for it, and returns the authority, the
/// certificate and its key as PEM.
fn issue(names: &[String], now: Timestamp) -> Result<(String, String, String), rcgen::Error> {
    let midnight_in = |days: i64| {
        let date = (now + (24 * days).hours()).to_zoned(TimeZone::UTC).date();
        rcgen::date_time_ymd(
            i32::from(date.year()),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    // From yesterday, for clocks that are behind.
    let (begin, end) = (midnight_in(-1), midnight_in(DAYS));

    let mut authority = CertificateParams::default();
    // A name of its own: clients look an issuer up by name, and one of another folder is a stranger.
    authority.distinguished_name.push(
        DnType::CommonName,
        format!("portcullis sandbox {}", uuid::Uuid::new_v4()),
    );
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (authority.not_before, authority.not_after) = (begin, end);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let mut certificate = CertificateParams::new(names)?;
    certificate
        .distinguished_name
        .push(DnType::CommonName, "portcullis sandbox");
    certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    certificate.use_authority_key_identifier_extension = true;
    (certificate.not_before, certificate.not_after) = (begin, end);
    let key = KeyPair::generate()?;
    let certificate = certificate.signed_by(&key, &authority)?;
    Ok((authority.pem(), certificate.pem(), key.serialize_pem()))
}

/// A listener whose connections have shaken hands already, over one that only accepts them.
///
/// Each handshake runs by itself, so that a client that says nothing keeps nobody waiting.
#[derive(Debug)]
pub(super) struct TlsListener<L: Listener> {
    address: SocketAddr,
    shaken: mpsc::Receiver<(TlsStream<L::Io>, SocketAddr)>,
    accepting: tokio::task::JoinHandle<()>,
}

impl<L: Listener<Addr = SocketAddr>> TlsListener<L> {
    /// Shows the certificates of `config` to whoever connects to `listener`.
    fn new(listener: L, config: Arc<ServerConfig>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (hand_over, shaken) = mpsc::channel(16);
        let accepting = tokio::spawn(accept(listener, TlsAcceptor::from(config), hand_over));
        Ok(Self {
            address,
            shaken,
            accepting,
        })
    }
}

async fn accept<L: Listener<Addr = SocketAddr>>(
    mut listener: L,
    acceptor: TlsAcceptor,
    hand_over: mpsc::Sender<(TlsStream<L::Io>, SocketAddr)>,
) {
    loop {
        let (stream, peer) = listener.accept().await;
        let (acceptor, hand_over) = (acceptor.clone(), hand_over.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let _ = hand_over.send((stream, peer)).await;
                }
                Ok(Err(error)) => tracing::info!("{peer} and the sandbox cannot talk TLS: {error}"),
                Err(_) => tracing::info!("{peer} connected and said nothing"),
            }
        });
    }
}

impl<L: Listener<Addr = SocketAddr>> Listener for TlsListener<L> {
    type Io = TlsStream<L::Io>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.shaken.recv().await {
            Some(connection) => connection,
            // The accepting task ends with this listener and not before.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

impl<L: Listener> Drop for TlsListener<L> {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LISTEN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn tls(directory: &Path, hosts: &[&str]) -> Tls {
        Tls {
            directory: directory.to_owned(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        }
    }

    fn at(date: &str) -> Timestamp {
        format!("{date}T12:00:00Z").parse().unwrap()
    }

    fn authority(tls: &Tls) -> String {
        std::fs::read_to_string(tls.authority()).unwrap()
    }

    /// What a client that trusts the authority says to a name at a time.
    fn accepts(tls: &Tls, name: &str, date: &str) -> bool {
        let mut trusted = RootCertStore::empty();
        trusted
            .add(CertificateDer::from_pem_file(tls.authority()).unwrap())
            .unwrap();
        let seconds = u64::try_from(at(date).as_second()).unwrap();
        WebPkiServerVerifier::builder_with_provider(
            Arc::new(trusted),
            Arc::new(rustls::crypto::ring::default_provider()),
        )
        .build()
        .unwrap()
        .verify_server_cert(
            &CertificateDer::from_pem_file(tls.directory.join("cert.pem")).unwrap(),
            &[],
            &ServerName::try_from(name).unwrap(),
            &[],
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        )
        .is_ok()
    }

    #[test]
    fn a_certificate_is_good_for_its_names_and_its_year() {
        let directory = tempfile::tempdir().unwrap();
        let tls = tls(directory.path(), &["graph.microsoft.com"]);
        tls.prepare("127.0.0.5".parse().unwrap(), at("2026-11-20"))
            .unwrap();
        for name in [
            "localhost",
            "127.0.0.1",
            "::1",
            "127.0.0.5",
            "graph.microsoft.com",
        ] {
            assert!(accepts(&tls, name, "2026-11-20"), "{name}");
        }
        for name in ["login.microsoftonline.com", "127.0.0.6"] {
            assert!(!accepts(&tls, name, "2026-11-20"), "{name}");
        }
        assert!(accepts(&tls, "localhost", "2027-11-19"));
        assert!(!accepts(&tls, "localhost", "2027-11-20"));
        assert!(!accepts(&tls, "localhost", "2026-11-18"));
    }

    #[test]
    fn certificates_are_used_again_until_they_will_not_do() {
        let directory = tempfile::tempdir().unwrap();
        let plain = tls(directory.path(), &[]);
        plain.prepare(LISTEN, at("2026-11-20")).unwrap();
        let first = authority(&plain);
        plain.prepare(LISTEN, at("2027-11-12")).unwrap();
        assert_eq!(authority(&plain), first);
        // Six days are left.
        plain.prepare(LISTEN, at("2027-11-14")).unwrap();
        let second = authority(&plain);
        assert_ne!(second, first);
        // A name more, and then a name less.
        let named = tls(directory.path(), &["graph.example"]);
        named.prepare(LISTEN, at("2027-11-14")).unwrap();
        let third = authority(&named);
        assert_ne!(third, second);
        plain.prepare(LISTEN, at("2027-11-14")).unwrap();
        assert_eq!(authority(&plain), third);
        // Another certificate's key.
        let other = tempfile::tempdir().unwrap();
        tls(other.path(), &[])
            .prepare(LISTEN, at("2027-11-14"))
            .unwrap();
        std::fs::copy(
            other.path().join("key.pem"),
            directory.path().join("key.pem"),
        )
        .unwrap();
        plain.prepare(LISTEN, at("2027-11-14")).unwrap();
        assert_ne!(authority(&plain), third);
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key.pem");
        std::fs::write(&key, "not a key").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        tls(directory.path(), &[])
            .prepare(LISTEN, at("2026-11-20"))
            .unwrap();
        let mode = std::fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_bundle_ends_with_the_authority_and_does_not_grow() {
        let directory = tempfile::tempdir().unwrap();
        let tls = tls(directory.path(), &[]);
        tls.prepare(LISTEN, at("2026-11-20")).unwrap();
        let Ok(bundle) = std::fs::read_to_string(tls.bundle()) else {
            println!("skipped: this machine has no bundle of authorities");
            return;
        };
        assert!(bundle.ends_with(&authority(&tls)));
        assert!(bundle.matches("BEGIN CERTIFICATE").count() > 1);
        tls.prepare(LISTEN, at("2026-11-20")).unwrap();
        assert_eq!(std::fs::read_to_string(tls.bundle()).unwrap(), bundle);
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let error = tls(directory.path(), &["two words"])
            .prepare(LISTEN, at("2026-11-20"))
            .unwrap_err();
        assert!(
            error.to_string().contains("'two words' is not a host name"),
            "{error}"
        );
    }
}
