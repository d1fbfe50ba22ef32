//! What only a hub has of a stream. What is not there, such as a mirror, is left out on the way out too.

use headwater::{HubConfig, Storage, StreamSource, SubjectTransform};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::{choice, name_of, set, set_u64};
use crate::error::Result;

const STORAGE: [(&str, Storage); 2] = [("file", Storage::File), ("memory", Storage::Memory)];

/// Settings of a stream that only a hub has.
#[napi(object)]
pub struct HubSettings {
    pub replicas: Option<u32>,
    pub storage: Option<String>,
    pub placement_cluster: Option<String>,
    pub placement_tags: Option<Vec<String>>,
    pub sources: Option<Vec<SourceSettings>>,
    pub mirror: Option<SourceSettings>,
    pub subject_transform: Option<TransformSettings>,
    pub allow_direct: Option<bool>,
}

impl HubSettings {
    /// As core wants it.
    pub(super) fn into_core(self) -> Result<HubConfig> {
        let mut c = HubConfig::default();
        set(&mut c.replicas, self.replicas);
        set(&mut c.storage, self.storage.map(|n| choice("storage", &STORAGE, &n)).transpose()?);
        set(&mut c.placement_cluster, self.placement_cluster);
        set(&mut c.placement_tags, self.placement_tags);
        let sources = self.sources.unwrap_or_default();
        c.sources = sources.into_iter().map(SourceSettings::into_core).collect::<Result<_>>()?;
        c.mirror = self.mirror.map(SourceSettings::into_core).transpose()?;
        c.subject_transform = self.subject_transform.map(TransformSettings::into_core);
        set(&mut c.allow_direct, self.allow_direct);
        Ok(c)
    }

    /// As JavaScript sees it.
    pub(super) fn from_core(c: HubConfig) -> Self {
        HubSettings {
            replicas: Some(c.replicas),
            storage: Some(name_of(&STORAGE, &c.storage)),
            placement_cluster: Some(c.placement_cluster),
            placement_tags: Some(c.placement_tags),
            sources: Some(c.sources.into_iter().map(SourceSettings::from_core).collect()),
            mirror: c.mirror.map(SourceSettings::from_core),
            subject_transform: c.subject_transform.map(TransformSettings::from_core),
            allow_direct: Some(c.allow_direct),
        }
    }
}

/// A stream that another one takes records from.
#[napi(object)]
pub struct SourceSettings {
    pub name: Option<String>,
    pub start_seq: Option<BigInt>,
    pub start_time: Option<BigInt>,
    pub filter: Option<String>,
    pub transforms: Option<Vec<TransformSettings>>,
    pub domain: Option<String>,
}

impl SourceSettings {
    fn into_core(self) -> Result<StreamSource> {
        let mut c = StreamSource::default();
        set(&mut c.name, self.name);
        set_u64(&mut c.start_seq, "startSeq", self.start_seq.as_ref())?;
        set_u64(&mut c.start_time, "startTime", self.start_time.as_ref())?;
        set(&mut c.filter, self.filter);
        c.transforms = self.transforms.unwrap_or_default().into_iter().map(TransformSettings::into_core).collect();
        set(&mut c.domain, self.domain);
        Ok(c)
    }

    fn from_core(c: StreamSource) -> Self {
        SourceSettings {
            name: Some(c.name),
            start_seq: Some(c.start_seq.into()),
            start_time: Some(c.start_time.into()),
            filter: Some(c.filter),
            transforms: Some(c.transforms.into_iter().map(TransformSettings::from_core).collect()),
            domain: Some(c.domain),
        }
    }
}

/// How a subject becomes another.
#[napi(object)]
pub struct TransformSettings {
    pub source: Option<String>,
    pub destination: Option<String>,
}

impl TransformSettings {
    fn into_core(self) -> SubjectTransform {
        SubjectTransform { source: self.source.unwrap_or_default(), destination: self.destination.unwrap_or_default() }
    }

    fn from_core(c: SubjectTransform) -> Self {
        TransformSettings { source: Some(c.source), destination: Some(c.destination) }
    }
}
