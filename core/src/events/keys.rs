//! The keys of data subjects: who is forgotten has none any more, and with it goes all that was encrypted with it.
//!
//! They are the values of a bucket, `EVENTKEYS_<store>`, which is made when the first one is needed. A key is made by
//! whoever saves about its data subject first, and never changes; after a `forget` the next save makes another one.
//! Nobody keeps keys longer than one call takes, so that a `forget` holds at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::stream::bucket::{self, Bucket, BucketConfig, Entry};
use crate::subject::{decode_token, encode_token};

use super::cipher::{self, Key};
use super::names::check_data_subject;
use super::store::{EventStore, if_there};

/// Keys by data subject.
pub(super) type Keys = BTreeMap<String, Key>;

impl EventStore {
    /// Forgets a data subject: its key is gone, and its bytes are taken from where they were kept. Events about it read
    /// as erased from then on, wherever they are, and snapshots that have some of its data are passed over. False when
    /// it had no key.
    ///
    /// Copies of the key that were made before (backups, what copies the bucket elsewhere) are not reached: see
    /// `docs/events.md`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a name that can't be; [`ErrorKind::Unsupported`] without the feature `shredding`;
    /// those of the stream.
    pub fn forget(&self, data_subject: &str) -> Pending<bool> {
        let checked = check_data_subject(data_subject).and_then(|()| cipher::check());
        let (store, key) = (self.clone(), encode_token(data_subject));
        Pending::after(checked, |()| {
            Pending::of(async move {
                match store.key_bucket().await? {
                    Some(bucket) => bucket.erase(&key).await,
                    None => Ok(false),
                }
            })
        })
    }

    /// The keys that some data subjects have. For none of them nothing is looked up.
    pub(super) async fn keys_of(&self, names: &BTreeSet<String>) -> Result<Keys> {
        if names.is_empty() {
            return Ok(Keys::new());
        }
        match self.key_bucket().await? {
            Some(bucket) => keys_in(&bucket, names).await,
            None => Ok(Keys::new()),
        }
    }

    /// The same, and those that were missing are made.
    pub(super) async fn keys_to_save(&self, names: &BTreeSet<String>) -> Result<Keys> {
        cipher::check()?;
        let bucket = match self.key_bucket().await? {
            Some(bucket) => bucket,
            None => self.make_key_bucket().await?,
        };
        loop {
            let mut keys = keys_in(&bucket, names).await?;
            for name in names {
                if !keys.contains_key(name) {
                    let key = Key::new()?;
                    match bucket.create(&encode_token(name), &key.encode(), None).await {
                        // Somebody else was faster: that one's is the key.
                        Err(error) if error.kind() == ErrorKind::Conflict => break,
                        made => drop(made?),
                    }
                    keys.insert(name.clone(), key);
                }
            }
            if keys.len() == names.len() {
                return Ok(keys);
            }
        }
    }

    /// The bucket of the keys, if there ever was one.
    async fn key_bucket(&self) -> Result<Option<Bucket>> {
        if let Some(bucket) = self.0.keys.get() {
            return Ok(Some(bucket.clone()));
        }
        let bucket = if_there(self.0.engine.bucket(&self.0.names.keys()).await)?;
        Ok(bucket.map(|bucket| self.0.keys.get_or_init(|| bucket).clone()))
    }

    async fn make_key_bucket(&self) -> Result<Bucket> {
        // A key that is lost takes all that was encrypted with it along, so it is on disk before that.
        let config = BucketConfig::new(self.0.names.keys());
        let bucket = bucket::create_erasable(&self.0.engine, &config).await?;
        Ok(self.0.keys.get_or_init(|| bucket).clone())
    }
}

async fn keys_in(bucket: &Bucket, names: &BTreeSet<String>) -> Result<Keys> {
    let wanted: Vec<String> = names.iter().map(|name| encode_token(name)).collect();
    bucket.get_many(&wanted).await?.iter().map(key_of).collect()
}

fn key_of(entry: &Entry) -> Result<(String, Key)> {
    let bad = || Error::corrupt(format!("what is kept under '{}' is no key of a data subject", entry.key));
    Ok((decode_token(&entry.key).map_err(|_| bad())?, Key::decode(&entry.value).ok_or_else(bad)?))
}
