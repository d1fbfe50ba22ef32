//! The C entry points, called as C calls them: raw pointers, any order, NULL and bad UTF-8 among the arguments, handles
//! freed before their children. A caught panic is a finding; so is whatever the address sanitizer says.
#![no_main]

use std::ffi::{c_char, c_void};
use std::mem::{size_of, zeroed};
use std::ptr::{null, null_mut};

use headwater_abi::append::{hw_ack, hw_append, hw_append_options};
use headwater_abi::batch::hw_record;
use headwater_abi::bytes::{hw_bytes, hw_header, hw_str};
use headwater_abi::stream_config::hw_stream_config;
use libfuzzer_sys::fuzz_target;

type Handle = *mut c_void;
type Error = *mut *mut c_void;

const INTERNAL: i32 = 12;

unsafe extern "C" {
    fn hw_subject_matches(f: *const c_char, fl: usize, s: *const c_char, sl: usize, is: *mut bool, e: Error) -> i32;
    fn hw_subject_decode_token(text: *const c_char, len: usize, out: *mut Handle, e: Error) -> i32;
    fn hw_strings_len(strings: Handle) -> usize;
    fn hw_strings_get(strings: Handle, index: usize, text: *mut hw_str, number: *mut u64, e: Error) -> i32;
    fn hw_strings_free(strings: Handle);
    fn hw_engine_memory(engine: *mut Handle, e: Error) -> i32;
    fn hw_engine_stream(engine: Handle, name: *const c_char, len: usize, stream: *mut Handle, e: Error) -> i32;
    fn hw_engine_delete_stream(engine: Handle, name: *const c_char, len: usize, e: Error) -> i32;
    fn hw_engine_close(engine: Handle, e: Error) -> i32;
    fn hw_engine_free(engine: Handle);
    fn hw_engine_create_stream(engine: Handle, c: *const hw_stream_config, stream: *mut Handle, e: Error) -> i32;
    fn hw_stream_free(stream: Handle);
    fn hw_stream_append(
        stream: Handle,
        subject: *const c_char,
        subject_len: usize,
        payload: *const c_void,
        payload_len: usize,
        options: *const hw_append_options,
        ack: *mut hw_ack,
        e: Error,
    ) -> i32;
    fn hw_stream_append_batch(stream: Handle, records: *const hw_append, len: usize, ack: *mut hw_ack, e: Error)
    -> i32;
    fn hw_stream_append_submit(s: Handle, records: *const hw_append, len: usize, ticket: *mut Handle, e: Error) -> i32;
    fn hw_ticket_wait(ticket: Handle, timeout_ms: i64, ack: *mut hw_ack, e: Error) -> i32;
    fn hw_ticket_free(ticket: Handle);
    fn hw_stream_delete(stream: Handle, seq: u64, removed: *mut bool, e: Error) -> i32;
    fn hw_stream_get(stream: Handle, seq: u64, batch: *mut Handle, e: Error) -> i32;
    fn hw_stream_last(stream: Handle, filter: *const c_char, len: usize, batch: *mut Handle, e: Error) -> i32;
    fn hw_stream_read(stream: Handle, options: *const c_void, batch: *mut Handle, e: Error) -> i32;
    fn hw_stream_subjects(
        stream: Handle,
        filter: *const c_char,
        filter_len: usize,
        after: *const c_char,
        after_len: usize,
        max: usize,
        subjects: *mut Handle,
        e: Error,
    ) -> i32;
    fn hw_batch_len(batch: Handle) -> usize;
    fn hw_batch_record(batch: Handle, index: usize, record: *mut hw_record, e: Error) -> i32;
    fn hw_batch_header(b: Handle, i: usize, header: usize, name: *mut hw_str, value: *mut hw_str, e: Error) -> i32;
    fn hw_batch_free(batch: Handle);
    fn hw_stream_subscribe(stream: Handle, options: *const c_void, subscription: *mut Handle, e: Error) -> i32;
    fn hw_subscription_next(s: Handle, max: usize, timeout_ms: i64, batch: *mut Handle, e: Error) -> i32;
    fn hw_subscription_close(subscription: Handle, e: Error) -> i32;
    fn hw_subscription_free(subscription: Handle);
    fn hw_error_status(error: Handle) -> i32;
    fn hw_error_message(error: Handle, len: *mut usize) -> *const c_char;
    fn hw_error_free(error: Handle);
}

