//! Each rule by itself.

use rusqlite::Connection;

use crate::error::ErrorKind;
use crate::replica::apply::Applied;
use crate::replica::change::{Change, Unit, UnitTable};
use crate::replica::clocks::{RowState, Stamp, Written};
use crate::replica::intake::Place;
use crate::replica::value::{Value, key_bytes, key_values};
use crate::replica::{Options, Replica};

use super::world::{Dir, NOW_MS, Node, all, exchange, nodes};

const BOOKS: &str = "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT, stars INTEGER)";

#[test]
fn columns_merge_and_the_last_write_of_one_wins() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    nodes[0].at(1000, "INSERT INTO books VALUES (1, 'a', 0)");
    exchange(&mut nodes);
    nodes[0].at(2000, "UPDATE books SET title = 'first'");
    nodes[1].at(1999, "UPDATE books SET title = 'older'");
    nodes[1].cut();
    nodes[1].at(2001, "UPDATE books SET stars = 5");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM books"), ["1 first 5", "1 first 5"]);
}

#[test]
fn columns_that_are_left_out_stay_what_they_are_here() {
    let dir = Dir::new();
    let schema = "CREATE TABLE users(id INTEGER PRIMARY KEY, secret TEXT DEFAULT 'none', name TEXT, n INT);
                  CREATE TABLE bare(id INTEGER PRIMARY KEY, secret TEXT NOT NULL);
                  INSERT INTO users VALUES (1, 'old', 'one', 0)";
    let leaving = |patterns: &[&str]| Options {
        exclude_columns: patterns.iter().map(|it| (*it).to_owned()).collect(),
        ..Options::default()
    };
    let mut nodes = [
        Node::new(&dir, 1, schema, leaving(&["*.SECRET", "users.id"])),
        Node::new(&dir, 2, schema, leaving(&["users.sec*"])),
        Node::new(&dir, 3, schema, Options::default()),
    ];
    let (tables, refused) = nodes[0].replica().tables();
    assert_eq!((tables.len(), tables[0].left_out.as_slice()), (1, ["secret".to_owned()].as_slice()));
    assert!(refused[0].why.contains("column secret is left out"), "{:?}", refused[0]);
    nodes[0].at(2000, "INSERT INTO users VALUES (2, 'of 1', 'two', 0); UPDATE users SET secret = 'mine' WHERE id = 1");
    nodes[2].at(2001, "INSERT INTO users VALUES (3, 'of 3', 'three', 0)");
    exchange(&mut nodes);
    let sql = "SELECT group_concat(id || secret, ' ') FROM (SELECT * FROM users ORDER BY id)";
    assert_eq!(all(&nodes, sql), ["1mine 2of 1 3none", "1old 2none 3none", "1old 2none 3of 3"]);
    nodes[2].at(3000, "UPDATE users SET secret = 'x', n = n + 1");
    nodes[1].at(3001, "UPDATE users SET secret = 'y', name = 'z' WHERE id = 2");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, sql), ["1mine 2of 1 3none", "1old 2y 3none", "1x 2x 3x"]);
    let others = "SELECT group_concat(id || name || n, ' ') FROM (SELECT * FROM users ORDER BY id)";
    assert_eq!(all(&nodes, others), ["1one1 2z1 3three1"; 3]);
    assert_eq!(nodes[0].text("SELECT count(*) FROM _headwater_park"), "0");
    // What no column is left of is no change.
    let sent = nodes[0].sent.len();
    nodes[0].at(4000, "UPDATE users SET secret = 'again'");
    nodes[0].cut_all();
    assert_eq!(nodes[0].sent.len(), sent);
    nodes[0].at(5000, "ALTER TABLE users DROP COLUMN secret");
    nodes[1].at(5000, "ALTER TABLE users RENAME COLUMN secret TO hint");
    exchange(&mut nodes);
    assert_eq!(nodes[0].text("SELECT count(*) FROM users WHERE n = 1"), "3");
}

