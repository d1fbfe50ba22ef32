//! Erasing a record: it is deleted, and the segment that has its bytes is stored anew without them before that is said
//! to be done. The segment that is written is ended first, because nothing is ever written into one but at its end.
//!
//! All records that are gone lose their bytes with it, so that an erasure which a crash cut short is made up for by the
//! next one.

use std::sync::Arc;

use super::Local;
use super::control::Control;
use super::part::Part;
use crate::error::Result;
use crate::locks::lock;
use crate::pending::Pending;

impl Local {
    /// Removes a record, and the bytes of all that are gone; false when it was not there.
    pub(super) fn erase(self: &Arc<Self>, seq: u64) -> Result<bool> {
        let removed = self.delete_behind_what_is_gone(seq)?;
        let _only = lock(&self.upkeep);
        self.save_indexes()?;
        let parts: Vec<Arc<Part>> = {
            let state = self.lock();
            // What was sealed since is none of those.
            let unsaved = |part: &Arc<Part>| state.unsaved.iter().any(|other| Arc::ptr_eq(other, part));
            state.parts.iter().filter(|part| part.has_bytes_of_gone() && !unsaved(part)).map(Arc::clone).collect()
        };
        for part in &parts {
            self.pack(part)?;
        }
        self.remove_dropped()?;
        Ok(removed)
    }

    /// Deletes a record by an entry that lies in a later segment than all that is gone, so that theirs are sealed.
    fn delete_behind_what_is_gone(self: &Arc<Self>, seq: u64) -> Result<bool> {
        let delete = Control::Delete(seq);
        loop {
            {
                self.refuse_if_read_only()?;
                let mut state = self.lock();
                self.shared.check_open()?;
                state.check(&self.name)?;
                let active = &state.active_part;
                let is_sealed = !active.contains(seq) && active.dead().len() == 0;
                if is_sealed || state.roll() {
                    let ticket = self.stage_control(&mut state, &delete)?;
                    drop(state);
                    return Ok(Pending::waiting(ticket).wait()? > 0);
                }
            }
            // What is on its way has to be in the segment before that ends.
            self.sync_now()?;
        }
    }
}

impl Part {
    /// Whether it is sealed, and its file has records that are gone.
    fn has_bytes_of_gone(&self) -> bool {
        let held = self.segment.packed_kept().unwrap_or(self.end_seq() - self.base.seq);
        let live = self.live();
        self.is_sealed() && live > 0 && live < held
    }
}
