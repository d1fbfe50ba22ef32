//! Random schemas and statements at three nodes; units in any order between nodes; cuts, changes of schema, deaths and
//! old copies between. At the end all nodes have the same cells and clocks, and what only one node wrote is what that
//! node has.

use std::collections::BTreeSet;

use crate::replica::clocks::Stamp;
use crate::replica::ident::quote;
use crate::replica::rows::TableRows;
use crate::replica::value::{Value, key_values};
use crate::replica::{Options, Planted, Replica};

use super::schema::{FAMILY, RandomTable, Rng, family, value};
use super::world::{Dir, NOW_MS, Node};

const NODES: usize = 3;
const SEEDS: u64 = 300;
const LATE_TABLE: &str = "late table";

struct Run {
    rng: Rng,
    nodes: Vec<Node>,
    tables: Vec<RandomTable>,
    /// Changes of schema, and how many of them each node has done, now and in its copy.
    changes: Vec<String>,
    done: [usize; NODES],
    copies: [Option<usize>; NODES],
    ms: u64,
    next_id: u64,
    /// No two nodes write one row.
    is_apart: bool,
    has_family: bool,
}

impl Run {
    fn new(dir: &Dir, seed: u64, planted: Option<Planted>) -> Run {
        let mut rng = Rng::new(seed);
        let is_apart = seed.is_multiple_of(3);
        let has_family = !is_apart && rng.one_in(3);
        let tables: Vec<_> = (0..=rng.below(2)).map(|n| RandomTable::new(&mut rng, n, !is_apart)).collect();
        let mut schema: String = tables.iter().map(|table| table.sql.as_str()).collect();
        if has_family {
            schema += FAMILY;
        }
        let changes = tables.iter().flat_map(|table| changes(&mut rng, table, is_apart)).collect();
        let options = Options {
            unit_changes_max: 1 + rng.below(20),
            unit_bytes_max: if rng.one_in(3) { 50 } else { 1 << 20 },
            per_row: if rng.one_in(4) { vec![tables[0].name.clone()] } else { Vec::new() },
            planted,
            ..Options::default()
        };
        let is_recursive = rng.one_in(2);
        let nodes: Vec<_> = (0..NODES)
            .map(|n| {
                let mut schema = schema.clone();
                // Some copies have rows at attach.
                if !is_apart && rng.one_in(2) && tables[0].keys[0].kind == "INTEGER" && tables[0].keys.len() == 1 {
                    let (table, key) = (quote(&tables[0].name), quote(&tables[0].keys[0].name));
                    let rows = format!("INSERT OR IGNORE INTO {table}({key}) VALUES (1), (2), ({});", n + 2);
                    schema.push_str(&rows);
                }
                let mut node = Node::new(dir, n as u64 + 1, &schema, options.clone());
                node.is_recursive = is_recursive;
                node.restart_app();
                node
            })
            .collect();
        let (done, copies, next_id) = ([0; NODES], [None; NODES], NODES as u64 + 1);
        Run { rng, nodes, tables, changes, done, copies, ms: 1000, next_id, is_apart, has_family }
    }

    /// What a table is called at a node, if it is there.
    fn name_at(&self, n: usize, table: &RandomTable) -> Option<String> {
        let has = |name: &String| self.has_table(n, name);
        [table.name.clone(), table.moved()].into_iter().find(has)
    }

    fn has_table(&self, n: usize, name: &str) -> bool {
        let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        self.nodes[n].app.prepare(sql).unwrap().exists([name]).unwrap()
    }

