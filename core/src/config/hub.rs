//! `[hub]`: how the hub is reached. A node that begins without a network goes on trying.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::file::Section;
use crate::disk::{Disk, OsDisk};
use crate::error::{Error, Result};
use crate::stream::config::nanos;
use crate::stream::hub::HubOptions;

/// The keys of `[hub]`: the fields of [`HubOptions`], and `url` for one of `urls`.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HubTable {
    url: Option<String>,
    urls: Vec<String>,
    name: String,
    token: Option<String>,
    user: Option<String>,
    password: Option<String>,
    nkey_seed: Option<String>,
    credentials_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    require_tls: bool,
    tls_first: bool,
    domain: Option<String>,
    api_prefix: Option<String>,
    #[serde(with = "nanos")]
    request_timeout: Duration,
    #[serde(with = "nanos")]
    connect_timeout: Duration,
    #[serde(with = "nanos")]
    reconnect_delay_min: Duration,
    #[serde(with = "nanos")]
    reconnect_delay_max: Duration,
    window: usize,
    replicas: u32,
}

impl Default for HubTable {
    fn default() -> Self {
        let hub = HubOptions::default();
        HubTable {
            url: None,
            urls: Vec::new(),
            name: hub.name,
            token: None,
            user: None,
            password: None,
            nkey_seed: None,
            credentials_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            require_tls: hub.require_tls,
            tls_first: hub.tls_first,
            domain: None,
            api_prefix: None,
            request_timeout: hub.request_timeout,
            connect_timeout: hub.connect_timeout,
            reconnect_delay_min: hub.reconnect_delay_min,
            reconnect_delay_max: hub.reconnect_delay_max,
            window: hub.window,
            replicas: hub.replicas,
        }
    }
}

impl HubTable {
    fn find_files(&mut self, beside: &Path) -> Result<()> {
        let files = [&mut self.credentials_file, &mut self.ca_file, &mut self.cert_file, &mut self.key_file];
        for file in files.into_iter().flatten() {
            *file = beside.join(&*file);
            if !OsDisk.exists(file) {
                return Err(Error::invalid(format!("there is no file {}", file.display())));
            }
        }
        Ok(())
    }

    fn options(&self) -> Result<HubOptions> {
        if self.url.is_some() && !self.urls.is_empty() {
            return Err(Error::invalid("url and urls are given, one of them is enough"));
        }
        let options = HubOptions {
            urls: self.url.iter().chain(&self.urls).cloned().collect(),
            name: self.name.clone(),
            token: self.token.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            nkey_seed: self.nkey_seed.clone(),
            credentials_file: self.credentials_file.clone(),
            ca_file: self.ca_file.clone(),
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            require_tls: self.require_tls,
            tls_first: self.tls_first,
            domain: self.domain.clone(),
            api_prefix: self.api_prefix.clone(),
            request_timeout: self.request_timeout,
            connect_timeout: self.connect_timeout,
            reconnect_delay_min: self.reconnect_delay_min,
            reconnect_delay_max: self.reconnect_delay_max,
            window: self.window,
            replicas: self.replicas,
            retry_on_initial_connect: true,
            ..HubOptions::default()
        };
        // Connecting takes what stands in an address apart, so that is only tried here.
        options.clone().checked()?;
        Ok(options)
    }
}

/// Reads the section. With `beside`, the directory that paths are relative to, the files that it names have to be
/// there.
pub(super) fn read(section: Section<'_>, beside: Option<&Path>) -> Result<HubOptions> {
    let options = |hub: &HubTable| {
        let mut hub = hub.clone();
        beside.map_or(Ok(()), |beside| hub.find_files(beside))?;
        hub.options()
    };
    options(&section.fill(|hub| options(hub).map(|_| ()))?)
}
