//! What ids, messages and numbers may be. Whoever is beyond is told by how much.

use std::time::Duration;

use crate::error::{Error, Result};

/// The most bytes of the name of a space, a user or a session.
pub const ID_BYTES_MAX: usize = 128;
/// The most bytes of a session's message.
pub const MESSAGE_BYTES_MAX: usize = 1024;
/// The most bytes of the name of a device.
pub const DEVICE_BYTES_MAX: usize = 64;
/// The most bytes of a session's metadata.
pub const META_BYTES_MAX: usize = 4096;
/// The most sessions of one user.
pub const SESSIONS_MAX: usize = 64;
/// The most users in one question.
pub const BATCH_USERS_MAX: usize = 1_000;
/// The shortest and the longest time to live of a session.
pub const TTL_RANGE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 3600));

/// Refuses an id that is empty or too long, or has control characters; anything else goes, and comes back as it was.
pub(crate) fn check_id(what: &str, id: &str) -> Result<()> {
    if id.is_empty() {
        return Err(Error::invalid(format!("a {what} has a name")));
    }
    check_text(what, id, ID_BYTES_MAX)?;
    match id.chars().find(|c| c.is_control()) {
        Some(c) => {
            Err(Error::invalid(format!("the name of a {what} has the control character {}", c.escape_unicode())))
        }
        None => Ok(()),
    }
}

/// Refuses a text that is too long.
pub(crate) fn check_text(what: &str, text: &str, max: usize) -> Result<()> {
    if text.len() > max {
        let len = text.len();
        return Err(Error::invalid(format!("a {what} has {max} bytes at the most, and this one has {len}")));
    }
    Ok(())
}

/// Refuses a time to live out of bounds; in milliseconds.
pub(crate) fn check_ttl(ttl: Duration) -> Result<u32> {
    let (least, most) = TTL_RANGE;
    if ttl < least || ttl > most {
        let (least, most) = (least.as_secs(), most.as_secs());
        return Err(Error::invalid(format!(
            "a time to live is {least} s to {most} s, and this one is {} s",
            ttl.as_secs_f64()
        )));
    }
    Ok(ttl.as_millis() as u32)
}

/// After how long without activity online is away, in milliseconds; what is longer than those can be counted, 49 days,
/// is never.
pub(crate) fn idle_ms(idle: Duration) -> u32 {
    u32::try_from(idle.as_millis()).unwrap_or(0)
}
