//! Stores outside, on real servers: what each keeps, what it refuses, and what is said then.

use std::cell::Cell;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rclone::Rclone;

use super::super::super::{Manifest, SnapshotInfo, fetch, find, prune, upload};
use super::*;
use crate::replica::{DatabaseConfig, S3Config, SftpConfig, WebDavConfig};

#[path = "../../../../../../tests/common/rclone.rs"]
mod rclone;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("headwater-stores-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn s3(port: u16) -> SnapshotConfig {
    let s3 = S3Config {
        endpoint: format!("127.0.0.1:{port}"),
        use_ssl: false,
        bucket: "backups".to_owned(),
        path: "of shop/".to_owned(),
        access_key: "the-key".to_owned(),
        secret: "the-secret".into(),
        ..S3Config::default()
    };
    SnapshotConfig { s3, ..config("s3") }
}

fn webdav(port: u16) -> SnapshotConfig {
    let url = format!("http://127.0.0.1:{port}/backups/");
    let webdav = WebDavConfig { url, login: "u".to_owned(), secret: "the-secret".into(), ..WebDavConfig::default() };
    SnapshotConfig { webdav, ..config("webdav") }
}

fn sftp(port: u16, host_key: String) -> SnapshotConfig {
    let url = format!("sftp://u@127.0.0.1:{port}/back/ups");
    let sftp = SftpConfig { url, password: "the-secret".into(), host_key, ..SftpConfig::default() };
    SnapshotConfig { sftp, ..config("sftp") }
}

fn serve_s3(dir: &Dir) -> Rclone {
    std::fs::create_dir_all(dir.0.join("files/backups")).unwrap();
    Rclone::serve(&dir.0, "s3", &["--auth-key", "the-key,the-secret"])
}

fn serve_webdav(dir: &Dir) -> Rclone {
    Rclone::serve(&dir.0, "webdav", &["--user", "u", "--pass", "the-secret"])
}

fn serve_sftp(dir: &Dir) -> Rclone {
    Rclone::serve(&dir.0, "sftp", &["--user", "u", "--pass", "the-secret"])
}

/// Fails once so many pieces were put.
struct Cut<'a>(&'a dyn Store, Cell<u32>);

impl Store for Cut<'_> {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let left = self.1.get().checked_sub(1).ok_or_else(|| Error::new(ErrorKind::Io, "the line is cut"))?;
        self.1.set(left);
        self.0.put(name, bytes)
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.0.get(name)
    }

    fn list(&self) -> Result<Vec<String>> {
        self.0.list()
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.0.delete(name)
    }

    fn place(&self) -> String {
        self.0.place()
    }
}

/// A replica of 9 MB that does not compress, so of three parts.
fn replica(dir: &Dir) -> PathBuf {
    let path = dir.0.join("app.db");
    let sql = rusqlite::Connection::open(&path).unwrap();
    sql.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB)").unwrap();
    let engine = Engine::memory().unwrap();
    drop(engine.attach(DatabaseConfig::new(&path)).wait().unwrap());
    engine.close().unwrap();
    sql.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
         INSERT INTO t SELECT i, randomblob(1000000) FROM n",
    )
    .unwrap();
    drop(sql);
    let copy = dir.0.join("copy.db");
    super::super::super::copy(&path, &copy, &crate::replica::Options::default()).unwrap();
    copy
}

fn info(created_ms: u64) -> SnapshotInfo {
    let id = Manifest::id(created_ms, 7);
    SnapshotInfo { id, node_id: "n".to_owned(), created_ms, bytes: 0, stored_bytes: 0 }
}

