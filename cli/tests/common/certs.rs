//! Certificates as `headwater certs` makes them, and one that is over, which it does not make.

use std::path::PathBuf;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, date_time_ymd};

use super::{Dir, Ran, finish, headwater, start};

pub(crate) fn run(args: &[&str]) -> Ran {
    finish(start(&mut headwater(args)), b"")
}

/// Makes a CA in a directory, and certificates with these names.
pub(crate) fn make_certs(dir: &Dir, name: &str, names: &[&str]) {
    let at = dir.file(name).display().to_string();
    assert_eq!(run(&["certs", "ca", "--out", &at]).code, 0);
    for name in names {
        assert_eq!(run(&["certs", "node", "--ca", &at, "--name", name, "--out", &at]).code, 0);
    }
}

/// A client's certificate `old` of the CA in `certs`, whose time is over.
pub(crate) fn make_expired(dir: &Dir) {
    let file = |name: &str| -> PathBuf { dir.file("certs").join(name) };
    let ca_key = KeyPair::from_pem(&std::fs::read_to_string(file("ca.key")).expect("a file")).expect("a key");
    let mut ca = CertificateParams::default();
    let id = ca.key_identifier(&ca_key);
    let name = id.iter().take(8).fold("Headwater CA ".to_owned(), |name, byte| format!("{name}{byte:02x}"));
    ca.distinguished_name.remove(DnType::CommonName);
    ca.distinguished_name.push(DnType::CommonName, name);
    let mut params = CertificateParams::new(["old".to_owned()]).expect("a name");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key)).expect("it is signed");
    std::fs::write(file("old.pem"), certificate.pem()).expect("a file");
    std::fs::write(file("old.key"), key.serialize_pem()).expect("a file");
}
