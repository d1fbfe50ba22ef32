//! The verbs of `headwater kv` that change a bucket.

use headwater::{Bucket, BucketConfig, Engine, ErrorKind, Pending};

use super::{Add, Name, Put, Remove, Update};
use crate::failure::Done;
use crate::place::Place;
use crate::stream::read_payload;

/// How many values of a key a bucket keeps that `put` or `create` made by the way.
const HISTORY_BY_THE_WAY: u32 = 10;

impl Add {
    pub(super) fn run(self, place: &Place) -> Done {
        let config = BucketConfig {
            bucket: self.bucket,
            description: self.description,
            history: self.history,
            ttl: self.ttl,
            max_bytes: self.max_bytes,
            max_value_size: self.max_value_size,
            durability: self.durability.level(),
        };
        let name = config.bucket.clone();
        place.make(|engine| Ok(engine.create_bucket(config).map(drop).wait()?))?;
        let mut out = place.output();
        out.either(&serde_json::json!({ "bucket": name }), || format!("bucket {name} is there"))?;
        out.flush()
    }
}

impl Put {
    /// Writes the value with `how`, into a bucket that is made where there is none.
    pub(super) fn write_or_make(
        self,
        place: &Place,
        how: impl FnOnce(&Bucket, &str, &[u8]) -> headwater::Result<u64>,
    ) -> Done {
        let value = self.value()?;
        let revision =
            place.make(|engine| Ok(how(&open_or_make(engine, &self.key.bucket)?, &self.key.key, &value)?))?;
        self.answer(place, revision)
    }

    fn value(&self) -> Done<Vec<u8>> {
        match &self.value {
            Some(value) => Ok(value.clone().into_bytes()),
            None => read_payload("value"),
        }
    }

    fn answer(&self, place: &Place, revision: u64) -> Done {
        let mut out = place.output();
        let object = serde_json::json!({ "key": self.key.key, "revision": revision });
        out.either(&object, || revision.to_string())?;
        out.flush()
    }
}

fn open_or_make(engine: &Engine, name: &str) -> Done<Bucket> {
    match engine.bucket(name).wait() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let bucket = name.to_owned();
            let config = BucketConfig { bucket, history: HISTORY_BY_THE_WAY, ..BucketConfig::default() };
            Ok(engine.create_bucket(config).wait()?)
        }
        opened => Ok(opened?),
    }
}

impl Update {
    pub(super) fn run(self, place: &Place) -> Done {
        let (put, last) = (self.put, self.revision);
        let value = put.value()?;
        let revision = place.change(|engine| {
            let bucket = engine.bucket(&put.key.bucket).wait()?;
            Ok(bucket.update(&put.key.key, &value, last).wait()?)
        })?;
        put.answer(place, revision)
    }
}

impl Remove {
    /// Deletes or purges the key, as `how` says; a key that is not there is no error, as in JetStream.
    pub(super) fn run(self, place: &Place, how: fn(&Bucket, &str, Option<u64>) -> Pending<u64>) -> Done {
        let key = &self.key.key;
        let revision = place.change(|engine| {
            let bucket = engine.bucket(&self.key.bucket).wait()?;
            Ok(how(&bucket, key, self.revision).wait()?)
        })?;
        let mut out = place.output();
        out.either(&serde_json::json!({ "key": key, "revision": revision }), || revision.to_string())?;
        out.flush()
    }
}

impl Name {
    pub(super) fn remove(self, place: &Place) -> Done {
        place.change(|engine| Ok(engine.delete_bucket(&self.bucket).wait()?))?;
        let object = serde_json::json!({ "bucket": self.bucket, "removed": true });
        let mut out = place.output();
        out.either(&object, || format!("bucket {} is removed", self.bucket))?;
        out.flush()
    }
}
