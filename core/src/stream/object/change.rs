//! What changes the record about an object: the end of a put, updates, renames, links and deletes.
//!
//! Each writes on condition that the record is still the one it looked at, and looks again when another writer was
//! faster: so whoever replaces a put knows whose chunks to purge, and nobody purges chunks that a record speaks of.

use super::info::{ObjectInfo, ObjectLink, ObjectUpdate};
use super::{ObjectStore, name, open, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Ack, Append, Rollup};

/// How often a write looks again because another one was faster. Each time some writer got through.
const TRIES_MAX: usize = 1_000;

impl ObjectStore {
    /// Changes what is said of an object, or its name; its bytes stay.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is not there; [`ErrorKind::Conflict`] when another object has the new name.
    pub fn update(&self, name: &str, update: &ObjectUpdate) -> crate::Pending<ObjectInfo> {
        let (name, update) = (name.to_owned(), update.clone());
        self.steps(|store| async move {
            if update.name.as_ref().is_some_and(|new| *new != name) {
                return store.rename(&name, &update).await;
            }
            let make = |before: Option<&ObjectInfo>| {
                let mut info = store.present(&name, before)?.clone();
                update.apply(&mut info);
                Ok(info)
            };
            Ok(store.replace(&name, make).await?.0)
        })
    }

    /// Makes `name` a link to another object, or to another store as a whole, in place of whatever link has that name.
    /// Reading it reads what it leads to.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when what it leads to is not there; [`ErrorKind::Invalid`] when that is a link;
    /// [`ErrorKind::Conflict`] when an object that is no link has the name.
    pub fn add_link(&self, name: &str, to: &ObjectLink) -> crate::Pending<ObjectInfo> {
        let (name, to) = (name.to_owned(), to.clone());
        self.steps(|store| async move {
            let target = open(&store.engine, &to.bucket).await?;
            if let Some(object) = &to.name {
                let info = target.info(object).await?.ok_or_else(|| target.missing(object))?;
                if info.link.is_some() {
                    let message = format!("{} is a link, and a link must not lead to a link", target.called(object));
                    return Err(Error::invalid(message));
                }
            }
            let link = ObjectInfo {
                name: name.clone(),
                bucket: store.bucket.clone(),
                nuid: name::nuid(store.engine.clock()),
                link: Some(to),
                ..ObjectInfo::default()
            };
            let make = |before: Option<&ObjectInfo>| match before {
                Some(before) if !before.deleted && before.link.is_none() => {
                    let message = format!("{} is there and is no link: delete it first", store.called(&name));
                    Err(Error::new(ErrorKind::Conflict, message))
                }
                _ => Ok(link.clone()),
            };
            Ok(store.replace(&name, make).await?.0)
        })
    }

    /// Deletes an object, or a link and not what it leads to. Whoever reads it meanwhile is told so.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is not there.
    pub fn delete(&self, name: &str) -> crate::Pending<()> {
        let name = name.to_owned();
        self.steps(|store| async move {
            let make = |before: Option<&ObjectInfo>| Ok(gone(store.present(&name, before)?.clone()));
            let (_, before) = store.replace(&name, make).await?;
            store.purge_replaced(before.as_ref(), "").await
        })
    }

    /// Writes what `make` says in place of the record that it was shown; returns what it wrote and what it replaced.
    pub(super) async fn replace(
        &self,
        name: &str,
        make: impl Fn(Option<&ObjectInfo>) -> Result<ObjectInfo> + Send,
    ) -> Result<(ObjectInfo, Option<ObjectInfo>)> {
        let subject = name::info_subject(&self.bucket, name)?;
        for _ in 0..TRIES_MAX {
            let (before, seq) = self.newest(name).await?.map_or((None, 0), |newest| (Some(newest.info), newest.seq));
            let mut info = make(before.as_ref())?;
            let now = self.engine.clock().now();
            let payload = wire::encode(&info, now)?;
            let append = Append::new(&subject, &payload).expect_subject_last_seq(seq).rollup(Rollup::Subject);
            match self.stream.append(&append).await {
                Ok(_) => {
                    info.modified = now;
                    return Ok((info, before));
                }
                Err(error) if lost_a_race(&error) => self.let_others_commit().await?,
                Err(error) => return Err(error),
            }
        }
        Err(self.restless(name))
    }

