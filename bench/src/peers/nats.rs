//! `nats-server`, started for a row on a free port of 127.0.0.1, and its Rust client used directly.
//!
//! Whatever the client does runs inside a task of a runtime with two threads, where it is fastest.

use std::collections::VecDeque;
use std::future::{Future, IntoFuture};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{pull, push};
use async_nats::jetstream::stream::{Config, External, Source as Sourced};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, HeaderMap};
use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};

use crate::Outcome;
use crate::source::Source;

/// The server that the goals speak of; `cargo xtask tools` fetches it.
const VERSION: &str = "2.15.1";
/// Publishes on their way at once.
pub(crate) const WINDOW: usize = 4000;
/// How long a server may take to come up.
const START_MAX: Duration = Duration::from_secs(20);

/// A server that runs, and ends with its handle.
pub(crate) struct Server {
    child: Option<Child>,
    config: PathBuf,
    port: u16,
}

impl Server {
    /// With JetStream in `dir`; `settings` go into its `jetstream` block, and `more` beside it.
    pub(crate) fn start(dir: &Path, settings: &str, more: &str) -> Outcome<Self> {
        std::fs::create_dir_all(dir)?;
        let (port, config) = (free_port()?, dir.join("nats.conf"));
        let store = dir.join("store");
        let store = store.display();
        let text = format!("listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{store}\", {settings} }}\n{more}\n");
        std::fs::write(&config, text)?;
        let mut server = Server { child: None, config, port };
        server.launch()?;
        Ok(server)
    }

