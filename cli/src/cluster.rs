//! `headwater cluster`: a mesh on this machine in one command. Each node has a directory and a file of its own, as it
//! would have elsewhere, so what is tried out here can be carried on with `headwater serve`.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use clap::Args;
use headwater::{Engine, LocalServer, MeshStatus};

use crate::certs;
use crate::failure::{Done, Failure};
use crate::mesh;
use crate::place::Place;
use crate::serve::{Signals, load};

pub(crate) const EXAMPLES: &str = "\
Examples:
  headwater cluster 3
  headwater cluster 5 --dir tour

The nodes are directories a, b, c, ... in --dir (cluster when it is not given), each with its file beside it, and \
certificates for all of them in certs. Ctrl-C ends the nodes; what they hold is kept. While they run:
  headwater crdt incr likes 5 --dir cluster/a
  headwater crdt get likes --dir cluster/c";

/// As many names as there are letters.
const NODES_MAX: u8 = 26;
/// For how many days the certificates are good.
const DAYS: u32 = 365;
/// As many lines as an engine's log queue holds.
const LOG_LINES_MAX: usize = 1024;

#[derive(Args)]
pub(crate) struct Cluster {
    /// How many nodes.
    #[arg(default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=i64::from(NODES_MAX)))]
    nodes: u8,
}

struct Node {
    name: String,
    engine: Engine,
    local: LocalServer,
}

impl Cluster {
    pub(crate) fn run(self, place: &Place) -> Done {
        if place.hub.is_some() {
            return Err(Failure::usage("--hub: a mesh has no hub"));
        }
        let home = place.dir.clone().unwrap_or_else(|| PathBuf::from("cluster"));
        let mut signals = Signals::listen()?;
        let files = self.files(&home)?;
        let nodes: Vec<Node> = files.iter().map(|(name, file)| start(name, file)).collect::<Done<_>>()?;
        let shown = show(place, &home, &nodes);
        let (said, lines) = mpsc::channel();
        for node in &nodes {
            follow(node, said.clone());
        }
        drop(said);
        let mut out = place.output();
        let printing = std::thread::spawn(move || {
            while let Ok(line) = lines.recv() {
                let printed = out.text(line).and_then(|()| out.flush());
                if printed.is_err() {
                    break;
                }
            }
        });
        if shown.is_ok() {
            signals.wait_for_end();
        }
        for node in &nodes {
            node.engine.leave_mesh();
        }
        for node in nodes {
            node.local.stop();
            node.engine.close()?;
        }
        let _ = printing.join();
        shown
    }

    /// The files of all nodes, made where they are not there. Ports are free ones, so they are chosen anew each time.
    fn files(&self, home: &Path) -> Done<Vec<(String, PathBuf)>> {
        let certs = home.join("certs");
        let names: Vec<String> = (b'a'..b'a' + self.nodes).map(|letter| char::from(letter).to_string()).collect();
        certs::provide(&certs, &names, DAYS)?;
        let ports = free_ports(names.len())?;
        let addresses: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let mut files = Vec::new();
        for (name, address) in names.into_iter().zip(&addresses) {
            let seeds: Vec<String> =
                addresses.iter().filter(|other| *other != address).map(|other| format!("\"{other}\"")).collect();
            let text = format!(
                "# Made by headwater cluster.\ndir = \"{name}\"\n\n[mesh]\nname = \"{name}\"\nbind = \"{address}\"\n\
                 seeds = [{}]\nca = \"certs/ca.pem\"\ncert = \"certs/{name}.pem\"\nkey = \"certs/{name}.key\"\n",
                seeds.join(", ")
            );
            let file = home.join(format!("{name}.toml"));
            fs::write(&file, text).map_err(|e| Failure::io(format_args!("write {}", file.display()), &e))?;
            files.push((name, file));
        }
        Ok(files)
    }
}

fn start(name: &str, file: &Path) -> Done<Node> {
    let engine = Engine::open_config(&load(file)?)?;
    let local = LocalServer::start(&engine)?;
    Ok(Node { name: name.to_owned(), engine, local })
}

/// Ports of this machine that nobody listens at.
fn free_ports(count: usize) -> Done<Vec<u16>> {
    // All are held until all are known, so that they differ.
    let held: std::io::Result<Vec<TcpListener>> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let ports = held.and_then(|held| held.iter().map(|socket| Ok(socket.local_addr()?.port())).collect());
    ports.map_err(|e| Failure::io("find free ports", &e))
}

/// Waits until all know of each other, and prints them.
fn show(place: &Place, home: &Path, nodes: &[Node]) -> Done {
    for node in nodes {
        while mesh_of(node)?.members.iter().filter(|member| member.connected).count() + 1 < nodes.len() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    let mut out = place.output();
    if let Some(first) = nodes.first() {
        mesh::print(&mut out, &mesh_of(first)?)?;
    }
    if !out.is_json() {
        let home = home.display();
        out.text(format_args!(
            "\ntry in another terminal:\n  headwater crdt incr likes 5 --dir {home}/a\n  headwater crdt get likes \
             --dir {home}/{}\n  headwater mesh status --dir {home}/a\nCtrl-C ends all nodes.",
            nodes.last().map_or("a", |node| &node.name)
        ))?;
    }
    out.flush()
}

fn mesh_of(node: &Node) -> Done<MeshStatus> {
    let mesh = node.engine.mesh().wait()?;
    mesh.ok_or_else(|| Failure::usage(format!("node {} is in no mesh: its file was changed", node.name)))
}

/// Says what a node has to say, until its engine is closed.
fn follow(node: &Node, said: mpsc::Sender<String>) {
    let (engine, name) = (node.engine.clone(), node.name.clone());
    std::thread::spawn(move || {
        while let Ok(lines) = engine.next_logs(LOG_LINES_MAX).wait() {
            for line in lines.iter().filter(|line| line.level != "debug") {
                if said.send(format!("{name}: {}", line.message)).is_err() {
                    return;
                }
            }
        }
    });
}