#[test]
fn what_an_older_build_wrote_is_refused_by_name() {
    let dir = Dir::new();
    let mut node = Node::new(&dir, 1, BOOKS, Options::default());
    node.at(1000, "INSERT INTO books VALUES (1, 'a', 0)");
    node.cut_all();
    let mut unit = node.sent[0].clone();
    unit[0] = 1;
    let error = Unit::decode(&unit).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("version 1"), "{error}");

    node.app.execute_batch("UPDATE _headwater_meta SET value = 1 WHERE name = 'version'").unwrap();
    let error = Replica::open(dir.open("1.db"), 1, Options::default()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("layout 1"), "{error}");
}

#[test]
fn a_write_here_is_compared_by_its_own_time() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    nodes[0].at(1000, "INSERT INTO books VALUES (1, 'a', 0)");
    exchange(&mut nodes);
    nodes[0].at(3000, "UPDATE books SET title = 'newer'");
    nodes[1].at(2000, "UPDATE books SET title = 'older'");
    nodes[1].cut();
    let unit = nodes[1].sent.last().unwrap().clone();
    assert_eq!(nodes[0].apply(&unit), Applied::Done);
    assert_eq!(nodes[0].text("SELECT title FROM books"), "newer");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT title FROM books"), ["newer", "newer"]);
}

#[test]
fn a_delete_wins_over_what_had_not_seen_it_and_an_insert_after_it_begins_anew() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    nodes[0].at(1000, "INSERT INTO books VALUES (1, 'a', 0)");
    exchange(&mut nodes);
    nodes[0].at(2000, "DELETE FROM books");
    nodes[0].cut();
    nodes[0].at(2001, "INSERT INTO books(id, title) VALUES (1, 'again')");
    nodes[1].at(9000, "UPDATE books SET stars = 5");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM books"), ["1 again null", "1 again null"]);
}

#[test]
fn a_key_that_changes_takes_the_row_along() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    nodes[0].at(1000, "INSERT INTO books VALUES (1, 'a', 0)");
    exchange(&mut nodes);
    nodes[0].at(2000, "UPDATE books SET rowid = 7");
    nodes[0].cut();
    assert_eq!(Unit::decode(nodes[0].sent.last().unwrap()).unwrap().changes.len(), 2);
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM books"), ["7 a 0", "7 a 0"]);
}

#[test]
fn of_rows_that_clash_the_last_written_is_shown_and_the_other_comes_back() {
    let dir = Dir::new();
    let mut nodes =
        nodes::<2>(&dir, "CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT UNIQUE ON CONFLICT REPLACE)");
    nodes[0].at(1000, "INSERT INTO users VALUES (1, 'm')");
    nodes[1].at(1001, "INSERT INTO users VALUES (2, 'm')");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM users"), ["2 m", "2 m"]);
    assert_eq!(nodes[1].text("SELECT why LIKE '%users.mail%' FROM _headwater_hidden"), "1");
    nodes[1].at(2000, "UPDATE users SET mail = 'n' WHERE id = 2");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM users"), ["1 m, 2 n", "1 m, 2 n"]);
    assert_eq!(all(&nodes, "SELECT count(*) FROM _headwater_hidden"), ["0", "0"]);
    // A swap clashes on its way, and at its end with nothing.
    nodes[0].at(
        3000,
        "UPDATE users SET mail = 'x' WHERE id = 1; UPDATE users SET mail = 'm' WHERE id = 2; \
                       UPDATE users SET mail = 'n' WHERE id = 1",
    );
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM users"), ["1 n, 2 m", "1 n, 2 m"]);
}

#[test]
fn an_old_copy_never_beats_newer_data() {
    let dir = Dir::new();
    let rows = "; INSERT INTO books VALUES (1, 'old', 1), (2, 'old', 2)";
    let mut nodes = nodes::<2>(&dir, &format!("{BOOKS}{rows}"));
    nodes[0].cut_all();
    nodes[0].at(1000, "UPDATE books SET title = 'new' WHERE id = 1; DELETE FROM books WHERE id = 2");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM books"), ["1 new 1", "1 new 1"]);
}

