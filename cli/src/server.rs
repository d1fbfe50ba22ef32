//! `--server`: a node that is reached over gRPC, in the place of a directory, and the files that it takes.

use std::path::PathBuf;

use clap::Args;
use headwater::{CertFiles, GrpcClient, Tls};

use crate::failure::{Done, Failure};
use crate::place::Place;

/// The PEM files that say who both ends of a connection to a node are.
#[derive(Args)]
pub(crate) struct Files {
    /// The certificate of the CA that signed the node's.
    #[arg(id = "ca_file", long = "ca", global = true, value_name = "FILE", help_heading = "Over gRPC")]
    ca: Option<PathBuf>,
    /// The own certificate.
    #[arg(id = "cert_file", long = "cert", global = true, value_name = "FILE", help_heading = "Over gRPC")]
    cert: Option<PathBuf>,
    /// Its key.
    #[arg(id = "key_file", long = "key", global = true, value_name = "FILE", help_heading = "Over gRPC")]
    key: Option<PathBuf>,
}

impl Files {
    fn all(&self) -> [(&'static str, &Option<PathBuf>); 3] {
        [("--ca", &self.ca), ("--cert", &self.cert), ("--key", &self.key)]
    }

    /// Refuses files where no node is called.
    pub(crate) fn check_none(&self) -> Done {
        match self.all().iter().find(|(_, file)| file.is_some()) {
            Some((name, _)) => Err(Failure::usage(format!("{name} is given, and no --server that it is for"))),
            None => Ok(()),
        }
    }

    /// What proves both ends.
    pub(crate) fn tls(&self) -> Done<Tls> {
        let (Some(ca), Some(cert), Some(key)) = (&self.ca, &self.cert, &self.key) else {
            let all = self.all();
            let missing: Vec<&str> = all.iter().filter(|(_, file)| file.is_none()).map(|(name, _)| *name).collect();
            return Err(Failure::usage(format!("--server needs {}, a PEM file", missing.join(" and "))));
        };
        Ok(Tls::load(&CertFiles { ca: ca.clone(), cert: cert.clone(), key: key.clone() })?)
    }
}

/// The flags of the verbs that a node does over gRPC too.
#[derive(Args)]
pub(crate) struct OverGrpc {
    /// Instead of a directory: a node's gRPC door, such as grpcs://127.0.0.1:9090; --ca, --cert and --key say who both
    /// are.
    #[arg(long = "server", global = true, value_name = "URL", help_heading = "Over gRPC")]
    url: Option<String>,
    #[command(flatten)]
    files: Files,
}

impl OverGrpc {
    /// A client of the node that is named; none when a directory or a hub is where to work.
    pub(crate) fn client(&self, place: &Place) -> Done<Option<GrpcClient>> {
        let Some(url) = &self.url else {
            return self.files.check_none().map(|()| None);
        };
        let other = [("--dir", place.dir.is_some()), ("--hub", place.hub.is_some())];
        if let Some((name, _)) = other.iter().find(|(_, is_given)| *is_given) {
            return Err(Failure::usage(format!("{name} and --server are given: this verb works in one place")));
        }
        // Without TLS no file would be asked for, so the address comes first.
        GrpcClient::check(url)?;
        Ok(Some(GrpcClient::new(url, &self.files.tls()?)?))
    }
}
