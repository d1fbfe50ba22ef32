//! Where pointers of the caller become Rust values, and values go out through them.
//!
//! Safety contract, the same for every function here and stated in `docs/abi.md`: a pointer that is not NULL is aligned
//! and valid for the length or `struct_size` that comes with it until the call returns, inputs do not change meanwhile,
//! and outputs belong to the caller alone. What can be checked is checked: NULL, sizes, UTF-8.

use std::ffi::{c_char, c_void};
use std::mem::{MaybeUninit, size_of};

use headwater::{Error, Result};

use crate::bytes::hw_str;
use crate::error::{invalid, missing};

/// A place of the caller's that takes one output.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// An output that must be given.
    #[inline]
    pub(crate) fn required(what: &str, place: *mut T) -> Result<Self> {
        if place.is_null() { Err(missing(what)) } else { Ok(Out(place)) }
    }

    /// An output that the caller may do without.
    #[inline]
    pub(crate) fn optional(place: *mut T) -> Option<Self> {
        if place.is_null() { None } else { Some(Out(place)) }
    }

    /// Writes it.
    #[inline]
    pub(crate) fn set(self, value: T) {
        // SAFETY: not NULL by construction; valid for a write by the contract of this module.
        unsafe { self.0.write(value) }
    }
}

impl<T> Out<*mut T> {
    /// Gives the caller a new object.
    #[inline]
    pub(crate) fn give(self, object: T) {
        self.set(Box::into_raw(Box::new(object)));
    }
}

/// A `repr(C)` struct that callers of older and newer headers pass with their own `struct_size`.
///
/// # Safety
/// It is `repr(C)`, its first field is `struct_size: usize`, all-zero bytes are a valid value, and fields
/// are only ever added at its end.
pub(crate) unsafe trait Versioned: Copy {
    /// Its name in C.
    const NAME: &'static str;
    /// Its size in the first release that had it.
    const BYTES_MIN: usize;
}

/// Declares structs to be [`Versioned`]. When one gets a field, its size as of 0.1 must be written down here
/// instead.
macro_rules! versioned {
    ($($name:ident),+ $(,)?) => {$(
        // SAFETY: a `repr(C)` struct of integers, floats and raw pointers that begins with `struct_size`.
        unsafe impl crate::raw::Versioned for $name {
            const NAME: &'static str = stringify!($name);
            const BYTES_MIN: usize = std::mem::size_of::<$name>();
        }
    )+};
}
pub(crate) use versioned;

/// The all-zero value: every option at its default.
pub(crate) fn zeroed<T: Versioned>() -> T {
    // SAFETY: all-zero bytes are valid for every `Versioned`.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn struct_size<T: Versioned>(place: *const T) -> Result<usize> {
    // SAFETY: callers checked for NULL; `struct_size` is the first field, and readable by the contract of this module.
    let size = unsafe { place.cast::<usize>().read() };
    if size < T::BYTES_MIN || isize::try_from(size).is_err() {
        return Err(wrong_size::<T>(size));
    }
    Ok(size)
}

#[cold]
fn wrong_size<T: Versioned>(size: usize) -> Error {
    invalid(format!("struct_size of {} is {size}, must be sizeof({}), which is {}", T::NAME, T::NAME, size_of::<T>()))
}

/// A struct of options; NULL means all defaults.
pub(crate) fn options<T: Versioned>(place: *const T) -> Result<T> {
    if place.is_null() { Ok(zeroed()) } else { versioned_at(place).map(|(value, _)| value) }
}

/// A struct that must be given.
pub(crate) fn required<T: Versioned>(what: &str, place: *const T) -> Result<T> {
    if place.is_null() { Err(missing(what)) } else { versioned_at(place).map(|(value, _)| value) }
}

fn versioned_at<T: Versioned>(place: *const T) -> Result<(T, usize)> {
    let size = struct_size(place)?;
    let mut value = zeroed::<T>();
    // SAFETY: `struct_size` bytes are readable by the contract of this module, and no more than `T` holds are copied.
    unsafe { place.cast::<u8>().copy_to_nonoverlapping((&raw mut value).cast(), size.min(size_of::<T>())) };
    if size > size_of::<T>() {
        // SAFETY: as above, for the rest of the caller's bytes.
        let tail = unsafe { std::slice::from_raw_parts(place.cast::<u8>().add(size_of::<T>()), size - size_of::<T>()) };
        if tail.iter().any(|&b| b != 0) {
            let message = format!("{} has a field set that this library is too old to know", T::NAME);
            return Err(Error::new(headwater::ErrorKind::Unsupported, message));
        }
    }
    Ok((value, size))
}

/// An array of structs, each `struct_size` of the first one apart.
pub(crate) fn versioned_array<T: Versioned>(what: &str, first: *const T, len: usize) -> Result<Vec<T>> {
    if len == 0 {
        return Ok(Vec::new());
    }
    if first.is_null() {
        return Err(missing(what));
    }
    let stride = struct_size(first)?;
    checked_len(what, len, stride)?;
    (0..len)
        .map(|i| {
            let place = first.cast::<u8>().wrapping_add(i * stride).cast::<T>();
            let (value, size) = versioned_at(place)?;
            if size != stride {
                return Err(invalid(format!("{what} {i} has another struct_size than the first one")));
            }
            Ok(value)
        })
        .collect()
}