#[test]
fn units_come_in_any_order_and_twice_and_what_is_missing_is_known() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    for id in 1..=2 {
        nodes[0].at(1000, &format!("INSERT INTO books VALUES ({id}, 'a', 0)"));
        nodes[0].cut();
    }
    let sent = nodes[0].sent.clone();
    assert_eq!(nodes[1].apply(&sent[1]), Applied::Done);
    assert_eq!((nodes[1].replica().position(1).unwrap(), nodes[1].replica().missing().unwrap()), (0, 1));
    assert_eq!(nodes[1].apply(&sent[0]), Applied::Done);
    assert_eq!((nodes[1].replica().position(1).unwrap(), nodes[1].replica().missing().unwrap()), (2, 0));
    assert_eq!(nodes[1].apply(&sent[0]), Applied::Already);
    let mut ahead = Unit::decode(&sent[1]).unwrap();
    (ahead.seq, ahead.changes[0].time) = (3, (NOW_MS + 60_000) << 16);
    assert_eq!(nodes[1].replica().apply(&ahead, NOW_MS).unwrap(), Applied::Ahead);
    assert_eq!(nodes[1].text("SELECT id FROM books"), "1, 2");
}

#[test]
fn what_there_is_no_column_or_table_for_waits_for_it() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    nodes[0].at(1000, "ALTER TABLE books ADD COLUMN isbn TEXT; CREATE TABLE tags(name TEXT PRIMARY KEY)");
    nodes[0].at(1000, "INSERT INTO books VALUES (1, 'a', 0, 'i')");
    nodes[0].cut_all();
    nodes[0].at(1001, "INSERT INTO tags VALUES ('t')");
    exchange(&mut nodes);
    assert_eq!(nodes[1].text("SELECT * FROM books"), "1 a 0");
    assert_eq!(nodes[1].replica().parked().unwrap(), 2);
    nodes[1].restart();
    nodes[1].at(1002, "ALTER TABLE books ADD COLUMN isbn TEXT; CREATE TABLE tags(name TEXT PRIMARY KEY)");
    nodes[1].cut();
    assert_eq!(nodes[1].text("SELECT * FROM books"), "1 a 0 i");
    assert_eq!(nodes[1].text("SELECT * FROM tags"), "t");
    assert_eq!(nodes[1].replica().parked().unwrap(), 0);
}

/// Another transaction than a cut may be the first that comes upon the new schema.
#[test]
fn what_waits_for_a_column_is_due_until_it_is_joined() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    nodes[0].at(1000, "ALTER TABLE books ADD COLUMN isbn TEXT; INSERT INTO books VALUES (1, 'a', 0, 'i')");
    nodes[0].cut_all();
    exchange(&mut nodes);
    nodes[1].cut();
    assert!(!nodes[1].replica().is_due().unwrap());
    nodes[1].at(1001, "ALTER TABLE books ADD COLUMN isbn TEXT");
    nodes[1].replica().take_units(&[], Place::default(), 1001).unwrap();
    assert!(nodes[1].replica().is_due().unwrap());
    nodes[1].cut();
    assert_eq!(nodes[1].text("SELECT * FROM books"), "1 a 0 i");
    assert!(!nodes[1].replica().is_due().unwrap());
}

#[test]
fn the_applications_changes_of_schema_work_as_if_there_were_no_replica() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    nodes[0].at(1000, "INSERT INTO books VALUES (1, 'a', 3)");
    exchange(&mut nodes);
    for node in &mut nodes {
        node.at(1001, "ALTER TABLE books RENAME COLUMN stars TO rating; ALTER TABLE books ADD COLUMN n DEFAULT 4");
        node.at(1002, "ALTER TABLE books RENAME COLUMN id TO key; ALTER TABLE books DROP COLUMN title");
        node.at(1003, "ALTER TABLE books RENAME TO tomes; UPDATE tomes SET rating = rating + 1 WHERE rating = 3");
        node.at(1004, "DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT rating FROM tomes");
    }
    exchange(&mut nodes);
    nodes[1].at(1005, "UPDATE tomes SET n = 9");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM tomes"), ["1 4 9", "1 4 9"]);
    nodes[0].at(1006, "DROP VIEW v; DROP TABLE tomes");
    nodes[0].cut();
    assert_eq!(nodes[0].text("SELECT count(*) FROM _headwater_table WHERE gone > 0"), "1");
}

