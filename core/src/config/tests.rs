//! What a file says, and the place of each mistake in it.

use std::time::Duration;

use super::*;
use crate::presence::PresenceConfig;
use crate::record::Durability;
use crate::stream::config::{Compression, Discard};
use crate::stream::link::{CatchUp, Direction, OnReset, SubjectMap};

fn env(name: &str) -> Option<String> {
    match name {
        "HUB_TOKEN" => Some("s3cret".to_owned()),
        "JWT_SECRET" => Some("jwt s3cret".to_owned()),
        "HUB_HOST" => Some("hub.example".to_owned()),
        _ => None,
    }
}

const WHOLE: &str = r#"
# A node.
dir = "data"

[[stream]]
name = "orders"
subjects = ["orders.>"]
durability = "interval"
sync_interval = "20ms"
max_age = "30d"
max_bytes = "1GiB"
max_msgs_per_subject = 5
discard = "new"
compression = "zstd"

[hub]
urls = ["nats://${HUB_HOST}:4222", "tls://b:4222"]
token = "${HUB_TOKEN}"
request_timeout = "2s"
credentials_file = ""

[[link]]
name = "up"
stream = "orders"
hub_stream = "ORDERS"
direction = "push"
filter = "orders.eu.>"
map = [{ local = "orders", remote = "edge.7" }]
catch_up = "latest"
on_reset = "stop"
replicas = 3

[[link]]
stream = "orders"
exclusive = true
[link.create]
max_age = "1d"
subjects = ["edge.>"]
[link.create.hub]
replicas = 5
storage = "memory"

[http]
listen = "127.0.0.1:0"

[grpc]
bind = "127.0.0.1:9090"
ca = "certs/ca.pem"
cert = "certs/a.pem"
key = "certs/a.key"
"#;

#[test]
fn every_section_is_read() {
    let text = WHOLE.replace("credentials_file = \"\"\n", "");
    let config = Config::parse(&text, &env).expect("a configuration");
    assert_eq!(config.dir.as_deref(), Some(Path::new("data")));
    let stream = &config.streams[0];
    assert_eq!((stream.durability, stream.sync_interval), (Durability::Interval, Duration::from_millis(20)));
    assert_eq!((stream.max_age, stream.max_bytes), (Duration::from_secs(30 * 86_400), 1 << 30));
    assert_eq!((stream.discard, stream.compression), (Discard::New, Compression::Zstd));
    let hub = config.hub.as_ref().expect("a hub");
    assert_eq!(hub.urls, ["nats://hub.example:4222", "tls://b:4222"]);
    assert_eq!(hub.token.as_deref(), Some("s3cret"));
    assert!(hub.retry_on_initial_connect && !format!("{config:?}").contains("s3cret"));
    let up = &config.links[0];
    assert_eq!((up.name.as_str(), up.remote.as_str(), up.direction), ("up", "ORDERS", Direction::Push));
    assert_eq!(up.filters, ["orders.eu.>"]);
    assert_eq!(up.map, [SubjectMap { local: "orders".into(), remote: "edge.7".into() }]);
    assert_eq!((up.catch_up, up.on_reset), (CatchUp::Latest, OnReset::Stop));
    let made = up.to_create(&["orders.>".to_owned()]).expect("it is made");
    assert_eq!(made.subjects, ["edge.7.>", "$HW.ORDERS.>"]);
    assert_eq!(made.hub.map(|hub| hub.replicas), Some(3));
    let own = &config.links[1];
    assert_eq!((own.name.as_str(), own.remote.as_str()), ("orders-orders", "orders"));
    let made = own.to_create(&["orders.>".to_owned()]).expect("it is made");
    assert_eq!((made.subjects, made.max_age), (vec!["edge.>".to_owned()], Duration::from_secs(86_400)));
    assert_eq!(made.hub.map(|hub| hub.replicas), Some(5));
    assert_eq!(config.http.bind.map(|a| a.to_string()).as_deref(), Some("127.0.0.1:0"));
    let grpc = config.grpc.expect("a door");
    let certs = [("ca.pem", &grpc.certs.ca), ("a.pem", &grpc.certs.cert), ("a.key", &grpc.certs.key)];
    assert!(certs.iter().all(|(name, file)| **file == Path::new("certs").join(name)), "{grpc:?}");
    assert_eq!(grpc.bind.to_string(), "127.0.0.1:9090");
}

