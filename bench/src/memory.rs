//! How much memory this process holds, as the kernel counts it.

use crate::Outcome;

/// The most resident bytes so far, page tables and shared libraries included.
pub(crate) fn peak_bytes() -> Outcome<u64> {
    status("VmHWM:")
}

/// The resident bytes now.
pub(crate) fn resident_bytes() -> Outcome<u64> {
    status("VmRSS:")
}

fn status(field: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes: u64 = line
        .and_then(|value| value.trim().strip_suffix("kB"))
        .and_then(|value| value.trim().parse().ok())
        .ok_or_else(|| format!("/proc/self/status has no {field}"))?;
    Ok(kibibytes << 10)
}