#[test]
fn a_table_rebuilt_under_its_name_is_compared_row_by_row() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    nodes[0].at(1000, "INSERT INTO books VALUES (1, 'a', 3), (2, 'b', 4)");
    exchange(&mut nodes);
    nodes[0].at(
        2000,
        "BEGIN; CREATE TABLE anew(id INTEGER PRIMARY KEY, title TEXT, stars INTEGER); \
                       INSERT INTO anew SELECT id, upper(title), stars FROM books WHERE id = 1; \
                       DROP TABLE books; ALTER TABLE anew RENAME TO books; COMMIT",
    );
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM books"), ["1 A 3", "1 A 3"]);
}

#[test]
fn tables_that_do_not_replicate_are_named_with_the_reason() {
    let dir = Dir::new();
    let schema = "CREATE TABLE bare(x); CREATE TABLE folded(k TEXT COLLATE NOCASE PRIMARY KEY); \
                  CREATE TABLE secret(k INTEGER PRIMARY KEY); CREATE TABLE good(k INTEGER PRIMARY KEY)";
    let options = Options { exclude: vec!["SECRET".to_owned()], ..Options::default() };
    let mut node = Node::new(&dir, 1, schema, options);
    let (tables, refused) = node.replica().tables();
    assert_eq!(tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["good"]);
    let refused: Vec<_> = refused.iter().map(|refused| format!("{}: {}", refused.name, refused.why)).collect();
    assert_eq!(refused.len(), 4, "{refused:?}");
    assert!(refused[0].contains("no primary key") && refused[1].contains("NOCASE"), "{refused:?}");
}

#[test]
fn the_time_of_a_write_is_known_under_an_untrusted_schema() {
    let dir = Dir::new();
    let node = Node::new(&dir, 1, BOOKS, Options::default());
    let app = Connection::open_in_memory().unwrap();
    app.execute_batch(&format!("PRAGMA trusted_schema = OFF; {BOOKS}")).unwrap();
    let time = crate::replica::capture::TIME_SQL;
    app.execute_batch(&format!("CREATE TRIGGER t AFTER INSERT ON books BEGIN UPDATE books SET stars = {time}; END"))
        .unwrap();
    app.execute_batch("INSERT INTO books(id) VALUES (1)").unwrap();
    let off: i64 = app
        .query_row("SELECT abs(stars - unixepoch('subsec') * 1000) FROM books", (), |row| row.get::<_, f64>(0))
        .unwrap() as i64;
    assert!(off < 60_000, "{off} ms away");
    assert_eq!(node.text("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"), "3");
}

#[test]
fn detach_leaves_nothing() {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(BOOKS).unwrap();
    let conn = Replica::open(conn, 1, Options::default()).unwrap().detach().unwrap();
    let left: rusqlite::Result<i64> =
        conn.query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%headwater%'", (), |row| row.get(0));
    assert_eq!(left.unwrap(), 0);
}

#[test]
fn a_file_is_one_nodes() {
    let dir = Dir::new();
    let node = Node::new(&dir, 1, BOOKS, Options::default());
    let path = node.app.path().unwrap().to_owned();
    let other = Replica::open(Connection::open(path).unwrap(), 2, Options::default());
    assert_eq!(other.err().unwrap().kind(), ErrorKind::Conflict);
}

