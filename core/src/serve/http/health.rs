//! Whether a node is ready: why not, in sentences.

use crate::engine::Engine;
use crate::stream::hub_state::HubPhase;

/// Why it is not ready; nothing when it is.
pub(super) fn reasons(engine: &Engine) -> Vec<String> {
    let mut reasons = damaged(engine).unwrap_or_else(|error| vec![error.to_string()]);
    let metrics = engine.metrics().unwrap_or_default();
    let poisoned = metrics.into_iter().filter(|m| m.name == "headwater_stream_poisoned" && m.value > 0.0);
    let names = poisoned.flat_map(|m| m.labels).map(|(_, name)| name);
    reasons.extend(names.map(|name| format!("stream '{name}': a sync failed, and it takes nothing more")));
    if let Ok(state) = engine.hub_state()
        && state.phase == HubPhase::Connecting
    {
        let why = if state.last_error.is_empty() { "no server answered" } else { &state.last_error };
        reasons.push(format!("the hub was not reached yet: {}", why.replace('\n', " ")));
    }
    reasons
}

/// The streams that are there and cannot be read.
fn damaged(engine: &Engine) -> crate::error::Result<Vec<String>> {
    let whole: Vec<String> = engine.streams().wait()?.into_iter().map(|info| info.config.name).collect();
    let names = engine.stream_names().wait()?;
    let damaged = names.into_iter().filter(|name| !whole.contains(name));
    Ok(damaged.map(|name| format!("stream '{name}' is damaged: headwater verify says what is missing")).collect())
}