    fn launch(&mut self) -> Outcome<()> {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/nats");
        let program = tools.join(VERSION).join("nats-server");
        let mut command = Command::new(&program);
        command.arg("-c").arg(&self.config).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|e| format!("{}: {e}: run `cargo xtask tools`", program.display()))?;
        self.child = Some(child);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if began.elapsed() > START_MAX {
                return Err(format!("nats-server did not come up on port {}", self.port).into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Kills it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again where it was; it answers when this returns.
    pub(crate) fn start_again(&mut self) -> Outcome<()> {
        self.launch()
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that is free now.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The client, connected.
pub(crate) struct Direct {
    runtime: Runtime,
    client: Client,
    jetstream: Context,
}

impl Direct {
    pub(crate) fn connect(url: &str) -> Outcome<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let options = ConnectOptions::new().client_capacity(2 * WINDOW).retry_on_initial_connect();
        let client = runtime.block_on(options.connect(url))?;
        let jetstream = runtime.block_on(async { jetstream::new(client.clone()) });
        Ok(Direct { runtime, client, jetstream })
    }

    /// The client itself.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Its JetStream.
    pub(crate) fn jetstream(&self) -> Context {
        self.jetstream.clone()
    }

    /// Runs work in a task of the client's runtime.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl Future<Output = Outcome<T>> + Send + 'static) -> Outcome<T> {
        self.runtime.block_on(async { self.runtime.spawn(work).await })?
    }

    pub(crate) fn create(&self, name: &str, subjects: &[&str]) -> Outcome<()> {
        let subjects = subjects.iter().map(|&s| s.to_owned()).collect();
        self.make(Config { name: name.to_owned(), subjects, allow_atomic_publish: true, ..Config::default() })
    }

    /// A stream that sources `from`, of the JetStream of another domain.
    pub(crate) fn create_sourcing(&self, name: &str, from: &str, domain: &str) -> Outcome<()> {
        let external = External { api_prefix: format!("$JS.{domain}.API"), delivery_prefix: None };
        let source = Sourced { name: from.to_owned(), external: Some(external), ..Sourced::default() };
        self.make(Config { name: name.to_owned(), sources: Some(vec![source]), ..Config::default() })
    }

    fn make(&self, config: Config) -> Outcome<()> {
        let jetstream = self.jetstream.clone();
        self.run(async move { Ok(jetstream.create_stream(config).await.map(drop)?) })
    }

    pub(crate) fn delete(&self, name: &str) -> Outcome<()> {
        let (jetstream, name) = (self.jetstream.clone(), name.to_owned());
        self.run(async move { Ok(jetstream.delete_stream(name).await.map(drop)?) })
    }

    /// How many records a stream holds; 0 while nobody answers.
    pub(crate) fn records(&self, name: &str) -> u64 {
        let (jetstream, name) = (self.jetstream.clone(), name.to_owned());
        let asked = self.run(async move { Ok(jetstream.get_stream(name).await?.cached_info().state.messages) });
        asked.unwrap_or(0)
    }

    /// Publishes the first records, many on their way at once, and waits for every acknowledgement.
    pub(crate) fn publish_window(&self, count: u64, mut source: Source) -> Outcome<()> {
        let jetstream = self.jetstream.clone();
        self.run(async move {
            let mut acks = VecDeque::new();
            for record in 0..count {
                if acks.len() == WINDOW {
                    acks.pop_front().map(IntoFuture::into_future).ok_or("no publish")?.await?;
                }
                let (subject, payload) = source.one(record);
                acks.push_back(jetstream.publish(subject.to_owned(), payload.to_vec().into()).await?);
            }
            for ack in acks {
                ack.await?;
            }
            Ok(())
        })
    }

    /// Publishes the first records, each waited for; returns how long each took.
    pub(crate) fn publish_each(&self, count: u64, mut source: Source) -> Outcome<Vec<Duration>> {
        let jetstream = self.jetstream.clone();
        self.run(async move {
            let mut took = Vec::new();
            for record in 0..count {
                let (subject, payload) = source.one(record);
                let began = Instant::now();
                jetstream.publish(subject.to_owned(), payload.to_vec().into()).await?.await?;
                took.push(began.elapsed());
            }
            Ok(took)
        })
    }

    /// Publishes one record and waits for it.
    pub(crate) fn publish_one(&self, subject: &str, payload: Vec<u8>) -> Outcome<()> {
        let (jetstream, subject) = (self.jetstream.clone(), subject.to_owned());
        self.run(async move { Ok(jetstream.publish(subject, payload.into()).await?.await.map(drop)?) })
    }

    /// Hands over that many records, and acknowledges each once `work` is done with it.
    pub(crate) fn take_each(
        &self,
        name: &str,
        count: u64,
        mut work: impl FnMut(&[u8]) -> Outcome<()> + Send + 'static,
    ) -> Outcome<()> {
        let (jetstream, name, inbox) = (self.jetstream.clone(), name.to_owned(), self.client.new_inbox());
        self.run(async move {
            let stream = jetstream.get_stream(name).await?;
            let config = push::Config { deliver_subject: inbox, ..push::Config::default() };
            let mut messages = stream.create_consumer(config).await?.messages().await?;
            for _ in 0..count {
                let message = messages.next().await.ok_or("the messages end")??;
                work(&message.payload)?;
                message.ack().await.map_err(|e| e.to_string())?;
            }
            Ok(())
        })
    }

    /// Publishes pairs in atomic batches, each waited for; returns how long each took.
    pub(crate) fn publish_pairs(&self, count: u64, mut source: Source) -> Outcome<Vec<Duration>> {
        let client = self.client.clone();
        self.run(async move {
            let mut took = Vec::new();
            for pair in 0..count {
                let (subject, payload) = source.one(pair);
                let (subject, payload) = (subject.to_owned(), payload.to_vec());
                let headers = |place: &str| {
                    let mut headers = HeaderMap::new();
                    headers.insert("Nats-Batch-Id", format!("pair-{pair}").as_str());
                    headers.insert("Nats-Batch-Sequence", place);
                    headers
                };
                let began = Instant::now();
                client.publish_with_headers(subject.clone(), headers("1"), payload.clone().into()).await?;
                let mut last = headers("2");
                last.insert("Nats-Batch-Commit", "1");
                let answer = client.request_with_headers(subject, last, payload.into()).await?;
                if !answer.payload.starts_with(b"{\"stream\"") {
                    return Err(format!("no batch: {}", String::from_utf8_lossy(&answer.payload)).into());
                }
                took.push(began.elapsed());
            }
            Ok(took)
        })
    }

    /// Reads that many records in order, pulled.
    pub(crate) fn read_pulled(&self, name: &str, count: u64) -> Outcome<()> {
        let (jetstream, name) = (self.jetstream.clone(), name.to_owned());
        self.run(async move {
            let stream = jetstream.get_stream(name).await?;
            let consumer = stream.create_consumer(pull::OrderedConfig::default()).await?;
            let mut messages = consumer.messages().await?;
            for _ in 0..count {
                messages.next().await.ok_or("the messages end")??;
            }
            Ok(())
        })
    }

    /// Reads that many records in order, pushed.
    pub(crate) fn read_pushed(&self, name: &str, count: u64) -> Outcome<()> {
        let (jetstream, name, inbox) = (self.jetstream.clone(), name.to_owned(), self.client.new_inbox());
        self.run(async move {
            let stream = jetstream.get_stream(name).await?;
            let config = push::OrderedConfig { deliver_subject: inbox, ..push::OrderedConfig::default() };
            let mut messages = stream.create_consumer(config).await?.messages().await?;
            for _ in 0..count {
                messages.next().await.ok_or("the messages end")??;
            }
            Ok(())
        })
    }

    /// When each record of a filter comes to be in a stream, from now on.
    pub(crate) fn watch(&self, name: &str, filter: &str) -> Outcome<std::sync::mpsc::Receiver<Instant>> {
        let (jetstream, name, filter) = (self.jetstream.clone(), name.to_owned(), filter.to_owned());
        let inbox = self.client.new_inbox();
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut messages = self.run(async move {
            let stream = jetstream.get_stream(name).await?;
            let config = push::OrderedConfig {
                deliver_subject: inbox,
                filter_subject: filter,
                ..push::OrderedConfig::default()
            };
            Ok(stream.create_consumer(config).await?.messages().await?)
        })?;
        self.runtime.spawn(async move {
            while let Some(Ok(_)) = messages.next().await {
                if sender.send(Instant::now()).is_err() {
                    return;
                }
            }
        });
        Ok(receiver)
    }
}
