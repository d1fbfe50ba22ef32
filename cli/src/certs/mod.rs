//! `headwater certs`: a CA and certificates of nodes and clients, to try out what asks for them. The verbs and their
//! arguments are here; how certificates are made is in `make`.

mod make;

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind as IoKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use headwater::ErrorKind;
use serde::Serialize;

use crate::failure::{Done, Failure};
use crate::place::Place;
use make::Pair;

/// What the files of the CA are called.
const CA: &str = "ca";
/// The hosts that a certificate is for beside its name when nobody says.
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Who may read a key.
const KEY_MODE: u32 = 0o600;
/// Who may read a certificate.
const CERT_MODE: u32 = 0o644;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Makes a CA: ca.pem, which everybody gets, and ca.key, which signs and stays where it is.
    #[command(after_help = "Example:\n  headwater certs ca --out certs")]
    Ca(Ca),
    /// Makes the certificate of a node or a client, signed by a CA that 'certs ca' made.
    #[command(after_help = "Examples:
  headwater certs node --ca certs --name a --out certs
  headwater certs node --ca certs --name b --host b.example.org --days 90 --out certs

It is good for listening and for dialling, under its name and its hosts.")]
    Node(Node),
}

#[derive(Args)]
pub(crate) struct Ca {
    /// The directory for its files, which is made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// For how many days it is good.
    #[arg(long, value_name = "DAYS", default_value_t = 3_650, value_parser = days())]
    days: u32,
}

#[derive(Args)]
pub(crate) struct Node {
    /// The directory with ca.pem and ca.key.
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// Its name: letters, digits, '-' and '.'. The files are called by it.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: String,
    /// The directory for its files, which is made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A DNS name or IP address that it is reached by, beside its name [default: localhost, 127.0.0.1 and ::1].
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// For how many days it is good.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = days())]
    days: u32,
}

#[derive(Serialize)]
struct Made {
    cert: String,
    key: String,
    days: u32,
}

/// From a day to a hundred years.
fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=36_500)
}

fn parse_name(name: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if name == CA {
        return Err("that is what the files of the CA are called".to_owned());
    }
    if name.chars().all(good) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Ok(name.to_owned())
    } else {
        Err("a name is of letters, digits, '-' and '.', and begins with none of the last two".to_owned())
    }
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        if place.dir.is_some() || place.hub.is_some() {
            return Err(Failure::usage("certs are files beside directories and hubs: --out says where they go"));
        }
        match self {
            Verb::Ca(ca) => ca.run(place),
            Verb::Node(node) => node.run(place),
        }
    }
}

impl Ca {
    fn run(self, place: &Place) -> Done {
        let out = self.out.display();
        let next = format!("next: headwater certs node --ca {out} --name a --out {out}");
        put(place, &self.out, CA, self.days, &next, || make::ca(self.days))
    }
}

impl Node {
    fn run(self, place: &Place) -> Done {
        let (ca, key) = (read(&self.ca.join("ca.pem"))?, read(&self.ca.join("ca.key"))?);
        let hosts = if self.hosts.is_empty() { HOSTS.map(str::to_owned).into() } else { self.hosts };
        let file = |dir: &Path, name: &str| dir.join(name).display().to_string();
        let next = format!(
            "next: in headwater.toml, under [grpc]: bind = \"127.0.0.1:9090\", ca = \"{}\", cert = \"{}\", \
             key = \"{}\"",
            file(&self.ca, "ca.pem"),
            file(&self.out, &format!("{}.pem", self.name)),
            file(&self.out, &format!("{}.key", self.name))
        );
        put(place, &self.out, &self.name, self.days, &next, || {
            make::node(&ca, &key, &self.name, hosts, self.days).map_err(|e| match e {
                Failure::Engine(error) => Failure::Engine(error.context(self.ca.display())),
                other => other,
            })
        })
    }
}

/// A CA and a certificate for each of some nodes of this machine, made where they are not there yet.
pub(crate) fn provide(dir: &Path, names: &[String], days: u32) -> Done {
    fs::create_dir_all(dir).map_err(|e| Failure::io(format_args!("make {}", dir.display()), &e))?;
    let files = |name: &str| (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
    let keep = |(cert, key): (PathBuf, PathBuf), make: &dyn Fn() -> Done<Pair>| -> Done {
        if cert.exists() && key.exists() {
            return Ok(());
        }
        let pair = make()?;
        write(&key, &pair.key, KEY_MODE)?;
        write(&cert, &pair.cert, CERT_MODE)
    };
    keep(files(CA), &|| make::ca(days))?;
    let (ca, ca_key) = (read(&files(CA).0)?, read(&files(CA).1)?);
    let hosts = || HOSTS.map(str::to_owned).into();
    names.iter().try_for_each(|name| keep(files(name), &|| make::node(&ca, &ca_key, name, hosts(), days)))
}

fn read(path: &Path) -> Done<String> {
    fs::read_to_string(path).map_err(|e| Failure::io(format_args!("read {}", path.display()), &e))
}

/// Writes both files, neither of which may be there, and says where they are.
fn put(place: &Place, dir: &Path, name: &str, days: u32, next: &str, make: impl FnOnce() -> Done<Pair>) -> Done {
    let (cert, key) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
    if let Some(there) = [&cert, &key].into_iter().find(|path| path.exists()) {
        return Err(is_there(there));
    }
    let pair = make()?;
    fs::create_dir_all(dir).map_err(|e| Failure::io(format_args!("make {}", dir.display()), &e))?;
    write(&key, &pair.key, KEY_MODE)?;
    write(&cert, &pair.cert, CERT_MODE).inspect_err(|_| drop(fs::remove_file(&key)))?;
    let made = Made { cert: cert.display().to_string(), key: key.display().to_string(), days };
    let mut out = place.output();
    out.either(&made, || format!("{}\n{}\n{next}", made.cert, made.key))?;
    out.flush()
}

fn is_there(path: &Path) -> Failure {
    Failure::new(ErrorKind::Conflict, format!("{} is there, and is not written over", path.display()))
}

fn write(path: &Path, text: &str, mode: u32) -> Done {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|e| match e.kind() {
        IoKind::AlreadyExists => is_there(path),
        _ => Failure::io(format_args!("write {}", path.display()), &e),
    })
}
