//! Random schemas and values.

use std::fmt::Write;

use crate::replica::ident::quote;
use crate::replica::value::Value;

/// A small generator of pseudo-random numbers (xorshift64*).
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

#[derive(Debug, Clone)]
pub(super) struct RandomColumn {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) unique: bool,
}

#[derive(Debug, Clone)]
pub(super) struct RandomTable {
    pub(super) name: String,
    pub(super) keys: Vec<RandomColumn>,
    pub(super) columns: Vec<RandomColumn>,
    pub(super) sql: String,
    /// Some keys are NULL: such rows are no other node's.
    has_nulls: bool,
}

const NAMES: [&str; 8] = ["t", "we\"ird", "select", "a b", "tür", "x'y", "[z]", "%s; --"];
const COLUMNS: [&str; 8] = ["a", "b\"b", "order", "c d", "ß", "new", "old", "rowid2"];
const KINDS: [&str; 6] = ["INTEGER", "TEXT", "REAL", "BLOB", "NUMERIC", "DATETIME"];
const STRICT_KINDS: [&str; 5] = ["INTEGER", "TEXT", "REAL", "BLOB", "ANY"];

impl RandomTable {
    pub(super) fn new(rng: &mut Rng, n: usize, unique: bool) -> RandomTable {
        let name = NAMES[(n * 3 + rng.below(3)) % NAMES.len()].to_owned();
        let (strict, without_rowid) = (rng.one_in(3), rng.one_in(3));
        let kinds: &[&'static str] = if strict { &STRICT_KINDS } else { &KINDS };
        let key_kinds: &[&'static str] = &["INTEGER", "TEXT", "BLOB", "REAL"];
        let keys: Vec<_> = (0..=rng.below(2))
            .map(|k| RandomColumn {
                name: format!("key \"{k}"),
                kind: rng.pick::<&'static str>(key_kinds),
                unique: false,
            })
            .collect();
        let first = rng.below(COLUMNS.len());
        let columns: Vec<_> = (0..=rng.below(4))
            .map(|c| RandomColumn {
                name: COLUMNS[(first + c) % COLUMNS.len()].to_owned(),
                kind: rng.pick::<&'static str>(kinds),
                unique: unique && rng.one_in(3),
            })
            .collect();
        let mut sql = format!("CREATE TABLE {}(", quote(&name));
        for key in &keys {
            write!(sql, "{} {}, ", quote(&key.name), key.kind).unwrap();
        }
        for column in &columns {
            let more = match rng.below(8) {
                0 => " DEFAULT 5",
                1 if column.kind != "BLOB" => " DEFAULT '7'",
                2 => " NOT NULL DEFAULT ''",
                _ => "",
            };
            let more = if strict { "" } else { more };
            write!(sql, "{} {}{more}, ", quote(&column.name), column.kind).unwrap();
        }
        if rng.one_in(3) {
            let how = if rng.one_in(2) { "STORED" } else { "VIRTUAL" };
            let of = quote(&columns[0].name);
            write!(sql, "\"gen\" TEXT AS (typeof({of})) {how}, ").unwrap();
        }
        let mut has_unique = columns.iter().any(|column| column.unique);
        if unique && columns.len() > 1 && rng.one_in(3) {
            has_unique = true;
            write!(sql, "UNIQUE({}, {}), ", quote(&columns[0].name), quote(&columns[1].name)).unwrap();
        }
        if unique && rng.one_in(6) {
            write!(sql, "CHECK({} IS NOT 3), ", quote(&columns[0].name)).unwrap();
        }
        let names = keys.iter().map(|key| quote(&key.name)).collect::<Vec<_>>().join(", ");
        write!(sql, "PRIMARY KEY({names}))").unwrap();
        let ends: Vec<_> = [(strict, "STRICT"), (without_rowid, "WITHOUT ROWID")]
            .iter()
            .filter(|(has, _)| *has)
            .map(|e| e.1)
            .collect();
        write!(sql, "{};", ends.join(", ")).unwrap();
        for (c, column) in columns.iter().enumerate().filter(|(_, column)| column.unique) {
            let partial =
                if rng.one_in(2) { format!(" WHERE {} IS NOT 1", quote(&column.name)) } else { String::new() };
            let index = quote(&format!("{name} {c}"));
            write!(sql, "CREATE UNIQUE INDEX {index} ON {}({}){partial};", quote(&name), quote(&column.name)).unwrap();
        }
        let is_rowid = keys.len() == 1 && keys[0].kind == "INTEGER";
        let has_nulls = unique && !has_unique && !strict && !without_rowid && !is_rowid;
        RandomTable { name, keys, columns, sql, has_nulls }
    }

    /// A key; with `mine` no other node makes it.
    pub(super) fn key(&self, rng: &mut Rng, mine: Option<u64>) -> Vec<Value> {
        if self.has_nulls && rng.one_in(10) {
            let rest = self.keys[1..].iter().map(|_| Value::Integer(1));
            return std::iter::once(Value::Null).chain(rest).collect();
        }
        let span = 6;
        let place = rng.below(span) as i64 + mine.map_or(0, |node| node as i64 * 100);
        let value = |(n, key): (usize, &RandomColumn)| {
            let number = if n == 0 { place } else { place % 2 };
            match key.kind {
                "INTEGER" => Value::Integer(number),
                "TEXT" => Value::Text(format!("k'\"{number}").into_bytes()),
                "REAL" => Value::Real(number as f64 + 0.5 * (number % 2) as f64),
                _ => Value::Blob(vec![number as u8, (number >> 8) as u8]),
            }
        };
        self.keys.iter().enumerate().map(value).collect()
    }

    /// What it is called after it was renamed.
    pub(super) fn moved(&self) -> String {
        format!("{} moved", self.name)
    }

    /// A query for all that replicates of it, by the name it has now.
    pub(super) fn all(&self, name: &str) -> String {
        let keys: Vec<_> = self.keys.iter().map(|key| quote(&key.name)).collect();
        let usable = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
        format!("SELECT * FROM {} WHERE {usable} ORDER BY {}", quote(name), keys.join(", "))
    }
}

/// Rows that belong to others, with a trigger of the application's.
pub(super) const FAMILY: &str = "
CREATE TABLE parent(id INTEGER PRIMARY KEY, v);
CREATE TABLE child(
  id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent(id) ON DELETE CASCADE ON UPDATE CASCADE, v, n INTEGER DEFAULT 0);
CREATE TRIGGER told AFTER UPDATE OF v ON parent BEGIN UPDATE child SET v = NEW.v, n = n + 1 WHERE p = NEW.id; END;
CREATE TRIGGER born AFTER INSERT ON parent BEGIN INSERT OR IGNORE INTO child(id, p) VALUES (NEW.id + 10, NEW.id); END;
";

/// A statement on them, and its parameters.
pub(super) fn family(rng: &mut Rng) -> (&'static str, Vec<Value>) {
    let id = |rng: &mut Rng| Value::Integer(rng.below(4) as i64);
    match rng.below(6) {
        0 => ("INSERT OR IGNORE INTO parent VALUES (?1, ?2)", vec![id(rng), id(rng)]),
        1 => ("UPDATE parent SET v = ?1 WHERE id = ?2", vec![value(rng, "BLOB", None), id(rng)]),
        2 => ("DELETE FROM parent WHERE id = ?1", vec![id(rng)]),
        3 => ("UPDATE parent SET id = ?1 WHERE id = ?2", vec![id(rng), id(rng)]),
        4 => ("INSERT OR REPLACE INTO child VALUES (?1, ?2, 0, 0)", vec![id(rng), id(rng)]),
        _ => ("DELETE FROM child WHERE id = ?1", vec![id(rng)]),
    }
}

/// A value: hostile, or one of few so that it meets itself again.
pub(super) fn value(rng: &mut Rng, kind: &str, rare: Option<u64>) -> Value {
    let small = rng.below(4) as i64 + rare.map_or(0, |node| (node as i64) << 40 | (rng.next() as i64 & 0xffff_ffff));
    let text = |bytes: &[u8]| Value::Text(bytes.to_vec());
    if rare.is_none() && rng.one_in(3) {
        return match rng.below(14) {
            0 => Value::Null,
            1 => Value::Integer(i64::MAX),
            2 => Value::Integer((1 << 53) + 1),
            3 => Value::Real(-0.0),
            4 => Value::Real(f64::NAN),
            5 => Value::Real(f64::INFINITY),
            6 => Value::Real(0.1),
            7 => text(b"\xff\xfe"),
            8 => text(b""),
            9 => text(b"a\0b"),
            10 => Value::Blob(Vec::new()),
            11 => text(&vec![b'x'; 3000]),
            12 => Value::Integer(i64::MIN),
            _ => Value::Blob(vec![0, 255]),
        };
    }
    match kind {
        "TEXT" | "DATETIME" => text(small.to_string().as_bytes()),
        "BLOB" => Value::Blob(small.to_be_bytes().to_vec()),
        "REAL" => Value::Real(small as f64 / 2.0),
        _ => Value::Integer(small),
    }
}