/// The text with one line changed, and what is said of it.
fn said(from: &str, to: &str) -> String {
    assert!(WHOLE.contains(from), "{from}");
    let text = WHOLE.replace("credentials_file = \"\"\n", "").replacen(from, to, 1);
    match Config::parse(&text, &env) {
        Ok(config) => panic!("'{to}' was taken: {config:?}"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            error.message().to_owned()
        }
    }
}

#[test]
fn every_mistake_has_its_place_and_its_key() {
    let mut wrong = Vec::new();
    for (from, to, wanted) in [
        ("dir = \"data\"", "dirr = \"data\"", ["line 3, column 1", "dirr"]),
        ("dir = \"data\"", "dir = 5", ["line 3, column 7", "dir"]),
        ("dir = \"data\"", "dir = \"${NOWHERE}\"", ["line 3, column 7", "NOWHERE is not set"]),
        ("dir = \"data\"", "dir = \"data", ["line 3", "string"]),
        ("dir = \"data\"", "dir = \"data\"\ndir = \"b\"", ["line 4, column 1", "duplicate key"]),
        ("subjects = [\"orders.>\"]", "subjects = \"orders.>\"", ["line 7, column 12", "subjects must be an array"]),
        ("subjects = [\"orders.>\"]", "subjects = [\"orders..x\"]", ["line 7, column 1", "orders..x"]),
        ("subjects = [\"orders.>\"]", "subjets = []", ["line 7, column 1", "unknown key `subjets`; there is"]),
        ("name = \"orders\"", "", ["line 5, column 1", "stream name is empty"]),
        ("\"20ms\"", "\"2h\"", ["line 9, column 1", "sync_interval is 7200000 ms"]),
        ("max_age = \"30d\"", "max_age = 30", ["line 10, column 11", "no unit"]),
        ("\"1GiB\"", "\"1GiBB\"", ["line 11, column 13", "not a size"]),
        ("discard = \"new\"", "discard = \"gold\"", ["line 13, column 11", "discard unknown variant `gold`"]),
        ("discard = \"new\"", "discard = 2024-01-01", ["line 13, column 11", "is a date"]),
        ("request_timeout = \"2s\"", "request_timeout = \"1ms\"", ["line 19, column 1", "must be 10 ms to 600 s"]),
        ("request_timeout = \"2s\"", "user = \"me\"", ["[hub]", "are given"]),
        ("token = \"${HUB_TOKEN}\"", "token = 12345", ["line 18, column 9", "token must be a string"]),
        ("\"tls://b:4222\"", "\"http://b:4222\"", ["line 17, column 1", "invalid scheme"]),
        ("\"tls://b:4222\"", "\"\"", ["line 17, column 1", "has no host"]),
        (
            "direction = \"push\"",
            "direction = \"up\"",
            ["line 25, column 13", "expected one of `push`, `pull`, `both`"],
        ),
        ("filter = \"orders.eu.>\"", "filter = \"orders.>.x\"", ["line 26, column 1", "filter"]),
        (
            "filter = \"orders.eu.>\"",
            "filter = \"a\"\nfilters = [\"b\"]",
            ["line 27, column 1", "one of them is enough"],
        ),
        ("name = \"up\"", "name = \"orders-orders\"", ["[[link]]", "two links 'orders-orders'"]),
        ("replicas = 5", "replicas = \"5\"", ["line 39, column 12", "replicas must be a whole number"]),
        ("replicas = 5", "copies = 5", ["line 39, column 1", "[[link]] [create] [hub]: unknown key `copies`"]),
        ("listen = \"127.0.0.1:0\"", "listen = \"nowhere\"", ["line 43, column 10", "listen"]),
        ("[http]", "[htp]", ["line 42", "unknown key `htp`; there is one of `dir`, `stream`"]),
        ("[http]", "[[http]]", ["line 42", "http must be a table"]),
        ("bind = \"127.0.0.1:9090\"", "bind = \"localhost\"", ["line 46, column 8", "bind"]),
        ("bind = \"127.0.0.1:9090\"", "", ["line 45, column 1", "[grpc]: it needs bind, ca"]),
        ("key = \"certs/a.key\"", "", ["line 45, column 1", "[grpc]: it needs bind, ca, cert and key"]),
    ] {
        let said = said(from, to);
        if !wanted.iter().all(|w| said.contains(w)) {
            wrong.push(format!("{to}: {said}"));
        }
        assert!(!said.contains("12345") && !said.contains("s3cret"), "{said}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[cfg(feature = "mesh")]
#[test]
fn a_mesh_is_read_and_its_mistakes_are_named() {
    let text = "[mesh]\nname = \"a\"\nbind = \"127.0.0.1:7401\"\nseeds = [\"b.example:7402\"]\nca = \"c/ca.pem\"\n\
                cert = \"c/a.pem\"\nkey = \"c/a.key\"\npreset = \"wan\"\n[grpc]\nbind = \"127.0.0.1:9090\"\n";
    let config = Config::parse(text, &env).expect("a configuration");
    let mesh = config.mesh.expect("a mesh");
    assert_eq!((mesh.name.as_str(), mesh.bind.as_str(), mesh.preset), ("a", "127.0.0.1:7401", crate::Preset::Wan));
    assert_eq!(
        (mesh.seeds.as_slice(), mesh.certs.key.as_path()),
        (&["b.example:7402".to_owned()][..], Path::new("c/a.key"))
    );
    // The door has the same certificates where it says none.
    assert_eq!(config.grpc.expect("a door").certs.cert, Path::new("c/a.pem"));
    for (from, to, wanted) in [
        ("127.0.0.1:7401", "7401", "line 1, column 1: [mesh]: bind: '7401' is not host:port"),
        ("b.example:7402", "b.example", "seeds: 'b.example' is not host:port"),
        ("\"wan\"", "\"fast\"", "line 8, column 1: [mesh]: preset: 'fast' is no preset"),
        ("key = \"c/a.key\"\n", "", "key: nodes of a mesh show each other certificates"),
        ("preset", "pace", "unknown key `pace`"),
    ] {
        let error = Config::parse(&text.replacen(from, to, 1), &env).expect_err("a mistake");
        assert!(error.message().contains(wanted), "{to}: {error}");
    }
}

#[test]
#[cfg(feature = "replica")]
fn places_of_snapshots_are_read_and_what_is_secret_stays_so() {
    let text = "[replica]\ndb_path = \"app.db\"\n[replica.snapshot]\nstore = \"s3\"\ntimeout = \"5s\"\n\
                [replica.snapshot.s3]\nendpoint = \"127.0.0.1:9000\"\nuse_ssl = false\nbucket = \"b\"\n\
                access_key = \"k\"\nsecret = \"${HUB_TOKEN}\"\n\
                [replica.snapshot.webdav]\nurl = \"https://dav\"\nlogin = \"u\"\nsecret = \"${HUB_TOKEN}\"\n\
                [replica.snapshot.sftp]\nurl = \"sftp://u@h/x\"\npassword = \"${HUB_TOKEN}\"\n";
    let config = Config::parse(text, &env).expect("it is whole");
    let snapshot = &config.replica.as_ref().expect("a file").snapshot;
    let secret = crate::replica::Secret::from(env("HUB_TOKEN").expect("one"));
    assert_eq!((&snapshot.s3.secret, &snapshot.webdav.secret, &snapshot.sftp.password), (&secret, &secret, &secret));
    assert_eq!((snapshot.s3.use_ssl, snapshot.timeout), (false, std::time::Duration::from_secs(5)));
    assert!(!format!("{config:?} {snapshot:?}").contains(&env("HUB_TOKEN").expect("one")));
    for (from, to, wanted) in [
        ("bucket = \"b\"", "bukket = \"b\"", ["line 9, column 1", "unknown key `bukket`"]),
        ("use_ssl = false", "use_ssl = \"no\"", ["line 8, column 11", "use_ssl"]),
        ("secret = \"${HUB_TOKEN}\"\n", "secret = \"${NOWHERE}\"\n", ["line 11, column 10", "NOWHERE is not set"]),
        ("bucket = \"b\"\n", "", ["line 1, column 1", "s3 has no bucket"]),
        ("store = \"s3\"", "store = \"sftp\"", ["line 1, column 1", "says which host it is"]),
    ] {
        let error = Config::parse(&text.replacen(from, to, 1), &env).expect_err("it can't be");
        assert!(wanted.iter().all(|part| error.message().contains(part)), "{to}: {error}");
    }
}

#[test]
fn who_is_here_is_read_and_goes_to_the_hub() {
    let text = "[presence]\nnode_type = \"leaf\"\nttl = \"60s\"\nheartbeat = \"20s\"\ngrace = \"5s\"\nidle = \"10m\"\n\
                forget_after = \"7d\"\n[hub]\nurl = \"nats://a\"\n";
    let config = Config::parse(text, &env).expect("a configuration");
    let wanted = PresenceConfig {
        ttl: Duration::from_secs(60),
        heartbeat: Duration::from_secs(20),
        grace: Duration::from_secs(5),
        idle: Duration::from_secs(600),
        keep: Duration::from_secs(7 * 86_400),
        ..PresenceConfig::default()
    };
    assert_eq!(config.presence, Some(wanted));
    let [link] = &config.links[..] else { panic!("one link: {:?}", config.links) };
    assert_eq!((link.stream.as_str(), link.remote.as_str()), ("PRESENCE_presence", "PRESENCE_presence"));
    let made = link.to_create(&["$PRESENCE.presence.>".to_owned()]).expect("it is made");
    assert_eq!((made.max_msgs_per_subject, made.subjects.len()), (1, 2));
    // What the file says of that stream itself counts.
    let own = format!("{text}[[link]]\nstream = \"PRESENCE_presence\"\nhub_stream = \"WHO\"\n");
    let links = Config::parse(&own, &env).expect("a configuration").links;
    assert_eq!(links.iter().map(|link| link.remote.as_str()).collect::<Vec<_>>(), ["WHO"]);
    let alone = Config::parse("[presence]\nnode_type = \"center\"\n", &env).expect("a configuration");
    assert_eq!((alone.presence, alone.links.len()), (Some(PresenceConfig::default()), 0));
    for (from, to, wanted) in [
        ("[hub]\nurl = \"nats://a\"\n", "", "line 2, column 1: [presence]: node_type: a leaf needs a [hub]"),
        ("\"leaf\"", "\"edge\"", "node_type"),
        ("\"60s\"", "60", "60 has no unit"),
        ("\"60s\"", "\"2d\"", "[presence]: a time to live is 1 s to 86400 s"),
        ("ttl", "tll", "unknown key `tll`"),
        ("ttl = \"60s\"", "name = \"a.b\"", "'a.b' is no name of a presence store"),
    ] {
        let error = Config::parse(&text.replacen(from, to, 1), &env).expect_err("a mistake");
        assert!(error.message().contains(wanted), "{to}: {error}");
    }
}

#[test]
fn the_http_door_and_its_keys_have_bounds() {
    let text = "[http]\nlisten = \"127.0.0.1:0\"\ncors_origins = [\"https://a.example\", \"*\"]\nrate = 0\n\
                [auth]\njwks = \"keys.json\"\nreads = \"token\"\n";
    let config = Config::parse(text, &env).expect("a configuration");
    let said = (config.http.bind.is_some(), config.http.rate, config.http.cors_origins.len(), config.http.burst);
    assert_eq!(said, (true, 0, 2, 20_000));
    assert_eq!(config.auth.expect("keys").reads, Reads::Token);
    for (from, to, wanted) in [
        ("rate = 0", "burst = 0", "burst is 1"),
        ("rate = 0", "rate = -1", "rate must be"),
        ("rate = 0", "connections_max = 65537", "1 to 65536"),
        ("rate = 0", "bind = \"127.0.0.1:1\"", "bind"),
        ("rate = 0", "cert = \"a\"", "go together"),
        ("https://a.example", "https://a.example/x", "is no origin"),
        ("https://a.example", "a.example", "is no origin"),
        ("https://a.example", "https://", "is no origin"),
        ("jwks = \"keys.json\"", "", "it needs a key"),
        ("jwks = \"keys.json\"", "jwt_secret = \"\"", "jwt_secret is empty"),
        ("jwks = \"keys.json\"", "jwt_secret = \"${NOT_THERE}\"", "NOT_THERE"),
        ("\"token\"", "\"all\"", "reads"),
    ] {
        let error = Config::parse(&text.replacen(from, to, 1), &env).expect_err("a mistake");
        assert!(error.message().contains(wanted) && error.message().starts_with("line "), "{to}: {error}");
    }
}

#[test]
fn the_file_of_all_keys_says_their_defaults() {
    let config = Config::parse(include_str!("../../../examples/headwater.toml"), &env).expect("a configuration");
    let stream = StreamConfig {
        max_age: Duration::from_secs(30 * 86_400),
        max_bytes: 10 << 30,
        ..StreamConfig::new("orders", ["orders.>"])
    };
    assert_eq!(config.streams, [stream]);
    let hub = HubOptions { retry_on_initial_connect: true, ..HubOptions::new("nats://127.0.0.1:4222") };
    assert_eq!(format!("{:?}", config.hub.expect("a hub")), format!("{hub:?}"));
    let made = StreamConfig {
        max_age: Duration::from_secs(90 * 86_400),
        hub: Some(Box::default()),
        ..StreamConfig::default()
    };
    let link = LinkConfig {
        filters: vec!["orders.>".to_owned()],
        create: Some(Box::new(made)),
        ..LinkConfig::new("orders-ORDERS", "orders", "ORDERS")
    };
    assert_eq!(config.links[..1], [link]);
    assert_eq!(config.presence, Some(PresenceConfig::default()));
    let certificate = Some(("certs/a.pem".into(), "certs/a.key".into()));
    let bind = Some("127.0.0.1:9555".parse().expect("an address"));
    assert_eq!(config.http, HttpConfig { bind, certificate, ..HttpConfig::default() });
    let auth = config.auth.expect("keys");
    assert_eq!((auth.jwt_secret.as_deref(), auth.reads), (Some("jwt s3cret"), Reads::Public));
    assert!(!format!("{auth:?}").contains("s3cret"));
    assert_eq!(config.links[1].stream, "PRESENCE_presence");
}

#[test]
fn what_goes_together_is_checked() {
    let link = "[[link]]\nstream = \"a\"\n";
    let error = Config::parse(link, &env).expect_err("no hub");
    assert!(error.message().contains("line 1, column 1: [[link]]: a link needs a [hub]"), "{error}");
    let twice = "[[stream]]\nname = \"a\"\n[[stream]]\nname = \"a\"\n";
    let error = Config::parse(twice, &env).expect_err("twice");
    assert!(error.message().contains("line 4, column 1"), "{error}");
    let both =
        "[[stream]]\nname = \"a\"\nsubjects = [\"x.>\"]\n[[stream]]\nname = \"b\"\nsubjects = [\"y\", \"x.1\"]\n";
    let error = Config::parse(both, &env).expect_err("what both take");
    assert!(error.message().contains("line 6, column 1: [[stream]]: subjects: 'x.1' overlaps with 'x.>'"), "{error}");
    let hub = "[[stream]]\nname = \"a\"\n[stream.hub]\nreplicas = 3\n";
    assert!(Config::parse(hub, &env).expect_err("a hub's").message().contains("local stream"));
    let not_made = format!("[hub]\nurl = \"nats://a\"\n{link}create = false\n");
    assert_eq!(Config::parse(&not_made, &env).expect("a link").links[0].create, None);
    let empty = Config::parse("", &env).expect("nothing");
    assert!(empty.streams.is_empty() && empty.hub.is_none() && empty.dir.is_none());
}

#[test]
fn a_file_that_the_hub_needs_and_that_is_not_there_is_named() {
    let dir = std::env::temp_dir().join(format!("headwater-files-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join(CONFIG_FILE);
    let load = |text: &str| {
        std::fs::write(&path, format!("[hub]\nurl = \"nats://a\"\n{text}\n")).expect("a file");
        Config::load(&path, &|_| None)
    };
    let names = |key: &str| {
        let error = load(&format!("cert_file = \"b.pem\"\n{key} = \"a.pem\"")).expect_err("it is not there");
        let wanted = format!("{}: line 4, column 1: [hub]: {key}: there is no file", path.display());
        assert!(error.message().contains(&wanted), "{error}");
    };
    std::fs::write(dir.join("b.pem"), "").expect("a file");
    ["credentials_file", "ca_file", "key_file"].into_iter().for_each(names);
    std::fs::write(dir.join("a.pem"), "").expect("a file");
    let config = load("cert_file = \"b.pem\"\nkey_file = \"a.pem\"").expect("all is there");
    std::fs::remove_dir_all(&dir).expect("it goes");
    assert_eq!(config.hub.expect("a hub").key_file, Some(dir.join("a.pem")));
}

#[test]
fn a_file_is_changed_and_its_comments_stay() {
    let dir = std::env::temp_dir().join(format!("headwater-config-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join(CONFIG_FILE);
    std::fs::write(&path, "# Ours.\n[[stream]] # the one\nname = \"orders\"\n").expect("a file");
    let link = LinkConfig {
        filters: vec!["orders.eu.>".to_owned()],
        map: vec![SubjectMap { local: "orders".to_owned(), remote: "e.7".to_owned() }],
        catch_up: CatchUp::Latest,
        on_reset: OnReset::Continue,
        exclusive: true,
        create: Some(Box::default()),
        ..LinkConfig::new("up", "orders", "ORDERS")
    };
    let mut file = ConfigFile::open(&path).expect("it is read");
    file.add_link(&link, "nats://${a}:1").expect("it is added");
    assert_eq!(file.add_link(&link, "nats://${a}:1").expect_err("twice").kind(), ErrorKind::Conflict);
    let error = file.add_link(&link, "nats://u:secret@b").expect_err("another hub");
    assert!(error.kind() == ErrorKind::Conflict && !error.message().contains("secret"), "{error}");
    file.save().expect("it is written");
    let text = std::fs::read_to_string(&path).expect("the file");
    assert!(text.starts_with("# Ours.\n[[stream]] # the one\n"), "{text}");
    let config = Config::parse(&text.replace("$${a}", "a"), &env).expect("it is whole");
    assert_eq!(config.links, [link]);
    let mut file = ConfigFile::open(&path).expect("it is read");
    assert!(file.remove_link("up").expect("tables") && !file.remove_link("up").expect("tables"));
    file.save().expect("it is written");
    let config = Config::load(&path, &|_| None).expect("it is read");
    std::fs::remove_dir_all(&dir).expect("it goes");
    assert_eq!(config.hub.expect("a hub").urls, ["nats://${a}:1"]);
    assert_eq!((config.dir, config.links.len()), (Some(dir), 0));
}
