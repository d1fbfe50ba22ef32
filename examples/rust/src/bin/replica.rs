//! A SQLite file at each of two shops: what is written at one comes to the other, and what both wrote apart merges.

use std::path::Path;
use std::time::{Duration, Instant};

use headwater::replica::{Connection, Database, DatabaseConfig, Value};
use headwater::{Engine, Error, ErrorKind, LinkConfig, Result, StreamConfig};

const TIMEOUT: Duration = Duration::from_secs(30);
const BOOKS: &str = "SELECT group_concat(id || ' ' || title || ' at ' || price, ', ') FROM \
                     (SELECT id, title, price FROM books ORDER BY id)";

struct Shop {
    engine: Engine,
    database: Database,
    books: Connection,
}

impl Shop {
    fn open(path: &Path) -> Result<Shop> {
        // The application's own file: here an empty one, which is a database that has nothing in it.
        std::fs::write(path, "").map_err(|e| Error::new(ErrorKind::Io, e.to_string()))?;
        let engine = Engine::memory()?;
        let config = DatabaseConfig { name: "shop".to_owned(), ..DatabaseConfig::new(path) };
        let database = engine.attach(config).wait()?;
        let books = database.connect()?;
        books.execute("CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT, price REAL)", &[])?;
        Ok(Shop { engine, database, books })
    }

    fn link(&self, hub: &Engine) -> Result<()> {
        let stream = self.database.stream_names().remove(0);
        let create = Some(Box::new(StreamConfig::default()));
        self.engine.add_link(LinkConfig { create, ..LinkConfig::new("hub", stream.clone(), stream) }, hub).wait()
    }

    fn list(&self) -> Result<String> {
        let found = self.books.execute(BOOKS, &[])?;
        Ok(match found.rows.first().and_then(|row| row.first()) {
            Some(Value::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            _ => String::new(),
        })
    }
}

fn until_both_have(shops: [&Shop; 2], books: &str) -> Result<()> {
    let begun = Instant::now();
    while shops[0].list()? != books || shops[1].list()? != books {
        if begun.elapsed() > TIMEOUT {
            return Err(Error::new(ErrorKind::Timeout, format!("{books} did not come to both")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("both files have {books}");
    Ok(())
}

fn main() -> Result<()> {
    let dir = std::env::temp_dir().join(format!("headwater-replica-{}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(|e| Error::new(ErrorKind::Io, e.to_string()))?;
    let hub = Engine::memory()?;
    let (here, there) = (Shop::open(&dir.join("here.db"))?, Shop::open(&dir.join("there.db"))?);
    here.link(&hub)?;
    there.link(&hub)?;
    let emma = [Value::Integer(1), Value::Text(b"Emma".to_vec()), Value::Real(9.5)];
    here.books.execute("INSERT INTO books VALUES (?, ?, ?)", &emma)?;
    let ivanhoe = [Value::Integer(2), Value::Text(b"Ivanhoe".to_vec()), Value::Real(3.25)];
    there.books.execute("INSERT INTO books VALUES (?, ?, ?)", &ivanhoe)?;
    until_both_have([&here, &there], "1 Emma at 9.5, 2 Ivanhoe at 3.25")?;

    here.engine.remove_link("hub")?;
    there.engine.remove_link("hub")?;
    here.books.execute("UPDATE books SET title = 'Emma Woodhouse' WHERE id = 1", &[])?;
    there.books.execute("UPDATE books SET price = 12.5 WHERE id = 1", &[])?;
    println!("apart, one changes the title of book 1 and the other its price");
    here.link(&hub)?;
    there.link(&hub)?;
    until_both_have([&here, &there], "1 Emma Woodhouse at 12.5, 2 Ivanhoe at 3.25")?;

    let status = here.database.status().wait()?;
    println!("{} replicates, and {} rows are hidden by a conflict", status.tables.join(", "), status.conflicts);
    for shop in [here, there] {
        drop(shop.books);
        shop.engine.close()?;
    }
    std::fs::remove_dir_all(&dir).map_err(|e| Error::new(ErrorKind::Io, e.to_string()))
}