fuzz_target!(|data: &[u8]| {
    let mut plan = Plan(data);
    let mut session = Session::open();
    for _ in 0..64 {
        let Some(operation) = plan.byte() else { break };
        session.call(operation, &mut plan);
    }
    session.free(&mut plan);
});

/// The fuzzer's bytes as arguments.
struct Plan<'a>(&'a [u8]);

impl<'a> Plan<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn number(&mut self) -> u64 {
        match self.byte() {
            Some(255) => u64::MAX,
            Some(byte) => byte.into(),
            None => 0,
        }
    }

    /// Bytes that the caller may say are text: mostly a likely one, else what comes, else NULL, now and then with a
    /// length.
    fn text(&mut self) -> (*const c_char, usize) {
        const LIKELY: [&str; 8] = ["s", "s.a", "s.b.c", "s.*", "s.>", ">", "", "t.a"];
        match self.number() {
            choice @ 0..=127 => {
                let text = LIKELY[choice as usize % LIKELY.len()];
                (text.as_ptr().cast(), text.len())
            }
            128..=135 => (null(), 0),
            136..=143 => (null(), 3),
            _ => {
                let len = self.number() as usize % 16;
                let (text, rest) = self.0.split_at(len.min(self.0.len()));
                self.0 = rest;
                (text.as_ptr().cast(), text.len())
            }
        }
    }

    fn string(&mut self) -> hw_str {
        let (data, len) = self.text();
        hw_str { data, len }
    }

    /// A `struct_size` that is mostly right; never larger than the struct, for that would be the caller's own overrun.
    fn size_of<T>(&mut self) -> usize {
        match self.number() {
            0..=239 => size_of::<T>(),
            size => size as usize % size_of::<T>(),
        }
    }

    fn append_options(&mut self, headers: &[hw_header]) -> hw_append_options {
        // SAFETY: all-zero is every option at its default, as the header says.
        let mut options: hw_append_options = unsafe { zeroed() };
        options.struct_size = self.size_of::<hw_append_options>();
        let flags = self.number();
        if flags & 1 != 0 {
            (options.headers, options.headers_len) = (headers.as_ptr(), headers.len());
        }
        if flags & 2 != 0 {
            options.msg_id = self.string();
        }
        if flags & 4 != 0 {
            options.expect_filter = self.string();
        }
        if flags & 8 != 0 {
            options.ttl_ns = self.number().wrapping_mul(500_000_000);
        }
        (options.has_expect_last_seq, options.expect_last_seq) = ((flags >> 4 & 1) as u8, flags >> 6);
        (options.has_expect_subject_last_seq, options.expect_subject_last_seq) = ((flags >> 5 & 1) as u8, flags >> 6);
        if flags & 8 != 0 {
            options.rollup = self.number() as i32 - 1;
        }
        options
    }
}

/// One engine and the handles that came of it.
struct Session {
    engine: Handle,
    stream: Handle,
    ticket: Handle,
    batch: Handle,
    subscription: Handle,
}

impl Session {
    fn open() -> Self {
        let none = null_mut();
        let mut session = Session { engine: none, stream: none, ticket: none, batch: none, subscription: none };
        // SAFETY: the output is a place of our own; the error is not wanted.
        let status = unsafe { hw_engine_memory(&mut session.engine, null_mut()) };
        assert_eq!(status, 0, "an engine in memory opens");
        session
    }

