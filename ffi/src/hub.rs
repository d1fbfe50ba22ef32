//! A hub: how any NATS JetStream server or cluster is reached, and the engine whose streams are there.
//!
//! A build without the feature `hub` has all of this too, and answers `HW_STATUS_UNSUPPORTED`.

use headwater::{Engine, Result};

use crate::bytes::hw_str;
use crate::engine::{give, hw_engine};
use crate::error::hw_error;
use crate::guard::free_standing;
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;

/// How to reach a hub. Zero is the default of every field but `urls`. Only one of `token`, `user`, `nkey_seed` and
/// `credentials_file` may be set.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_hub_options {
    /// sizeof(hw_hub_options)
    pub struct_size: usize,
    /// Servers: `nats://host:port` or `tls://host:port`. One is enough where the others are announced.
    pub urls: *const hw_str,
    /// How many; at least 1.
    pub urls_len: usize,
    /// What the connection is called in the server's monitoring; `headwater` when empty.
    pub name: hw_str,
    /// A token.
    pub token: hw_str,
    /// A user, with `password`.
    pub user: hw_str,
    /// The password of `user`.
    pub password: hw_str,
    /// The seed of an nkey, `SU...`.
    pub nkey_seed: hw_str,
    /// A file with a user's JWT and seed, as `nsc` writes it.
    pub credentials_file: hw_str,
    /// Certificates of the authorities that the server's is checked against, in PEM; those of the system when empty.
    pub ca_file: hw_str,
    /// Our certificate, in PEM, with `key_file`.
    pub cert_file: hw_str,
    /// The key of `cert_file`, in PEM.
    pub key_file: hw_str,
    /// The JetStream domain; not together with `api_prefix`.
    pub domain: hw_str,
    /// Where JetStream's API is; `$JS.API` when empty.
    pub api_prefix: hw_str,
    /// How long an answer may take, 10 to 600,000; 0 is 5,000. Later is HW_STATUS_TIMEOUT.
    pub request_timeout_ms: u64,
    /// How long a connection may take to come about, 10 to 600,000; 0 is 5,000.
    pub connect_timeout_ms: u64,
    /// The shortest wait between two attempts to reconnect; 0 is 50.
    pub reconnect_delay_min_ms: u64,
    /// The longest; the waits double up to it. 0 is 2,000.
    pub reconnect_delay_max_ms: u64,
    /// Appends that may be on their way at once, up to 32,768; 0 is 4,096. More wait for room.
    pub window: u32,
    /// On how many servers a stream is kept that is made over this connection and says nothing of a hub, such as those
    /// of buckets, event stores and entities: up to 5; 0 is 1. One that is there stays as it is.
    pub replicas: u32,
    /// Not 0: refuses a server that does not speak TLS.
    pub require_tls: u8,
    /// Not 0: begins with TLS, before the server says anything; the server has to be set so.
    pub tls_first: u8,
    /// Not 0: no server has to answer now. The engine is there at once, connecting, and tries until one does.
    pub retry_on_initial_connect: u8,
}

versioned!(hw_hub_options);

#[cfg(feature = "hub")]
fn connect(options: &hw_hub_options, timeout_ms: i64) -> Result<Engine> {
    let mut pending = Engine::connect(from_c(options)?);
    match u64::try_from(timeout_ms) {
        Ok(ms) => pending.wait_timeout(std::time::Duration::from_millis(ms)),
        Err(_) => pending.wait(),
    }
}

#[cfg(not(feature = "hub"))]
fn connect(_: &hw_hub_options, _: i64) -> Result<Engine> {
    let message = "this library was built without the hub";
    Err(headwater::Error::new(headwater::ErrorKind::Unsupported, message))
}

#[cfg(feature = "hub")]
fn from_c(from: &hw_hub_options) -> Result<headwater::HubOptions> {
    use std::path::PathBuf;
    use std::time::Duration;

    let default = headwater::HubOptions::default();
    let text = |what: &str, text: &hw_str| Ok(text.some(what)?.map(str::to_owned));
    let path = |what: &str, text: &hw_str| Ok(text.some(what)?.map(PathBuf::from));
    let wait = |ms: u64, default: Duration| if ms == 0 { default } else { Duration::from_millis(ms) };
    Ok(headwater::HubOptions {
        urls: raw::strings("urls", from.urls, from.urls_len)?,
        name: text("name", &from.name)?.unwrap_or(default.name),
        token: text("token", &from.token)?,
        user: text("user", &from.user)?,
        password: text("password", &from.password)?,
        nkey_seed: text("nkey_seed", &from.nkey_seed)?,
        credentials_file: path("credentials_file", &from.credentials_file)?,
        ca_file: path("ca_file", &from.ca_file)?,
        cert_file: path("cert_file", &from.cert_file)?,
        key_file: path("key_file", &from.key_file)?,
        require_tls: from.require_tls != 0,
        tls_first: from.tls_first != 0,
        domain: text("domain", &from.domain)?,
        api_prefix: text("api_prefix", &from.api_prefix)?,
        request_timeout: wait(from.request_timeout_ms, default.request_timeout),
        connect_timeout: wait(from.connect_timeout_ms, default.connect_timeout),
        reconnect_delay_min: wait(from.reconnect_delay_min_ms, default.reconnect_delay_min),
        reconnect_delay_max: wait(from.reconnect_delay_max_ms, default.reconnect_delay_max),
        window: if from.window == 0 { default.window } else { from.window as usize },
        replicas: from.replicas.max(1),
        retry_on_initial_connect: from.retry_on_initial_connect != 0,
        ..headwater::HubOptions::default()
    })
}

/// Connects to a hub: an engine whose streams, buckets, objects and points are there. What a hub cannot do as a
/// directory does is refused with HW_STATUS_UNSUPPORTED. Waits at most `timeout_ms` milliseconds: -1 waits as long as
/// the options allow, and with `retry_on_initial_connect` nothing is waited for.
///
/// Errors:    HW_STATUS_INVALID (options that cannot be), HW_STATUS_IO (no server answers, or it does not let us in),
///            HW_STATUS_TIMEOUT (given up), HW_STATUS_UNSUPPORTED (no JetStream there, a server older than 2.10, or a
///            library that was built without the hub).
/// Ownership: `*engine` is yours, free with hw_engine_free.
/// Threads:   any. The engine has a thread of its own for the connection.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_connect(
    options: *const hw_hub_options,
    timeout_ms: i64,
    engine: *mut *mut hw_engine,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let options = raw::required("options", options)?;
        let out = Out::required("engine", engine)?;
        give(connect(&options, timeout_ms)?, out);
        Ok(())
    })
}

#[cfg(all(test, not(feature = "hub")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_hub_says_so() {
        let options = hw_hub_options { struct_size: size_of::<hw_hub_options>(), ..raw::zeroed() };
        let mut engine = std::ptr::null_mut();
        let status = hw_engine_connect(&raw const options, -1, &raw mut engine, std::ptr::null_mut());
        assert_eq!((status, engine.is_null()), (hw_status::Unsupported, true));
    }
}
