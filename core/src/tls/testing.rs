//! Certificates for tests, in a directory that goes with them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};

use super::Tls;
use crate::certs::CertFiles;
use crate::clock::{Clock, SystemClock};

/// A CA and what it signed, in files.
pub(crate) struct Certs {
    dir: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Certs {
    pub(crate) fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("headwater-tls-{:016x}", SystemClock.random()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "a CA");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
        std::fs::write(dir.join("ca.pem"), issuer.pem()).expect("a file");
        Certs { dir, issuer }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Signs a certificate that is over after so many days since 1970.
    pub(crate) fn issue(&self, name: &str, days: u64) {
        let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(hosts).expect("names");
        params.not_before = date_time_ymd(1970, 1, 1);
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(days * 86_400);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("it is signed");
        std::fs::write(self.file(&format!("{name}.pem")), certificate.pem()).expect("a file");
        std::fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).expect("a file");
    }

    /// One that is good, or was when it was signed.
    pub(crate) fn tls(&self, name: &str, days: u64) -> Tls {
        self.issue(name, days);
        self.load(name).expect("good files")
    }

    pub(crate) fn load(&self, name: &str) -> crate::error::Result<Tls> {
        Tls::load(&self.files(name))
    }

    pub(crate) fn files(&self, name: &str) -> CertFiles {
        let file = |name: String| self.file(&name);
        CertFiles { ca: file("ca.pem".into()), cert: file(format!("{name}.pem")), key: file(format!("{name}.key")) }
    }

    /// Puts another one's CA in the place of the own one's file, which changes nothing of what was signed.
    pub(crate) fn trust(&self, other: &Certs) {
        std::fs::copy(other.file("ca.pem"), self.file("ca.pem")).expect("a file");
    }
}

impl Drop for Certs {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.dir));
    }
}

/// Days since 1970 that are not over in this century.
pub(crate) const FOR_LONG: u64 = 40_000;
