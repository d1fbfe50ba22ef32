//! What only a hub has of a stream: `HubConfig`, `StreamSource` and `SubjectTransform` of `headwater/_model.py`.

use headwater::{HubConfig, Storage, StreamSource, SubjectTransform};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::error::wrong_type;
use crate::model::{model, name_of};
use crate::settings::Settings;
use crate::time::Moment;

const STORAGES: [(&str, Storage); 2] = [("file", Storage::File), ("memory", Storage::Memory)];

/// The settings of a hub that a `HubConfig` has.
pub(crate) fn from_python(value: &Bound<'_, PyAny>) -> PyResult<HubConfig> {
    let settings = Settings::of_model("HubConfig", "hub", value)?;
    let mut hub = HubConfig::default();
    settings.set("replicas", &mut hub.replicas)?;
    settings.set_choice("storage", &STORAGES, &mut hub.storage)?;
    settings.set("placement_cluster", &mut hub.placement_cluster)?;
    settings.set_texts("placement_tags", &mut hub.placement_tags)?;
    if let Some(sources) = settings.take_any("sources")? {
        hub.sources = each(&sources, "sources", source)?;
    }
    hub.mirror = settings.take_any("mirror")?.map(|mirror| source("mirror", &mirror)).transpose()?;
    let change = settings.take_any("subject_transform")?;
    hub.subject_transform = change.map(|change| transform("subject_transform", &change)).transpose()?;
    settings.set("allow_direct", &mut hub.allow_direct)?;
    settings.finish()?;
    Ok(hub)
}

fn source(what: &str, value: &Bound<'_, PyAny>) -> PyResult<StreamSource> {
    let settings = Settings::of_model("StreamSource", what, value)?;
    let mut source = StreamSource::default();
    settings.set("name", &mut source.name)?;
    settings.set("start_seq", &mut source.start_seq)?;
    let mut start_time = Moment(0);
    settings.set("start_time", &mut start_time)?;
    source.start_time = start_time.commit(value.py())?;
    settings.set("filter", &mut source.filter)?;
    if let Some(transforms) = settings.take_any("transforms")? {
        source.transforms = each(&transforms, "transforms", transform)?;
    }
    settings.set("domain", &mut source.domain)?;
    settings.finish()?;
    Ok(source)
}

fn transform(what: &str, value: &Bound<'_, PyAny>) -> PyResult<SubjectTransform> {
    let settings = Settings::of_model("SubjectTransform", what, value)?;
    let mut transform = SubjectTransform::default();
    settings.set("source", &mut transform.source)?;
    settings.set("destination", &mut transform.destination)?;
    settings.finish()?;
    Ok(transform)
}

fn each<T>(
    values: &Bound<'_, PyAny>,
    what: &str,
    read: impl Fn(&str, &Bound<'_, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let values = values.try_iter().map_err(|_| wrong_type(what, "an iterable", values))?;
    values.map(|value| read(what, &value?)).collect()
}

/// The settings of a hub as a `HubConfig`.
pub(crate) fn to_python<'py>(py: Python<'py>, hub: &HubConfig) -> PyResult<Bound<'py, PyAny>> {
    let sources: Vec<_> = hub.sources.iter().map(|source| source_model(py, source)).collect::<PyResult<_>>()?;
    let change = hub.subject_transform.as_ref();
    let fields = PyDict::new(py);
    fields.set_item("replicas", hub.replicas)?;
    fields.set_item("storage", name_of(&STORAGES, hub.storage))?;
    fields.set_item("placement_cluster", &hub.placement_cluster)?;
    fields.set_item("placement_tags", PyTuple::new(py, &hub.placement_tags)?)?;
    fields.set_item("sources", PyTuple::new(py, sources)?)?;
    fields.set_item("mirror", hub.mirror.as_ref().map(|mirror| source_model(py, mirror)).transpose()?)?;
    fields.set_item("subject_transform", change.map(|change| transform_model(py, change)).transpose()?)?;
    fields.set_item("allow_direct", hub.allow_direct)?;
    model(py, "HubConfig", &fields)
}

fn source_model<'py>(py: Python<'py>, source: &StreamSource) -> PyResult<Bound<'py, PyAny>> {
    let transforms = source.transforms.iter().map(|change| transform_model(py, change));
    let transforms: Vec<_> = transforms.collect::<PyResult<_>>()?;
    let fields = PyDict::new(py);
    fields.set_item("name", &source.name)?;
    fields.set_item("start_seq", source.start_seq)?;
    fields.set_item("start_time", source.start_time)?;
    fields.set_item("filter", &source.filter)?;
    fields.set_item("transforms", PyTuple::new(py, transforms)?)?;
    fields.set_item("domain", &source.domain)?;
    model(py, "StreamSource", &fields)
}

fn transform_model<'py>(py: Python<'py>, transform: &SubjectTransform) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("source", &transform.source)?;
    fields.set_item("destination", &transform.destination)?;
    model(py, "SubjectTransform", &fields)
}
