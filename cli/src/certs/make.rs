//! Certificates made: ECDSA on P-256. A CA's name says a part of its key's digest, so that two CAs are never taken for
//! each other, and that the CA of a key can be named again without reading its certificate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headwater::ErrorKind;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::failure::{Done, Failure};
use crate::text::hex;

const DAY_SECONDS: u64 = 86_400;
/// It is good for so long already, for machines whose clocks are behind.
const BEFORE_SECONDS: u64 = 3_600;
/// Bytes of the digest of its key that the name of a CA has.
const NAME_BYTES: usize = 8;

/// A certificate and its key, in PEM.
pub(super) struct Pair {
    pub(super) cert: String,
    pub(super) key: String,
}

fn failed(error: rcgen::Error) -> Failure {
    Failure::new(ErrorKind::Invalid, error.to_string())
}

/// A CA.
pub(super) fn ca(days: u32) -> Done<Pair> {
    let key = KeyPair::generate().map_err(failed)?;
    let params = good_for(ca_params(&key), days);
    let cert = params.self_signed(&key).map_err(failed)?;
    Ok(Pair { cert: cert.pem(), key: key.serialize_pem() })
}

/// The certificate of a node or client, signed by a CA.
pub(super) fn node(ca: &str, ca_key: &str, name: &str, hosts: Vec<String>, days: u32) -> Done<Pair> {
    let usage = |what: String| Failure::usage(what);
    let ca_key = KeyPair::from_pem(ca_key).map_err(|e| usage(format!("ca.key has no private key: {e}")))?;
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).map_err(|e| usage(format!("ca.pem: {e}")))?;
    let has = |part: &[u8]| ca.windows(part.len()).any(|window| window == part);
    if !has(ca_key.public_key_raw()) || !has(ca_name(&ca_key).as_bytes()) {
        return Err(usage("ca.pem and ca.key are not one CA that 'headwater certs ca' made".to_owned()));
    }
    let mut names = vec![name.to_owned()];
    names.extend(hosts.into_iter().filter(|host| host != name));
    let mut params = good_for(CertificateParams::new(names).map_err(failed)?, days);
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().map_err(failed)?;
    let issuer = Issuer::new(ca_params(&ca_key), ca_key);
    let cert = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok(Pair { cert: cert.pem(), key: key.serialize_pem() })
}

/// What the CA of a key is called.
fn ca_name(key: &KeyPair) -> String {
    let id = CertificateParams::default().key_identifier(key);
    format!("Headwater CA {}", hex(&id[..id.len().min(NAME_BYTES)]))
}

fn ca_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, ca_name(key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn good_for(mut params: CertificateParams, days: u32) -> CertificateParams {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let at = |seconds: u64| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    params.not_before = at(now.saturating_sub(BEFORE_SECONDS));
    params.not_after = at(now + u64::from(days) * DAY_SECONDS);
    params
}