    fn call(&mut self, operation: u8, plan: &mut Plan<'_>) {
        let mut error: Handle = null_mut();
        // Every eighth call goes to no handle at all.
        let (engine, stream) = if operation >= 224 { (null_mut(), null_mut()) } else { (self.engine, self.stream) };
        let (text, len) = plan.text();
        let e: Error = if operation & 0x20 != 0 { null_mut() } else { &mut error };
        // SAFETY: what every call below gets is NULL or lives until it returns, as docs/abi.md asks; a handle that was
        // freed is NULL here.
        let status = unsafe {
            match operation & 0x1f {
                0 | 1 => self.create(engine, plan, e),
                2 => Self::replace(&mut self.stream, hw_stream_free, |out| hw_engine_stream(engine, text, len, out, e)),
                3 => hw_engine_delete_stream(engine, text, len, e),
                4 => hw_engine_close(engine, e),
                5..=9 => self.append(stream, plan, e),
                10..=12 => self.append_many(stream, plan, operation & 1 == 0, e),
                13 | 14 => {
                    let mut ack: hw_ack = zeroed();
                    ack.struct_size = plan.size_of::<hw_ack>();
                    hw_ticket_wait(self.ticket, plan.number() as i64 % 3, &mut ack, e)
                }
                15 => {
                    let mut removed = false;
                    hw_stream_delete(stream, plan.number(), &mut removed, e)
                }
                16 => Self::replace(&mut self.batch, hw_batch_free, |out| hw_stream_get(stream, plan.number(), out, e)),
                17 => Self::replace(&mut self.batch, hw_batch_free, |out| hw_stream_last(stream, text, len, out, e)),
                18 => Self::replace(&mut self.batch, hw_batch_free, |out| hw_stream_read(stream, null(), out, e)),
                19 | 20 => Self::subjects(stream, text, len, plan, e),
                21 | 22 => self.record(plan, e),
                23 => Self::replace(&mut self.subscription, hw_subscription_free, |out| {
                    hw_stream_subscribe(stream, null(), out, e)
                }),
                24 | 25 => Self::replace(&mut self.batch, hw_batch_free, |out| {
                    hw_subscription_next(self.subscription, plan.number() as usize, 0, out, e)
                }),
                26 => hw_subscription_close(self.subscription, e),
                27 => {
                    let mut is = false;
                    let (subject, subject_len) = plan.text();
                    hw_subject_matches(text, len, subject, subject_len, &mut is, e)
                }
                28 => {
                    let mut decoded = null_mut();
                    let status = hw_subject_decode_token(text, len, &mut decoded, e);
                    Self::strings(decoded);
                    status
                }
                29 => {
                    hw_stream_free(std::mem::replace(&mut self.stream, null_mut()));
                    0
                }
                30 => hw_engine_stream(engine, text, len, null_mut(), e),
                _ => {
                    hw_ticket_free(std::mem::replace(&mut self.ticket, null_mut()));
                    0
                }
            }
        };
        assert_ne!(status, INTERNAL, "operation {} answered {}", operation & 0x1f, said(error));
        if !error.is_null() {
            // SAFETY: the call gave the error to us.
            unsafe {
                assert_eq!(hw_error_status(error), status, "the error says what the call says: {}", said(error));
                hw_error_free(error);
            }
        } else {
            assert!(status == 0 || e.is_null(), "a failure gives an error");
        }
    }

    /// Calls what writes a new handle, and frees the one there before if it did.
    fn replace(place: &mut Handle, free: unsafe extern "C" fn(Handle), call: impl FnOnce(*mut Handle) -> i32) -> i32 {
        let mut new = null_mut();
        let status = call(&mut new);
        assert_eq!(status == 0, !new.is_null(), "an output is written on success and only then");
        if status == 0 {
            // SAFETY: it is ours and was not freed before.
            unsafe { free(std::mem::replace(place, new)) };
        }
        status
    }

    unsafe fn create(&mut self, engine: Handle, plan: &mut Plan<'_>, e: Error) -> i32 {
        let subjects = [plan.string(), plan.string()];
        // SAFETY: all-zero is every option at its default, as the header says.
        let mut config: hw_stream_config = unsafe { zeroed() };
        config.struct_size = plan.size_of::<hw_stream_config>();
        config.name = plan.string();
        (config.subjects, config.subjects_len) = (subjects.as_ptr(), plan.number() as usize % 3);
        config.allow_rollup = plan.number() as u8 & 1;
        config.max_msgs = plan.number() % 8;
        config.durability = plan.number() as i32 % 5 - 1;
        config.discard = plan.number() as i32 % 4 - 1;
        Self::replace(&mut self.stream, hw_stream_free, |out| {
            // SAFETY: the configuration and what it points to live until the call returns.
            unsafe { hw_engine_create_stream(engine, &config, out, e) }
        })
    }

    unsafe fn append(&mut self, stream: Handle, plan: &mut Plan<'_>, e: Error) -> i32 {
        let (subject, subject_len) = plan.text();
        let (payload, payload_len) = plan.text();
        let headers = [hw_header { name: plan.string(), value: plan.string() }];
        let options = plan.append_options(&headers);
        // SAFETY: as in `call`; an all-zero acknowledgement is a place for one.
        unsafe {
            let mut ack: hw_ack = zeroed();
            ack.struct_size = size_of::<hw_ack>();
            hw_stream_append(stream, subject, subject_len, payload.cast(), payload_len, &options, &mut ack, e)
        }
    }

