//! Why a connection was not let in, and how often that happened.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::CertificateError;

/// Why a connection was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It showed a certificate that no CA of ours signed, or that is not for clients.
    UnknownCertificate,
    /// It showed a certificate whose time is over, or has not come.
    ExpiredCertificate,
    /// It showed no certificate.
    NoCertificate,
    /// What it said is not TLS.
    NotTls,
    /// Its handshake took more than 5 s.
    Late,
    /// There were as many connections or handshakes as may be.
    TooMany,
    /// It went away, does not trust us, or speaks another version.
    Other,
}

impl Refusal {
    const ALL: [Refusal; 7] = [
        Refusal::UnknownCertificate,
        Refusal::ExpiredCertificate,
        Refusal::NoCertificate,
        Refusal::NotTls,
        Refusal::Late,
        Refusal::TooMany,
        Refusal::Other,
    ];

    /// Its name among the metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Refusal::UnknownCertificate => "unknown_certificate",
            Refusal::ExpiredCertificate => "expired_certificate",
            Refusal::NoCertificate => "no_certificate",
            Refusal::NotTls => "not_tls",
            Refusal::Late => "late",
            Refusal::TooMany => "too_many",
            Refusal::Other => "other",
        }
    }

    /// What a handshake ended with.
    pub(super) fn of(error: &io::Error) -> Self {
        use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
        let Some(error) = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) else {
            return Refusal::Other;
        };
        match error {
            rustls::Error::InvalidCertificate(why) => match why {
                Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => {
                    Refusal::ExpiredCertificate
                }
                _ => Refusal::UnknownCertificate,
            },
            rustls::Error::NoCertificatesPresented => Refusal::NoCertificate,
            rustls::Error::InvalidMessage(_)
            | rustls::Error::InappropriateMessage { .. }
            | rustls::Error::InappropriateHandshakeMessage { .. } => Refusal::NotTls,
            _ => Refusal::Other,
        }
    }
}

/// How often each happened.
#[derive(Default)]
pub(crate) struct Refusals([AtomicU64; Refusal::ALL.len()]);

impl Refusals {
    pub(crate) fn count(&self, refusal: Refusal) {
        self.0[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Each with its count.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Refusal, u64)> {
        Refusal::ALL.into_iter().map(|refusal| (refusal, self.0[refusal as usize].load(Ordering::Relaxed)))
    }
}