/// A place of the caller's for a struct that may be older or newer than ours.
pub(crate) struct OutStruct<T> {
    place: *mut T,
    size: usize,
}

impl<T: Versioned> OutStruct<T> {
    /// A struct that must be given.
    #[inline]
    pub(crate) fn required(what: &str, place: *mut T) -> Result<Self> {
        if place.is_null() {
            return Err(missing(what));
        }
        Ok(OutStruct { place, size: struct_size(place)? })
    }

    /// A struct that the caller may do without.
    #[inline]
    pub(crate) fn optional(place: *mut T) -> Result<Option<Self>> {
        if place.is_null() { Ok(None) } else { Self::required("", place).map(Some) }
    }

    /// Fills in what the caller has room for; its `struct_size` stays, and what only a newer header knows
    /// becomes zero.
    #[inline]
    pub(crate) fn set(&self, value: T) {
        let from = (&raw const value).cast::<u8>();
        let known = self.size.min(size_of::<T>());
        let first = size_of::<usize>();
        let place = self.place.cast::<u8>();
        // SAFETY: `size` bytes of the caller's struct are writable by the contract of this module, and `known` lies
        // within them and within ours.
        unsafe {
            place.add(first).copy_from_nonoverlapping(from.add(first), known - first);
            place.add(known).write_bytes(0, self.size - known);
        }
    }

    /// The place for element `index` of an array that begins here.
    pub(crate) fn at(&self, index: usize) -> Self {
        OutStruct { place: self.place.cast::<u8>().wrapping_add(index * self.size).cast(), size: self.size }
    }
}

impl<T: Versioned> OutStruct<T> {
    /// Writes the first element's `struct_size` to the others of an array, so that each can be passed on by
    /// itself.
    pub(crate) fn stamp(&self) {
        // SAFETY: as for `set`.
        unsafe { self.place.cast::<usize>().write(self.size) }
    }
}

fn checked_len(what: &str, len: usize, stride: usize) -> Result<()> {
    match len.checked_mul(stride) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(invalid(format!("{what} has a length of {len}, which no memory holds"))),
    }
}

/// An array that the caller lends for the call.
#[inline]
pub(crate) fn array<'a, T>(what: &str, data: *const T, len: usize) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(missing(what));
    }
    checked_len(what, len, size_of::<T>())?;
    // SAFETY: not NULL, of a possible length, and readable by the contract of this module.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// An array that takes several outputs.
pub(crate) fn array_mut<'a>(what: &str, data: *mut u64, len: usize) -> Result<&'a mut [u64]> {
    if len == 0 {
        return Ok(&mut []);
    }
    if data.is_null() {
        return Err(missing(what));
    }
    checked_len(what, len, size_of::<u64>())?;
    // SAFETY: not NULL, of a possible length, writable and the caller's alone by the contract of this module; what was
    // there is never read.
    Ok(unsafe { std::slice::from_raw_parts_mut(data, len) })
}

/// Room for bytes of ours.
pub(crate) fn bytes_mut<'a>(what: &str, data: *mut c_void, len: usize) -> Result<&'a mut [u8]> {
    if len == 0 {
        return Ok(&mut []);
    }
    if data.is_null() {
        return Err(missing(what));
    }
    checked_len(what, len, 1)?;
    // SAFETY: not NULL, of a possible length, writable and the caller's alone by the contract of this module; what was
    // there is never read.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), len) })
}

/// A handle that is for one caller at a time, which C sees as a pointer to what is not `const`.
#[inline]
pub(crate) fn exclusive<'a, T: Sync>(handle: *mut T) -> Option<&'a T> {
    // SAFETY: NULL or a live handle by the contract of this module. Two callers at once are no fault of memory, because
    // only a shared reference is made: the handle finds out by itself and answers `HW_STATUS_MISUSE`.
    unsafe { handle.as_ref() }
}

/// Bytes that the caller lends for the call.
#[inline]
pub(crate) fn bytes<'a>(what: &str, data: *const c_void, len: usize) -> Result<&'a [u8]> {
    array(what, data.cast(), len)
}

/// Text that the caller lends for the call.
#[inline]
pub(crate) fn text<'a>(what: &str, data: *const c_char, len: usize) -> Result<&'a str> {
    std::str::from_utf8(array(what, data.cast(), len)?).map_err(|e| not_utf8(what, e))
}

#[cold]
fn not_utf8(what: &str, fault: std::str::Utf8Error) -> Error {
    invalid(format!("{what} is not UTF-8 from byte {} on", fault.valid_up_to()))
}

/// Texts that the caller lends for the call.
pub(crate) fn texts<'a>(what: &str, data: *const hw_str, len: usize) -> Result<Vec<&'a str>> {
    array(what, data, len)?.iter().map(|t| t.text(what)).collect()
}

/// The same, copied.
pub(crate) fn strings(what: &str, data: *const hw_str, len: usize) -> Result<Vec<String>> {
    Ok(texts(what, data, len)?.into_iter().map(str::to_owned).collect())
}
