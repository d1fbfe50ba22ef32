//! `headwater serve`: a node that runs until it is told to end. What it does is the engine's; here are its start, its
//! signals and its log.

use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use headwater::replica::DatabaseConfig;
use headwater::{CONFIG_FILE, Config, Engine, GrpcConfig, GrpcServer, HttpServer, LocalServer, Tls};
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::pipe;

use crate::failure::{Done, Failure, report_warning};
use crate::place::Place;

pub(crate) const EXAMPLES: &str = "\
Examples:
  headwater serve --config a.toml
  headwater serve --dir data

With --dir, data/headwater.toml is read where it is there. On SIGTERM or Ctrl-C it syncs everything and ends with \
exit code 0. On SIGHUP it reads its file again: streams, links, the replicated file and keys of tokens become what \
that says. Presence, its page, /health/liveness, /health/readiness and /metrics are served at the address that \
[http] bind says, and else at a free port of 127.0.0.1, which is printed. Stores of state that merges are served \
over gRPC where [grpc] says it, and kept in step with those of other nodes where [mesh] says it.";

/// As many lines as an engine's log queue holds.
const LOG_LINES_MAX: usize = 1024;

/// How often it is looked whether nothing is replicated.
const SLEEP_LOOK: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(crate) struct Serve {
    /// What the node is: its directory, streams, hub and links.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where presence, health and metrics are served over HTTP, instead of what the configuration says.
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,
}

#[derive(Serialize)]
struct Started {
    serving: String,
    socket: String,
    http: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    grpc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mesh: Option<String>,
}

impl Serve {
    pub(crate) fn run(self, place: &Place) -> Done {
        if place.hub.is_some() {
            return Err(Failure::usage("--hub: a node names its hub in the configuration, or by headwater link add"));
        }
        let config = self.config(place)?;
        let mut signals = Signals::listen()?;
        let engine = Engine::open_config(&config)?;
        let outcome = self.serve(place, &engine, &config, &mut signals);
        let closed = engine.close();
        place.warn(&engine);
        outcome?;
        Ok(closed?)
    }

    fn config(&self, place: &Place) -> Done<Config> {
        if let Some(path) = &self.config {
            if place.dir.is_some() {
                return Err(Failure::usage("--config and --dir are given: the file says which directory"));
            }
            return Ok(load(path)?);
        }
        let dir = place.dir()?;
        let path = dir.join(CONFIG_FILE);
        if !path.exists() {
            return Ok(Config { dir: Some(dir), ..Config::default() });
        }
        let config = load(&path)?;
        let same = |a: &Path| a == dir || a.canonicalize().ok() == dir.canonicalize().ok();
        if !config.dir.as_deref().is_some_and(same) {
            let message = format!("{}: its dir is another one: use --config to serve that", path.display());
            return Err(Failure::usage(message));
        }
        Ok(config)
    }

    /// The configuration as the HTTP door has it.
    fn at_door(&self, config: &Config) -> Config {
        let mut config = config.clone();
        config.http.bind = self.http.or(config.http.bind);
        config
    }