/// Makes snapshots, one of them in two goes, takes one back in two goes, forgets old ones, and meets damage.
fn keeps_snapshots(store: &dyn Store, dir: &Dir, files: &str) {
    let copy = replica(dir);
    let go_on = &mut |_, _| ControlFlow::Continue(());
    // The line is cut after one part.
    let cut = Cut(store, Cell::new(1));
    assert_eq!(upload(&cut, "app", info(1), &copy, go_on).unwrap_err().message(), "the line is cut");
    assert_eq!(find(store, "app", None).unwrap_err().kind(), ErrorKind::NotFound);
    // Two parts and the manifest are left.
    cut.1.set(3);
    let made = upload(&cut, "app", info(1), &copy, go_on).unwrap();
    assert_eq!((made.bytes, cut.1.get()), (std::fs::metadata(&copy).unwrap().len(), 0));
    // It comes back in two goes.
    let manifest = find(store, "app", None).unwrap();
    let to = dir.0.join("back.db");
    let stop = &mut |_, _| ControlFlow::Break(());
    assert_eq!(fetch(store, &manifest, &to, stop).unwrap_err().kind(), ErrorKind::Timeout);
    fetch(store, &manifest, &to, go_on).unwrap();
    // But for the header, where SQLite notes that it was opened.
    let rest = |path: &PathBuf| std::fs::read(path).unwrap().split_off(100);
    assert!(rest(&to) == rest(&copy), "{}", store.place());
    // Old ones go, and what is not ours stays.
    for n in 2..=4 {
        upload(store, "app", info(n), &copy, go_on).unwrap();
    }
    store.put("0-not-ours", b"x").unwrap();
    prune(store, 2).unwrap();
    let mut left = store.list().unwrap();
    left.sort();
    assert_eq!(left.len(), 2 * 4 + 1, "{left:?}");
    assert!(left[1].starts_with(&Manifest::id(3, 7)), "{left:?}");
    // A part is damaged where it lies.
    let part = format!("{}.000001", Manifest::id(4, 7));
    let at = dir.0.join("files").join(files).join("app").join(&part);
    let mut bytes = std::fs::read(&at).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&at, bytes).unwrap();
    let manifest = find(store, "app", None).unwrap();
    std::fs::remove_file(&to).unwrap();
    let error = fetch(store, &manifest, &to, go_on).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains(&part) && error.message().contains(&store.place()), "{error}");
}

/// The public key of the host of `dir`, as OpenSSH writes it, of an SFTP server that began once.
fn host_key(dir: &Path) -> String {
    let path = dir.join("cache/serve-sftp/id_ed25519.pub");
    std::fs::read_to_string(path).expect("a key").trim().to_owned()
}

#[test]
fn s3_keeps_snapshots() {
    let dir = Dir::new("s3");
    // The server keeps what a directory has, so they are there before it.
    let many = dir.0.join("files/backups/of shop/many");
    std::fs::create_dir_all(&many).unwrap();
    for n in 0..1_100 {
        std::fs::write(many.join(format!("{}.{n:06}", Manifest::id(9, 9))), b"x").unwrap();
    }
    let server = serve_s3(&dir);
    let engine = Engine::memory().unwrap();
    let good = s3(server.port);
    let store = open(&good, "app", &engine).unwrap();
    keeps_pieces(&*store);
    keeps_snapshots(&*store, &dir, "backups/of shop");
    // Many are listed in several answers.
    assert_eq!(pieces(&*open(&good, "many", &engine).unwrap()).unwrap().len(), 1_100);
    let mut wrong = good.clone();
    wrong.s3.secret = "another".into();
    let error = open(&wrong, "app", &engine).unwrap().list().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains(&format!("127.0.0.1:{}", server.port)), "{error}");
    assert!(!format!("{error} {wrong:?}").contains("another"), "{error} {wrong:?}");
    let mut wrong = good.clone();
    wrong.s3.bucket = "none".to_owned();
    let store = open(&wrong, "app", &engine).unwrap();
    for error in [store.list().err(), store.put("a", b"x").err(), store.get("a").err()] {
        let error = error.expect("there is no bucket");
        assert!(error.kind() == ErrorKind::NotFound && error.message().contains("/none: "), "{error}");
    }
    drop(server);
    let error = open(&good, "app", &engine).unwrap().put("a", b"x").unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.message().contains("put of shop/app/a"), "{error}");
}

#[test]
fn webdav_keeps_snapshots() {
    let dir = Dir::new("webdav");
    let server = serve_webdav(&dir);
    let engine = Engine::memory().unwrap();
    let good = webdav(server.port);
    let store = open(&good, "app", &engine).unwrap();
    keeps_pieces(&*store);
    keeps_snapshots(&*store, &dir, "backups");
    let mut wrong = good.clone();
    wrong.webdav.secret = "another".into();
    let error = refused(open(&wrong, "app", &engine));
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("/backups/app") && !error.message().contains("another"), "{error}");
    assert!(!format!("{wrong:?}").contains("another"));
}

