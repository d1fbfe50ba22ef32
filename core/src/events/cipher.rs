//! What keeps data from who may not read it any more: AES-256-GCM with a key for each data subject, by `ring`.
//!
//! Keys and nonces are drawn from the randomness of the operating system (`ring::rand::SystemRandom`), and not from the
//! engine's clock, as everything else is: that one is fit for ids alone, and a simulation repeats it. Nothing that is
//! decided depends on these bits.
//!
//! A ciphertext is bound to what it is about (the place and the names of its event), so that it can't be passed off as
//! another's. It knows neither events nor buckets. Without the feature `shredding` it refuses everything.

use crate::error::{Error, ErrorKind, Result};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of the name of a key, by which another key is told from damage.
pub(super) const ID_BYTES: usize = 8;
/// What stands before a ciphertext, and the tag behind it.
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// The first byte of what is encrypted, and of a key as it is kept: the version of the layout.
const LAYOUT: u8 = 1;
/// What encrypting adds to the data of an event: layout, name of the key, nonce and tag.
pub(super) const SEALED_BYTES: usize = 1 + ID_BYTES + NONCE_BYTES + TAG_BYTES;

/// A key of a data subject.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) id: [u8; ID_BYTES],
    bytes: [u8; KEY_BYTES],
}

/// What opening came to.
pub(super) enum Unsealed {
    Data(Vec<u8>),
    /// It was sealed with another key.
    OtherKey,
    Damaged,
}

impl Key {
    /// A new one.
    pub(super) fn new() -> Result<Self> {
        let mut key = Key { id: [0; ID_BYTES], bytes: [0; KEY_BYTES] };
        imp::fill(&mut key.id)?;
        imp::fill(&mut key.bytes)?;
        Ok(key)
    }

    /// As it is kept.
    pub(super) fn encode(&self) -> Vec<u8> {
        [&[LAYOUT], self.id.as_slice(), self.bytes.as_slice()].concat()
    }

    /// What was kept; `None` when that is no key.
    pub(super) fn decode(kept: &[u8]) -> Option<Self> {
        let (id, bytes) = kept.strip_prefix(&[LAYOUT])?.split_first_chunk::<ID_BYTES>()?;
        Some(Key { id: *id, bytes: bytes.try_into().ok()? })
    }

    /// Encrypts data that is bound to `about`.
    pub(super) fn seal(&self, about: &[u8], data: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(data.len() + SEALED_BYTES);
        out.push(LAYOUT);
        out.extend_from_slice(&self.id);
        imp::seal(&self.bytes, about, data, &mut out)?;
        Ok(out)
    }

    /// Decrypts what [`Key::seal`] made.
    pub(super) fn open(&self, about: &[u8], sealed: &[u8]) -> Unsealed {
        let parts = sealed.strip_prefix(&[LAYOUT]).and_then(<[u8]>::split_first_chunk::<ID_BYTES>);
        match parts {
            Some((id, _)) if *id != self.id => Unsealed::OtherKey,
            Some((_, rest)) => imp::open(&self.bytes, about, rest).map_or(Unsealed::Damaged, Unsealed::Data),
            None => Unsealed::Damaged,
        }
    }

    /// The key that all of these together make, in this order: HKDF with SHA-256.
    pub(super) fn of_all(keys: &[&Key]) -> Result<Self> {
        let secret: Vec<u8> = keys.iter().flat_map(|key| key.bytes).collect();
        Ok(Key { id: [0; ID_BYTES], bytes: imp::derive(&secret)? })
    }
}

/// Refuses where nothing can be encrypted or decrypted.
pub(super) fn check() -> Result<()> {
    if cfg!(feature = "shredding") { Ok(()) } else { Err(unsupported()) }
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, "events with a data subject need a build with the feature 'shredding'")
}

#[cfg(feature = "shredding")]
mod imp {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
    use ring::rand::{SecureRandom, SystemRandom};

    use super::{KEY_BYTES, NONCE_BYTES};
    use crate::error::{Error, ErrorKind, Result};

    /// What derived keys are for: another purpose has another text.
    const SALT: &[u8] = b"headwater snapshot 1";

    struct Derived;

    impl KeyType for Derived {
        fn len(&self) -> usize {
            KEY_BYTES
        }
    }

    fn failed(what: &str) -> impl Fn(ring::error::Unspecified) -> Error {
        move |_| Error::new(ErrorKind::Internal, format!("{what} failed"))
    }

    pub(super) fn fill(bytes: &mut [u8]) -> Result<()> {
        let none = |_| Error::new(ErrorKind::Io, "the operating system has no random bits for a key");
        SystemRandom::new().fill(bytes).map_err(none)
    }

    pub(super) fn derive(secret: &[u8]) -> Result<[u8; KEY_BYTES]> {
        let mut key = [0; KEY_BYTES];
        let prk = Salt::new(HKDF_SHA256, SALT).extract(secret);
        prk.expand(&[], Derived).and_then(|okm| okm.fill(&mut key)).map_err(failed("deriving a key"))?;
        Ok(key)
    }

    /// Appends nonce, ciphertext and tag.
    pub(super) fn seal(key: &[u8; KEY_BYTES], about: &[u8], data: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut nonce = [0; NONCE_BYTES];
        fill(&mut nonce)?;
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(data);
        let key = of(key).map_err(failed("encrypting"))?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(about), &mut out[start..]);
        out.extend_from_slice(sealed.map_err(failed("encrypting"))?.as_ref());
        Ok(())
    }

    /// Of nonce, ciphertext and tag, the data; `None` when one of them, or what it is about, is not as it was.
    pub(super) fn open(key: &[u8; KEY_BYTES], about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let mut data = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let len = of(key).ok()?.open_in_place(nonce, Aad::from(about), &mut data).ok()?.len();
        data.truncate(len);
        Some(data)
    }

    fn of(key: &[u8; KEY_BYTES]) -> Result<LessSafeKey, ring::error::Unspecified> {
        UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new)
    }
}

#[cfg(not(feature = "shredding"))]
mod imp {
    use super::{KEY_BYTES, unsupported};
    use crate::error::Result;

    pub(super) fn fill(_: &mut [u8]) -> Result<()> {
        Err(unsupported())
    }

    pub(super) fn derive(_: &[u8]) -> Result<[u8; KEY_BYTES]> {
        Err(unsupported())
    }

    pub(super) fn seal(_: &[u8; KEY_BYTES], _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<()> {
        Err(unsupported())
    }

    pub(super) fn open(_: &[u8; KEY_BYTES], _: &[u8], _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