    fn columns(&self, n: usize, name: &str) -> Vec<(String, String)> {
        let sql = "SELECT name, type FROM pragma_table_xinfo(?1) WHERE pk = 0 AND hidden = 0";
        let mut list = self.nodes[n].app.prepare(sql).unwrap();
        let found = list.query_map([name], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        found.map(Result::unwrap).collect()
    }

    /// One random statement at a node.
    fn statement(&mut self, n: usize) {
        self.ms += self.rng.below(5) as u64;
        let skewed = self.ms + (n as u64 * 7) * u64::from(self.rng.one_in(2));
        self.nodes[n].at(skewed, "");
        if self.rng.one_in(10) && self.has_table(n, LATE_TABLE) {
            let sql = "INSERT INTO \"late table\" VALUES (?1, ?2) ON CONFLICT DO UPDATE SET v = excluded.v";
            let key = Value::Text(format!("{}", if self.is_apart { n } else { self.rng.below(3) }).into_bytes());
            let value = value(&mut self.rng, "BLOB", None);
            self.nodes[n].attempt(sql, &[key, value]);
            return;
        }
        if self.has_family && self.rng.one_in(4) {
            let (sql, values) = family(&mut self.rng);
            self.nodes[n].attempt(sql, &values);
            return;
        }
        let table = self.rng.pick(&self.tables).clone();
        let Some(name) = self.name_at(n, &table) else { return };
        let columns = self.columns(n, &name);
        let mine = self.is_apart.then_some(n as u64 + 1);
        let rng = &mut self.rng;
        let name = quote(&name);
        let key = table.key(rng, mine);
        let found = |first: usize| {
            let keys = table.keys.iter().enumerate();
            keys.map(|(k, key)| format!("{} = ?{}", quote(&key.name), first + k)).collect::<Vec<_>>().join(" AND ")
        };
        match rng.below(10) {
            0..=3 => {
                let or = rng.pick(&["", " OR REPLACE", " OR IGNORE"]);
                let used: Vec<_> = columns.iter().filter(|_| !rng.one_in(4)).cloned().collect();
                let names = table.keys.iter().map(|key| quote(&key.name));
                let names = names.chain(used.iter().map(|(name, _)| quote(name))).collect::<Vec<_>>().join(", ");
                let marks = (1..=key.len() + used.len()).map(|k| format!("?{k}")).collect::<Vec<_>>().join(", ");
                let mut values = key;
                values.extend(used.iter().map(|(_, kind)| value(rng, kind, None)));
                self.nodes[n].attempt(&format!("INSERT{or} INTO {name}({names}) VALUES ({marks})"), &values);
            }
            4..=6 => {
                let (column, kind) = rng.pick(&columns).clone();
                let mut values = vec![value(rng, &kind, None)];
                values.extend(key);
                let sql = format!("UPDATE {name} SET {} = ?1 WHERE {}", quote(&column), found(2));
                self.nodes[n].attempt(&sql, &values);
            }
            7 => {
                let mut values = table.key(rng, mine);
                let keys = table.keys.iter().enumerate();
                let set =
                    keys.map(|(k, key)| format!("{} = ?{}", quote(&key.name), k + 1)).collect::<Vec<_>>().join(", ");
                let sql = format!("UPDATE {name} SET {set} WHERE {}", found(values.len() + 1));
                values.extend(key);
                self.nodes[n].attempt(&sql, &values);
            }
            _ => self.nodes[n].attempt(&format!("DELETE FROM {name} WHERE {}", found(1)), &key),
        }
    }

    /// Everybody that ever sent something: the node, and which of its lives.
    fn senders(&self) -> Vec<(usize, usize)> {
        (0..NODES).flat_map(|n| (0..=self.nodes[n].past.len()).map(move |life| (n, life))).collect()
    }

    /// A node takes the next unit of somebody, or an old one again. Whether there was a next one.
    fn deliver(&mut self, to: usize, (from, life): (usize, usize), kill: bool) -> bool {
        let node = &self.nodes[from];
        if from == to && life == node.past.len() {
            return false;
        }
        let (origin, sent) = node.past.get(life).map_or((node.id, &node.sent), |(id, sent)| (*id, sent));
        let sent = sent.clone();
        let position = self.nodes[to].replica().position(origin).unwrap() as usize;
        let is_again = position > 0 && self.rng.one_in(5);
        let next = if is_again { self.rng.below(position) } else { position };
        let Some(unit) = sent.get(next) else { return position < sent.len() };
        if kill {
            let unit = crate::replica::change::Unit::decode(unit).unwrap();
            let steps = 1 + self.rng.below(400);
            self.nodes[to].kill(steps, |replica| drop(replica.apply(&unit, NOW_MS)));
            return true;
        }
        self.nodes[to].apply(unit);
        if self.rng.one_in(2) {
            self.nodes[to].cut();
        }
        position < sent.len()
    }

    fn step(&mut self) {
        let n = self.rng.below(NODES);
        match self.rng.below(24) {
            0..=9 => self.statement(n),
            10 => {
                self.nodes[n].at(self.ms, "BEGIN");
                for _ in 0..self.rng.below(5) {
                    self.statement(n);
                }
                match self.rng.below(3) {
                    0 => self.nodes[n].app.execute_batch("ROLLBACK").unwrap(),
                    1 => self.nodes[n].restart_app(),
                    _ => self.nodes[n].app.execute_batch("COMMIT").unwrap(),
                }
            }
            11..=12 => self.nodes[n].cut(),
            13 => {
                self.nodes[n].replica().walk(2).unwrap();
                self.nodes[n].cut();
            }
            14 => self.nodes[n].restart(),
            15 => self.change_schema(n),
            16 => {
                let steps = 1 + self.rng.below(400);
                let which = self.rng.below(3);
                self.nodes[n].kill(steps, |replica| match which {
                    0 => drop(replica.cut()),
                    1 => drop(replica.walk(2)),
                    _ => drop(replica.sweep(3, 0)),
                });
            }
            17 => match self.copies[n] {
                None => {
                    self.nodes[n].back_up();
                    self.copies[n] = Some(self.done[n]);
                }
                Some(done) => {
                    self.nodes[n].restore(self.next_id);
                    self.next_id += 1;
                    self.done[n] = done;
                    self.copies[n] = None;
                }
            },
            _ => {
                let senders = self.senders();
                let from = *self.rng.pick(&senders);
                let kill = self.rng.one_in(8);
                self.deliver(n, from, kill);
            }
        }
    }

    fn change_schema(&mut self, n: usize) {
        if let Some(sql) = self.changes.get(self.done[n]) {
            self.nodes[n].at(self.ms, sql);
            self.done[n] += 1;
            // The last column that is dropped and added again before anybody looks is the same one to us.
            if sql.contains("DROP COLUMN") {
                self.nodes[n].cut();
            }
        }
    }

    /// Each node takes what it said itself before its file was replaced.
    fn remember(&mut self) {
        for n in 0..NODES {
            for life in 0..self.nodes[n].past.len() {
                while self.deliver(n, (n, life), false) {}
            }
        }
    }

    fn finish(&mut self) {
        loop {
            let mut is_done = true;
            for n in 0..NODES {
                while !self.nodes[n].replica().sweep(7, 0).unwrap() {}
                self.nodes[n].cut_all();
            }
            for to in 0..NODES {
                for from in self.senders() {
                    while self.deliver(to, from, false) {
                        is_done = false;
                    }
                }
            }
            if is_done {
                return;
            }
        }
    }

    /// What is wrong at the end, if anything.
    fn verdict(&mut self, own: &[Vec<Vec<Vec<Value>>>]) -> Result<(), String> {
        for n in 0..NODES {
            let sent = self.nodes[n].sent.len();
            self.nodes[n].cut_all();
            if self.nodes[n].sent.len() != sent {
                return Err(format!("node {n} sends what nobody wrote"));
            }
        }
        let mut queries: Vec<_> =
            self.tables.iter().filter_map(|table| Some(table.all(&self.name_at(0, table)?))).collect();
        if self.changes.iter().any(|sql| sql.contains(LATE_TABLE)) {
            queries.push("SELECT * FROM \"late table\" ORDER BY k".to_owned());
        }
        if self.has_family {
            queries.extend(["parent", "child"].map(|name| format!("SELECT * FROM {name} ORDER BY id")));
        }
        for sql in &queries {
            let first = self.nodes[0].rows(sql);
            for n in 1..NODES {
                let other = self.nodes[n].rows(sql);
                if first != other {
                    return Err(format!("{sql}: node 0 has {first:?}, node {n} has {other:?}"));
                }
            }
        }
        let clocks: Vec<_> = self.nodes.iter_mut().map(|node| clocks(node.replica())).collect();
        for n in 1..NODES {
            for (first, other) in clocks[0].iter().zip(&clocks[n]) {
                if first != other {
                    return Err(format!("node 0 knows {first}, node {n} knows {other}"));
                }
            }
            if clocks[0].len() != clocks[n].len() {
                return Err(format!("node 0 knows {} rows, node {n} knows {}", clocks[0].len(), clocks[n].len()));
            }
        }
        let is_dropped = self.changes.iter().any(|sql| sql.contains("DROP "));
        if let Some(n) = (0..NODES).find(|n| !is_dropped && self.nodes[*n].replica().parked().unwrap() > 0) {
            return Err(format!("node {n} keeps changes though its schema is every node's: {:?}", self.changes));
        }
        if self.is_apart {
            for (table, own) in self.tables.iter().zip(own) {
                let own: BTreeSet<_> = own.iter().flatten().map(|row| format!("{row:?}")).collect();
                let name = self.name_at(0, table).unwrap_or_default();
                let rows = self.nodes[0].rows(&table.all(&name));
                let rows: BTreeSet<_> = rows.into_iter().map(|row| format!("{row:?}")).collect();
                if own != rows {
                    let (lost, found) = (own.difference(&rows), rows.difference(&own));
                    let (lost, found): (Vec<_>, Vec<_>) = (lost.collect(), found.collect());
                    return Err(format!("the nodes wrote {lost:?}, and there is {found:?}"));
                }
            }
        }
        Ok(())
    }

    /// The rows of each table that each node wrote, as it has them.
    fn own(&mut self) -> Vec<Vec<Vec<Vec<Value>>>> {
        let is_own = |row: &[Value], n: usize| match &row[0] {
            Value::Integer(number) => *number / 100 == n as i64 + 1,
            Value::Real(number) => (*number / 100.0) as usize == n + 1,
            Value::Text(bytes) => bytes.starts_with(format!("k'\"{}", n + 1).as_bytes()),
            Value::Blob(bytes) => (i64::from(bytes[0]) | i64::from(bytes[1]) << 8) / 100 == n as i64 + 1,
            Value::Null => false,
        };
        let of = |table: &RandomTable, n: usize| {
            let name = self.name_at(n, table).unwrap_or_default();
            let rows = self.nodes[n].rows(&table.all(&name));
            rows.into_iter().filter(|row| is_own(row, n)).collect::<Vec<_>>()
        };
        self.tables.iter().map(|table| (0..NODES).map(|n| of(table, n)).collect()).collect()
    }
}

/// Changes of schema that every node does, in this order, each at its own time.
fn changes(rng: &mut Rng, table: &RandomTable, is_apart: bool) -> Vec<String> {
    let (name, moved) = (quote(&table.name), quote(&table.moved()));
    let late = table.columns.last().unwrap();
    let mut list = Vec::new();
    let has_late = rng.one_in(3);
    if has_late {
        list.push(format!("ALTER TABLE {name} ADD COLUMN \"late\" TEXT DEFAULT '3'"));
    }
    if rng.one_in(3) {
        list.push(format!("ALTER TABLE {name} RENAME COLUMN {} TO \"renamed\"", quote(&late.name)));
    }
    if rng.one_in(3) {
        list.push(format!("ALTER TABLE {name} ADD COLUMN \"gone\" INTEGER"));
    }
    if has_late && !is_apart && rng.one_in(2) {
        list.push(format!("ALTER TABLE {name} DROP COLUMN \"late\""));
        match rng.below(3) {
            0 => list.push(format!("ALTER TABLE {name} ADD COLUMN \"late\" TEXT DEFAULT '3'")),
            1 => list.push(format!("ALTER TABLE {name} ADD COLUMN \"other\" TEXT")),
            _ => {}
        }
    }
    if rng.one_in(3) {
        list.push(format!("CREATE TABLE IF NOT EXISTS \"{LATE_TABLE}\"(k TEXT PRIMARY KEY, v) WITHOUT ROWID"));
    }
    match rng.below(6) {
        0 => list.push(format!("ALTER TABLE {name} RENAME TO {moved}")),
        1 if !is_apart => {
            list.push(format!("DROP TABLE {name}"));
            list.push(table.sql.clone());
        }
        _ => {}
    }
    list
}

/// Every row's clocks, and the cells of those that are hidden, by the names of columns.
fn clocks(replica: &Replica) -> Vec<String> {
    let mut list = Vec::new();
    for table in &replica.tables {
        let rows = TableRows::new(&replica.conn, table);
        let mut names = replica.conn.prepare("SELECT key FROM _headwater_row WHERE tbl = ?1").unwrap();
        let names = names.query_map([table.id], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        for name in names.map(Result::unwrap) {
            let state = rows.state(&name).unwrap().unwrap();
            let written = table.columns.iter().filter_map(|column| Some((column, state.written(column.id)?)));
            let written = written.filter(|(column, written)| {
                !state.whole || (written.stamp, written.digest) > (Stamp::default(), column.rest)
            });
            let mut cells: Vec<_> = written
                .map(|(column, written)| format!("{} {:?} {:x}", column.name, written.stamp, written.digest))
                .collect();
            cells.sort();
            let hidden = rows.hidden(&name).unwrap().map(|hidden| {
                let (places, values) = rows.places(&hidden);
                // A cell that is not there has the default.
                let digest = |n: usize| {
                    let value = places.iter().position(|place| *place == n).map(|at| values[at].digest());
                    value.unwrap_or(table.columns[n].rest)
                };
                let columns = table.columns.iter().enumerate();
                let mut cells: Vec<_> = columns.map(|(n, column)| format!("{} {:x}", column.name, digest(n))).collect();
                cells.sort();
                format!("{cells:?}")
            });
            let key = key_values(&name).unwrap();
            list.push(format!("{} {key:?} {:?} {} {cells:?} hidden {hidden:?}", table.name, state.life, state.whole));
        }
    }
    list.sort();
    list
}

fn run(seed: u64, planted: Option<Planted>) -> Result<(), String> {
    let dir = Dir::new();
    let mut run = Run::new(&dir, seed, planted);
    for _ in 0..100 {
        run.step();
    }
    for n in 0..NODES {
        while run.done[n] < run.changes.len() {
            run.change_schema(n);
        }
    }
    run.remember();
    // What waited for a column that came in the last look.
    run.nodes.iter_mut().for_each(Node::cut_all);
    let own = run.own();
    run.finish();
    run.verdict(&own)
}

#[test]
fn nodes_end_equal_whatever_is_written_where() {
    let said = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let first = said("REPLICA_SEED");
    let seeds = first.unwrap_or(0)..first.map_or(SEEDS, |first| first + said("REPLICA_SEEDS").unwrap_or(1));
    let mut failed = Vec::new();
    for seed in seeds {
        if let Err(fault) = run(seed, None) {
            failed.push(format!("seed {seed}: {fault}"));
        }
    }
    assert!(failed.is_empty(), "{} seeds failed:\n{}", failed.len(), failed[..failed.len().min(6)].join("\n"));
}

/// Each is found by one of the first seeds.
#[test]
fn planted_faults_are_found() {
    use Planted::*;
    for (fault, seeds) in [(NoCutFirst, 50), (ArrivalOrder, 50), (NoSettle, 50), (NoPark, 50), (OneLife, 50)] {
        let found = (0..seeds).find(|seed| run(*seed, Some(fault)).is_err());
        println!("{fault:?} is found by seed {found:?}");
        assert!(found.is_some(), "{fault:?} was not found by {seeds} seeds");
    }
}
