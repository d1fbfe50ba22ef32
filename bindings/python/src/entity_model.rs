//! Which entities are there and where they are, as the tuples of `headwater/_model.py`; and the hash of shards.

use headwater::entities::{self, ClusterNode, EntityInfo, EntityState, SHARDS};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::convert::Whole;
use crate::entity_config::entity_id;
use crate::error::invalid;
use crate::model::model_class;

fn state(state: EntityState) -> &'static str {
    match state {
        EntityState::Idle => "idle",
        EntityState::Ready => "ready",
        EntityState::Running => "running",
        EntityState::Resting => "resting",
        EntityState::Paused => "paused",
    }
}

/// Entities of a list.
pub(crate) fn infos(py: Python<'_>, all: Vec<EntityInfo>) -> PyResult<Py<PyAny>> {
    let class = model_class(py, "EntityInfo")?;
    let one = |it: EntityInfo| {
        let node = Some(it.node).filter(|node| !node.is_empty());
        class.call1((it.kind, it.key, it.shard, node, state(it.state), it.waiting))
    };
    Ok(PyList::new(py, all.into_iter().map(one).collect::<PyResult<Vec<_>>>()?)?.into_any().unbind())
}

/// Nodes of a cluster.
pub(crate) fn nodes(py: Python<'_>, all: Vec<ClusterNode>) -> PyResult<Py<PyAny>> {
    let class = model_class(py, "ClusterNode")?;
    let one = |it: ClusterNode| class.call1((it.name, it.is_alive, it.weight, it.shards));
    Ok(PyList::new(py, all.into_iter().map(one).collect::<PyResult<Vec<_>>>()?)?.into_any().unbind())
}

/// Where an entity is.
pub(crate) fn place(py: Python<'_>, node: Option<String>, shard: u32, epoch: Option<u64>) -> PyResult<Py<PyAny>> {
    Ok(model_class(py, "EntityPlace")?.call1((node, shard, epoch))?.unbind())
}

/// The shard of an entity where keys are spread over so many of them: the same in every language, for ever.
#[pyfunction]
#[pyo3(signature = (kind, key, shards=Whole(SHARDS as u64)), text_signature = "(kind, key, shards=256)")]
pub(crate) fn shard_of(py: Python<'_>, kind: &str, key: &str, shards: Whole) -> PyResult<u32> {
    let id = entity_id(py, kind, key)?;
    let shards = number(py, "shards", shards)?;
    if shards == 0 {
        return Err(invalid(py, "shards must be at least 1"));
    }
    Ok(entities::shard_of(id.kind, id.key, shards))
}

/// Which of these nodes, each with its weight, a shard belongs on; `None` where none has a weight.
#[pyfunction]
pub(crate) fn shard_owner(py: Python<'_>, shard: Whole, nodes: Weights) -> PyResult<Option<String>> {
    let weights = nodes.0.iter().map(|(name, weight)| Ok((name.as_str(), number(py, "a weight", *weight)?)));
    let weights = weights.collect::<PyResult<Vec<_>>>()?;
    Ok(entities::owner_of(number(py, "a shard", shard)?, &weights).map(str::to_owned))
}

fn number(py: Python<'_>, what: &str, number: Whole) -> PyResult<u32> {
    let fitting = u32::try_from(number.0);
    fitting.map_err(|_| invalid(py, format!("{what} must be up to {}, not {}", u32::MAX, number.0)))
}

/// Nodes and their weights: a mapping, or pairs.
pub(crate) struct Weights(Vec<(String, Whole)>);

impl FromPyObject<'_, '_> for Weights {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let pairs = match object.cast::<PyDict>() {
            Ok(dict) => dict.items().into_any(),
            Err(_) if object.hasattr("items")? => object.call_method0("items")?,
            Err(_) => object.to_owned(),
        };
        pairs.try_iter()?.map(|pair| pair?.extract()).collect::<PyResult<_>>().map(Weights)
    }
}
