//! `--server`: a node that is reached over gRPC, in the place of a directory, and the files that it takes.

use std::path::PathBuf;

use clap::Args;
use headwater::{CertFiles, GrpcClient, Tls};

use crate::failure::{Done, Failure};
use crate::place::Place;

/// The flags of the verbs that a node does over gRPC too.
#[derive(Args)]
pub(crate) struct OverGrpc {
    /// Instead of a directory: a node's gRPC door, such as grpcs://127.0.0.1:9090; --ca, --cert and --key say who both
    /// are.
    #[arg(long = "server", global = true, value_name = "URL", help_heading = "Over gRPC")]
    url: Option<String>,
    /// The certificate of the CA that signed the node's.
    #[arg(long = "ca", global = true, value_name = "FILE", help_heading = "Over gRPC")]
    ca_file: Option<PathBuf>,
    /// The own certificate.
    #[arg(long = "cert", global = true, value_name = "FILE", help_heading = "Over gRPC")]
    cert_file: Option<PathBuf>,
    /// Its key.
    #[arg(long = "key", global = true, value_name = "FILE", help_heading = "Over gRPC")]
    key_file: Option<PathBuf>,
}

impl OverGrpc {
    /// A client of the node that is named; none when a directory or a hub is where to work.
    pub(crate) fn client(&self, place: &Place) -> Done<Option<GrpcClient>> {
        let files = [("--ca", &self.ca_file), ("--cert", &self.cert_file), ("--key", &self.key_file)];
        let Some(url) = &self.url else {
            return match files.iter().find(|(_, file)| file.is_some()) {
                Some((name, _)) => Err(Failure::usage(format!("{name} is given, and no --server that it is for"))),
                None => Ok(None),
            };
        };
        let other = [("--dir", place.dir.is_some()), ("--hub", place.hub.is_some())];
        if let Some((name, _)) = other.iter().find(|(_, is_given)| *is_given) {
            return Err(Failure::usage(format!("{name} and --server are given: this verb works in one place")));
        }
        // Without TLS no file would be asked for, so the address comes first.
        GrpcClient::check(url)?;
        let (Some(ca), Some(cert), Some(key)) = (&self.ca_file, &self.cert_file, &self.key_file) else {
            let missing: Vec<&str> = files.iter().filter(|(_, file)| file.is_none()).map(|(name, _)| *name).collect();
            return Err(Failure::usage(format!("--server needs {}, a PEM file", missing.join(" and "))));
        };
        let files = CertFiles { ca: ca.clone(), cert: cert.clone(), key: key.clone() };
        Ok(Some(GrpcClient::new(url, &Tls::load(&files)?)?))
    }
}