fn unit() -> Unit {
    let values = vec![
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(-0.0),
        Value::Text(b"\xff".to_vec()),
        Value::Text("é".into()),
        Value::Blob(Vec::new()),
    ];
    let columns: Vec<usize> = (0..values.len()).rev().collect();
    let whole = Change { key: vec![Value::Integer(1)], time: 9, whole: true, columns, values, ..Change::default() };
    let life = Stamp { time: 7, node: u64::MAX };
    let dead = Change { key: vec![Value::Text("k".into()), Value::Blob(vec![0])], life, ..Change::default() };
    let names = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec();
    let tables =
        vec![UnitTable { name: "t".to_owned(), columns: names, was: vec![(1, "was".to_owned())], hash: [3; 32] }];
    Unit { origin: 5, seq: 6, tables, changes: vec![whole, dead] }
}

#[test]
fn a_unit_is_read_as_it_was_written_and_damage_is_refused() {
    let unit = unit();
    let bytes = unit.encode().unwrap();
    assert_eq!(Unit::decode(&bytes).unwrap(), unit);
    for end in 0..bytes.len() {
        assert!(Unit::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    for n in 0..bytes.len() {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[n] ^= 1 << bit;
            let _ = Unit::decode(&bytes);
        }
    }
    // Ten thousand arrays in each other, and an array that says it is endless.
    let mut deep = vec![1, 0, 0xa1, 0x18, 99];
    deep.extend(std::iter::repeat_n(0x81, 10_000));
    assert!(Unit::decode(&deep).is_err());
    assert!(Unit::decode(&[1, 0, 0xa1, 3, 0x9b, 255, 255, 255, 255, 255, 255, 255, 255]).is_err());
}

#[test]
fn the_log_has_room_for_the_longest_key() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, BOOKS);
    let places = "CREATE TABLE places(a, b, c, note, PRIMARY KEY(a, b, c))";
    for node in &mut nodes {
        node.at(1000, "INSERT INTO books VALUES (1, 'a', 0)");
        node.at(1000, places);
    }
    nodes[0].at(2000, "INSERT INTO places VALUES (1, 2, 3, 'x'), (1, 2, 4, 'y'); DELETE FROM places WHERE c = 3");
    nodes[0].at(2001, "UPDATE places SET b = 'moved'");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM places"), ["1 moved 4 y", "1 moved 4 y"]);
    assert_eq!(all(&nodes, "SELECT count(*) FROM pragma_table_info('_headwater_log')"), ["7", "7"]);
}

#[test]
fn keys_that_are_one_to_sqlite_have_one_name() {
    assert_eq!(key_bytes(&[Value::Real(2.0)]), key_bytes(&[Value::Integer(2)]));
    assert_ne!(key_bytes(&[Value::Text(b"2".to_vec())]), key_bytes(&[Value::Blob(b"2".to_vec())]));
    let key = vec![Value::Integer(-3), Value::Text(b"\xff\0".to_vec()), Value::Real(0.5)];
    assert_eq!(key_values(&key_bytes(&key)).unwrap(), key);
    assert!(key_values(&key_bytes(&[Value::Integer(300)])[..2]).is_none());
}

#[test]
fn names_of_rows_are_in_the_order_of_their_numbers() {
    let bits = (0..63).flat_map(|bit| [(1i64 << bit) - 1, 1 << bit, -(1 << bit), -(1 << bit) - 1]);
    let mut numbers: Vec<i64> = bits.chain([i64::MIN, i64::MAX]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let names: Vec<_> = numbers.iter().map(|number| key_bytes(&[Value::Integer(*number)])).collect();
    assert!(names.is_sorted_by(|a, b| a < b));
    for (number, name) in numbers.iter().zip(names) {
        assert_eq!(key_values(&name).unwrap(), [Value::Integer(*number)]);
    }
}

#[test]
fn the_clocks_of_a_row_are_read_as_they_were_written() {
    let stamp = |time, node| Stamp { time, node };
    let column = |column, stamp| Written { column, stamp, digest: column as u64 * 77 };
    let columns = vec![column(1, stamp(9, 2)), column(300, stamp(0, 0)), column(4, stamp(9, 2))];
    let state = RowState { life: stamp(3, 1), whole: true, columns };
    assert_eq!(RowState::decode(&state.encode()).unwrap(), state);
    assert!(RowState::decode(&state.encode()[..9]).is_err());
}