    fn serve(&self, place: &Place, engine: &Engine, config: &Config, signals: &mut Signals) -> Done {
        let local = LocalServer::start(engine)?;
        let http = HttpServer::start(engine, &self.at_door(config))?;
        let mesh = engine.mesh().wait()?;
        let grpc = config.grpc.as_ref().map(|grpc| serve_grpc(engine, grpc)).transpose()?;
        let started = Started {
            serving: engine.dir().unwrap_or_default().display().to_string(),
            socket: local.socket().display().to_string(),
            http: http.url(),
            grpc: grpc.as_ref().map(|grpc| format!("grpcs://{}", grpc.address())),
            mesh: mesh.map(|mesh| mesh.own.address),
        };
        let mut out = place.output();
        out.either(&started, || {
            let mut places = vec![started.socket.clone(), started.http.clone()];
            places.extend(started.grpc.clone());
            places.extend(started.mesh.as_ref().map(|mesh| format!("in a mesh at {mesh}")));
            let last = places.pop().unwrap_or_default();
            format!("serving {} at {} and {last}", started.serving, places.join(", "))
        })?;
        out.flush()?;
        let (log, json) = (engine.clone(), place.json);
        let printing = std::thread::spawn(move || {
            // Until the engine is closed.
            while let Ok(lines) = log.next_logs(LOG_LINES_MAX).wait() {
                lines.iter().filter(|l| l.level != "debug").for_each(|l| report_warning(&l.message, json));
            }
        });
        if let Some(replica) = config.replica.as_ref().filter(|it| !it.sleep_timeout.is_zero()) {
            sleep_when_idle(engine, replica, json)?;
        }
        while signals.wait() == Told::Reload {
            let told = self.config(place).map(|config| {
                let door = http.reload(&self.at_door(&config));
                [engine.reconfigure(&config), door]
            });
            let failed = match told {
                Ok(outcomes) => outcomes.into_iter().filter_map(Result::err).collect(),
                Err(Failure::Engine(error)) => vec![error],
                Err(_) => Vec::new(),
            };
            for error in failed {
                report_warning(&format!("not all that the configuration says now is done: {error}"), json);
            }
        }
        if let Some(grpc) = &grpc {
            grpc.stop();
        }
        http.stop();
        local.stop();
        engine.close()?;
        let _ = printing.join();
        Ok(())
    }
}

/// Ends this process as a SIGTERM does, once nothing was replicated for as long as the configuration says.
fn sleep_when_idle(engine: &Engine, config: &DatabaseConfig, json: bool) -> Done {
    let database = engine.database(&config.database_name()?).wait()?;
    let limit = config.sleep_timeout.as_millis();
    let has_store = !config.snapshot.store.is_empty();
    std::thread::spawn(move || {
        // Until the engine is closed.
        while let Ok(status) = database.status().wait() {
            if u128::from(status.idle_ms) >= limit && status.pending + status.unsent + status.lag_records == 0 {
                if let Some(Err(error)) = has_store.then(|| database.snapshot().wait()) {
                    report_warning(&format!("no snapshot is made before the end: {error}"), json);
                }
                let _ = signal_hook::low_level::raise(SIGTERM);
                return;
            }
            std::thread::sleep(SLEEP_LOOK);
        }
    });
    Ok(())
}

fn serve_grpc(engine: &Engine, config: &GrpcConfig) -> headwater::Result<GrpcServer> {
    let tls = Tls::load(&config.certs).map_err(|e| e.context("[grpc]"))?;
    GrpcServer::start(engine, config.bind, &tls).map_err(|e| e.context("[grpc]"))
}

/// Reads a configuration, with the environment of this process.
pub(crate) fn load(path: &Path) -> headwater::Result<Config> {
    Config::load(path, &|name| std::env::var(name).ok())
}

/// What a signal says.
#[derive(PartialEq)]
enum Told {
    End,
    Reload,
}

/// The wait for SIGTERM or Ctrl-C, of which a second one ends the process at once, and for SIGHUP.
pub(crate) struct Signals {
    told: UnixStream,
    end: Arc<AtomicBool>,
}

impl Signals {
    pub(crate) fn listen() -> Done<Self> {
        let at = |e| Failure::io("listen for signals", &e);
        let (told, tell) = UnixStream::pair().map_err(at)?;
        let end = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // In this order: the first one finds `end` unset and sets it.
            flag::register_conditional_default(signal, Arc::clone(&end)).map_err(at)?;
            flag::register(signal, Arc::clone(&end)).map_err(at)?;
            pipe::register(signal, tell.try_clone().map_err(at)?).map_err(at)?;
        }
        pipe::register(SIGHUP, tell).map_err(at)?;
        Ok(Signals { told, end })
    }

    /// Waits until the process shall end.
    pub(crate) fn wait_for_end(&mut self) {
        while self.wait() != Told::End {}
    }

    fn wait(&mut self) -> Told {
        while let Err(error) = self.told.read_exact(&mut [0]) {
            if error.kind() != std::io::ErrorKind::Interrupted {
                return Told::End;
            }
        }
        if self.end.load(Ordering::Acquire) { Told::End } else { Told::Reload }
    }
}