#[test]
fn sftp_keeps_snapshots_on_a_host_that_is_known() {
    let dir = Dir::new("sftp");
    let server = serve_sftp(&dir);
    let engine = Engine::memory().unwrap();
    let key = host_key(&dir.0);
    let good = sftp(server.port, key.clone());
    let store = open(&good, "app", &engine).unwrap();
    keeps_pieces(&*store);
    keeps_snapshots(&*store, &dir, "back/ups");
    // What is known may be in a file, or be a fingerprint; and a key lets in as a password does.
    let known_hosts = dir.0.join("known_hosts");
    std::fs::write(&known_hosts, format!("[127.0.0.1]:{} {key}\n", server.port)).unwrap();
    let mut by_file = sftp(server.port, String::new());
    by_file.sftp.known_hosts.clone_from(&known_hosts);
    open(&by_file, "app", &engine).unwrap();
    let fingerprint = russh::keys::PublicKey::from_openssh(&key).unwrap().fingerprint(russh::keys::HashAlg::Sha256);
    open(&sftp(server.port, fingerprint.to_string()), "app", &engine).unwrap_or_else(|error| panic!("{error}"));
    let mut wrong = good.clone();
    wrong.sftp.password = "another".into();
    let error = refused(open(&wrong, "app", &engine));
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("user and the password"), "{error}");
    assert!(!format!("{error} {wrong:?}").contains("another"));
    // Another host answers at that place.
    let other = Dir::new("sftp-other");
    let impostor = serve_sftp(&other);
    let mut by_file = by_file.clone();
    by_file.sftp.url = by_file.sftp.url.replace(&server.port.to_string(), &impostor.port.to_string());
    std::fs::write(&known_hosts, format!("[127.0.0.1]:{} {key}\n", impostor.port)).unwrap();
    for config in [sftp(impostor.port, key), sftp(impostor.port, fingerprint.to_string()), by_file.clone()] {
        let error = refused(open(&config, "app", &engine));
        assert!(error.kind() == ErrorKind::Conflict && error.message().contains("not trusted"), "{error}");
    }
    std::fs::write(&known_hosts, "").unwrap();
    let error = refused(open(&by_file, "app", &engine));
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("knows no key"), "{error}");
    assert!(!other.0.join("files/back").exists());
}

#[test]
fn sftp_lets_in_by_a_key() {
    let (dir, user) = (Dir::new("sftp-key"), Dir::new("sftp-user"));
    // The keys of another server are a user's.
    drop(serve_sftp(&user));
    let authorized = user.0.join("cache/serve-sftp/id_ed25519.pub");
    let server = Rclone::serve(&dir.0, "sftp", &["--user", "u", "--authorized-keys", authorized.to_str().unwrap()]);
    let mut config = sftp(server.port, host_key(&dir.0));
    config.sftp.password = "".into();
    config.sftp.key_file = user.0.join("cache/serve-sftp/id_ed25519");
    keeps_pieces(&*open(&config, "app", &Engine::memory().unwrap()).unwrap());
    config.sftp.key_file = dir.0.join("cache/serve-sftp/id_ed25519");
    let error = refused(open(&config, "app", &Engine::memory().unwrap()));
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[test]
fn a_server_that_hangs_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let engine = Engine::memory().unwrap();
    let key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".to_owned();
    for mut config in [s3(port), webdav(port), sftp(port, key)] {
        config.timeout = Duration::from_millis(200);
        let began = Instant::now();
        let error = open(&config, "app", &engine).and_then(|store| store.put("a", b"x")).unwrap_err();
        assert!(error.kind() == ErrorKind::Timeout, "{error}");
        assert!(error.message().contains(&port.to_string()), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5), "{error}");
    }
}

#[test]
fn what_a_store_is_told_is_checked() {
    let engine = Engine::memory().unwrap();
    let with = |change: fn(&mut SnapshotConfig)| {
        let mut config = sftp(1, "SHA256:x".to_owned());
        (config.s3, config.webdav) = (s3(1).s3, webdav(1).webdav);
        change(&mut config);
        refused(open(&config, "app", &engine)).to_string()
    };
    type Change = fn(&mut SnapshotConfig);
    let cases: [(&str, Change); 9] = [
        ("s3 has no bucket", |it| (it.store, it.s3.bucket) = ("s3".to_owned(), String::new())),
        ("s3 endpoint must be", |it| (it.store, it.s3.endpoint) = ("s3".to_owned(), "ftp://x".to_owned())),
        ("no secret", |it| (it.store, it.s3.secret) = ("s3".to_owned(), "".into())),
        ("webdav url must", |it| (it.store, it.webdav.url) = ("webdav".to_owned(), "ftp://x".to_owned())),
        ("give login", |it| (it.store, it.webdav.url) = ("webdav".to_owned(), "http://u:p@x/".to_owned())),
        ("no secret", |it| (it.store, it.webdav.secret) = ("webdav".to_owned(), "".into())),
        ("give password", |it| it.sftp.url = "sftp://u:the-secret@x/".to_owned()),
        ("sftp url must be", |it| it.sftp.url = "sftp://x/".to_owned()),
        ("says which host it is", |it| it.sftp.host_key = String::new()),
    ];
    for (expected, change) in cases {
        let error = with(change);
        assert!(error.contains(expected) && !error.contains("the-secret"), "{expected}: {error}");
    }
}
