//! Subjects and filters: matching, and the reversible encoding of any text into one subject token.

use std::ffi::c_char;

use headwater::subject;

use crate::bytes::hw_strings;
use crate::error::hw_error;
use crate::guard::free_standing;
use crate::raw::{self, Out};
use crate::status::hw_status;

/// Whether the literal subject is taken by the filter.
///
/// Errors:    HW_STATUS_INVALID (either is malformed; the message says where).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subject_matches(
    filter: *const c_char,
    filter_len: usize,
    subject: *const c_char,
    subject_len: usize,
    matches: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let filter = raw::text("filter", filter, filter_len)?;
        let literal = raw::text("subject", subject, subject_len)?;
        let out = Out::required("matches", matches)?;
        subject::check_filter(filter)?;
        subject::check_subject(literal)?;
        out.set(subject::matches(filter, literal));
        Ok(())
    })
}

/// Turns any text into one subject token, reversibly; a list of one.
///
/// Errors:    HW_STATUS_INVALID (not UTF-8).
/// Ownership: `*token` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subject_encode_token(
    text: *const c_char,
    text_len: usize,
    token: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let text = raw::text("text", text, text_len)?;
        Out::required("token", token)?.give(hw_strings::plain([subject::encode_token(text)]));
        Ok(())
    })
}

/// The text that hw_subject_encode_token turned into this token; a list of one.
///
/// Errors:    HW_STATUS_INVALID (nothing encodes to it).
/// Ownership: `*text` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subject_decode_token(
    token: *const c_char,
    token_len: usize,
    text: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let token = raw::text("token", token, token_len)?;
        let out = Out::required("text", text)?;
        out.give(hw_strings::plain([subject::decode_token(token)?]));
        Ok(())
    })
}