    unsafe fn append_many(&mut self, stream: Handle, plan: &mut Plan<'_>, wait: bool, e: Error) -> i32 {
        let headers = [hw_header { name: plan.string(), value: plan.string() }];
        let options = plan.append_options(&headers);
        let struct_size = plan.size_of::<hw_append>();
        let records: Vec<hw_append> = (0..plan.number() % 4)
            .map(|n| {
                let (data, len) = plan.text();
                let payload = hw_bytes { data: data.cast(), len };
                let options = if n == 0 { &options } else { null() };
                hw_append { struct_size, subject: plan.string(), payload, options }
            })
            .collect();
        // SAFETY: as in `call`.
        unsafe {
            if wait {
                return hw_stream_append_batch(stream, records.as_ptr(), records.len(), null_mut(), e);
            }
            Self::replace(&mut self.ticket, hw_ticket_free, |out| {
                hw_stream_append_submit(stream, records.as_ptr(), records.len(), out, e)
            })
        }
    }

    unsafe fn subjects(stream: Handle, text: *const c_char, len: usize, plan: &mut Plan<'_>, e: Error) -> i32 {
        let (after, after_len) = plan.text();
        let mut subjects = null_mut();
        let max = plan.number() as usize;
        // SAFETY: as in `call`.
        unsafe {
            let status = hw_stream_subjects(stream, text, len, after, after_len, max, &mut subjects, e);
            Self::strings(subjects);
            status
        }
    }

    /// Looks at every byte of a list and frees it; NULL is an empty one.
    unsafe fn strings(strings: Handle) {
        // SAFETY: the list is ours or NULL, and lives until it is freed at the end.
        unsafe {
            for index in 0..=hw_strings_len(strings) {
                let mut text = hw_str { data: null(), len: 0 };
                let mut number = 0;
                if hw_strings_get(strings, index, &mut text, &mut number, null_mut()) == 0 {
                    touch(text);
                }
            }
            hw_strings_free(strings);
        }
    }

    /// Looks at every byte of a record.
    unsafe fn record(&mut self, plan: &mut Plan<'_>, e: Error) -> i32 {
        // SAFETY: as in `call`; the views live as long as the batch.
        unsafe {
            let mut record: hw_record = zeroed();
            record.struct_size = size_of::<hw_record>();
            let index = plan.number() as usize % (hw_batch_len(self.batch) + 1);
            let status = hw_batch_record(self.batch, index, &mut record, e);
            if status == 0 {
                touch(record.subject);
                touch(hw_str { data: record.payload.data.cast(), len: record.payload.len });
                for header in 0..=record.headers_len {
                    let (mut name, mut value) = (hw_str { data: null(), len: 0 }, hw_str { data: null(), len: 0 });
                    let status = hw_batch_header(self.batch, index, header, &mut name, &mut value, null_mut());
                    assert_eq!(status == 0, header < record.headers_len, "there are as many headers as it says");
                    touch(name);
                    touch(value);
                }
            }
            status
        }
    }

    /// Frees everything, the engine first or last: children keep their parents alive.
    fn free(self, plan: &mut Plan<'_>) {
        let frees: [(unsafe extern "C" fn(Handle), Handle); 5] = [
            (hw_engine_free, self.engine),
            (hw_stream_free, self.stream),
            (hw_batch_free, self.batch),
            (hw_subscription_free, self.subscription),
            (hw_ticket_free, self.ticket),
        ];
        let first = plan.number() as usize % frees.len();
        for i in 0..frees.len() {
            let (free, handle) = frees[(first + i) % frees.len()];
            // SAFETY: each is ours and freed once; freeing NULL is nothing.
            unsafe { free(handle) };
        }
    }
}

/// Reads every byte of a view, so that the sanitizer sees one that leads astray.
fn touch(text: hw_str) {
    if !text.data.is_null() {
        // SAFETY: the library gave the view, and what it views was not freed.
        let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.len) };
        std::hint::black_box(bytes.iter().map(|b| u64::from(*b)).sum::<u64>());
    }
}

/// An error's message.
fn said(error: Handle) -> String {
    let mut len = 0;
    // SAFETY: the error is ours, and NULL has a message too.
    let data = unsafe { hw_error_message(error, &mut len) };
    if data.is_null() {
        return "nothing".to_owned();
    }
    // SAFETY: the message is as long as it says and lives as long as the error.
    String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }).into_owned()
}