    /// Waits until the record that was faster can be read: conditions see it before that.
    async fn let_others_commit(&self) -> Result<()> {
        match self.stream.sync().await {
            // An engine that cannot sync has its records elsewhere, where what refuses an append can be read.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(()),
        }
    }

    /// Purges the chunks of an object whose record was replaced, unless they are those of the put `nuid`.
    pub(super) async fn purge_replaced(&self, before: Option<&ObjectInfo>, nuid: &str) -> Result<()> {
        match before {
            Some(before) if before.link.is_none() && !before.nuid.is_empty() && before.nuid != nuid => {
                let what = || format!("{} was replaced, but its old chunks were not purged", self.called(&before.name));
                self.purge_chunks(&before.nuid).await.map_err(|e| e.context(what()))
            }
            _ => Ok(()),
        }
    }

    /// Both names change in one batch where the engine has that, so that no chunk ever belongs to two objects.
    async fn rename(&self, name: &str, update: &ObjectUpdate) -> Result<ObjectInfo> {
        let new = update.name.as_deref().unwrap_or(name);
        let subjects = (name::info_subject(&self.bucket, name)?, name::info_subject(&self.bucket, new)?);
        for _ in 0..TRIES_MAX {
            let (newest, taken) = (self.newest(name).await?, self.newest(new).await?);
            let mut info = self.present(name, newest.as_ref().map(|n| &n.info))?.clone();
            if taken.as_ref().is_some_and(|t| !t.info.deleted) {
                let message = format!("{} is there: delete it, or choose another name", self.called(new));
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            let seqs = (newest.map_or(0, |n| n.seq), taken.as_ref().map_or(0, |t| t.seq));
            // With an id of its own, so that whoever puts the old name again does not purge what moved.
            let old = gone(ObjectInfo { nuid: name::nuid(self.engine.clock()), ..info.clone() });
            update.apply(&mut info);
            let undone = gone(ObjectInfo { nuid: old.nuid.clone(), ..info.clone() });
            let now = self.engine.clock().now();
            let payloads = (wire::encode(&old, now)?, wire::encode(&info, now)?);
            let record = |subject, payload, seq| {
                Append::new(subject, payload).expect_subject_last_seq(seq).rollup(Rollup::Subject)
            };
            let batch = [record(&subjects.1, &payloads.1, seqs.1), record(&subjects.0, &payloads.0, seqs.0)];
            let written = match self.stream.append_batch(&batch).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    self.rename_in_two(&batch, &wire::encode(&undone, now)?).await
                }
                written => written,
            };
            match written {
                Ok(_) => {
                    info.modified = now;
                    return Ok(info);
                }
                Err(error) if lost_a_race(&error) => self.let_others_commit().await?,
                Err(error) => return Err(error),
            }
        }
        Err(self.restless(name))
    }

    /// A rename where the engine knows no batches: the new name first, so that a break between them loses nothing. When
    /// another writer replaces the object between them, its chunks go, and so the new name is taken back.
    async fn rename_in_two(&self, batch: &[Append<'_>; 2], undone: &[u8]) -> Result<Ack> {
        let ack = self.stream.append(&batch[0]).await?;
        let written = self.stream.append(&batch[1]).await;
        if written.as_ref().is_err_and(lost_a_race) {
            let taken_back = Append { payload: undone, ..batch[0].clone() };
            self.stream.append(&taken_back.expect_subject_last_seq(ack.seq)).await?;
        }
        written
    }

    fn present<'a>(&self, name: &str, info: Option<&'a ObjectInfo>) -> Result<&'a ObjectInfo> {
        info.filter(|info| !info.deleted).ok_or_else(|| self.missing(name))
    }

    fn restless(&self, name: &str) -> Error {
        let message = format!("{} was changed by others {TRIES_MAX} times meanwhile", self.called(name));
        Error::new(ErrorKind::Conflict, message)
    }
}

/// What is said of an object that was deleted.
fn gone(info: ObjectInfo) -> ObjectInfo {
    ObjectInfo { deleted: true, size: 0, chunks: 0, digest: String::new(), ..info }
}

/// Whether another record is the newest of the subject by now.
fn lost_a_race(error: &Error) -> bool {
    error.kind() == ErrorKind::Conflict && error.actual().is_some()
}
