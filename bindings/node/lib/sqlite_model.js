'use strict';
// Read models in SQLite files, with the SQLite that the program has.

const fs = require('node:fs');
const { HeadwaterError, invalid } = require('./errors.js');
const { callback, check, text } = require('./options.js');
const { reason } = require('./projection.js');

const SQLITE = { name: text, path: text, open: callback, fold: callback, outbox: (_, value) => value };

const HEADER = 'Headwater-Outbox';
const MESSAGES_AT_ONCE = 1000;

/** SQLite's codes for errors of the file or of the machine, which no event can help. */
const OF_THE_FILE = /^(SQLITE_)?(BUSY|LOCKED|NOMEM|READONLY|INTERRUPT|IOERR|CORRUPT|FULL|CANTOPEN|NOTADB)/;
const CODES_OF_THE_FILE = new Set([5, 6, 7, 8, 9, 10, 11, 13, 14, 26]);

const TABLES = `
CREATE TABLE IF NOT EXISTS headwater_projection (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  generation INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headwater_dead_letter (name TEXT, seq INTEGER, PRIMARY KEY (name, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headwater_outbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL DEFAULT (lower(hex(randomblob(8)))),
  seq INTEGER NOT NULL,
  stream TEXT NOT NULL,
  subject TEXT NOT NULL,
  payload BLOB NOT NULL DEFAULT x'',
  tried INTEGER
);
`;

/** That an event fails, and which. */
class EventFails extends Error {
  constructor(index, why) {
    super(why);
    this.index = index;
  }
}

/**
 * A read model in a SQLite file: what events make of it, its position, its dead letters and its outbox are one
 * transaction, so each event is in effect once, whenever the program ends. Several projections may share a file.
 *
 * `open(path)` opens it with the SQLite that the program has, as `node:sqlite` and `better-sqlite3` give one.
 * `fold(database, event)` is called in a transaction, which it must not end; what it did is undone where it throws.
 * Rows that it puts into `headwater_outbox` (`seq` of the event, `stream`, `subject`, `payload`) are sent to streams of
 * the engine `outbox`, each once, when the transaction is committed.
 */
class SqliteModel {
  #open;
  #fold;
  #outbox;
  #place = { position: 0, generation: 0 };

  constructor(options) {
    const { name, path, open, fold, outbox = null } = check('SQLite model', options, SQLITE);
    for (const [what, value] of Object.entries({ name, path, open, fold })) {
      if (value === undefined) throw invalid(`SQLite model: ${what} is missing`);
    }
    this.name = name;
    this.path = path;
    this.#open = open;
    this.#fold = fold;
    this.#outbox = outbox;
    this.database = open(path);
    this.database.exec('PRAGMA busy_timeout = 10000');
    this.database.exec(TABLES);
  }

  get keepsPosition() {
    return true;
  }

  /** Closes the file. */
  close() {
    this.database.close();
  }

  begin() {
    this.#place = this.#placed();
    return BigInt(this.#place.position);
  }

  take(events) {
    let count = events.length;
    let failed = null;
    // What comes before a failure is undone with it, and taken in again without it.
    while (count > 0) {
      const { seq } = events[count - 1];
      try {
        this.#moving(Number(seq), () => events.slice(0, count).forEach((event, index) => this.#take(index, event)));
        return { position: seq, failed };
      } catch (error) {
        if (!(error instanceof EventFails)) throw error;
        count = error.index;
        failed = { seq: events[count].seq, why: error.message };
      }
    }
    return { position: null, failed };
  }

  skip(seq) {
    const sql = 'INSERT OR IGNORE INTO headwater_dead_letter VALUES (?, ?)';
    this.#moving(Number(seq), () => this.#run(sql, this.name, Number(seq)));
  }

  retake(event) {
    const sql = 'DELETE FROM headwater_dead_letter WHERE name = ? AND seq = ?';
    this.#moving(this.#place.position, () => {
      if (this.#run(sql, this.name, Number(event.seq)) > 0) this.#fold(this.database, event);
    });
  }

  keep() {
    return null;
  }

  /** Sends what is in the outbox. */
  async settle() {
    while (this.#outbox !== null) {
      const sql = 'SELECT n, id, stream, subject, payload, tried FROM headwater_outbox ORDER BY n LIMIT ?';
      const messages = this.database.prepare(sql).all(MESSAGES_AT_ONCE);
      if (messages.length === 0) return;
      for (const name of new Set(messages.map((message) => message.stream))) {
        await this.#send(await this.#outbox.stream(name), messages.filter((message) => message.stream === name));
      }
    }
  }

  /** Sends messages, but for those that were sent before the program ended: they lie behind what was noted. */
  async #send(stream, messages) {
    const tried = messages.map((message) => message.tried).filter((seq) => seq !== null);
    const sent = tried.length > 0 ? await sentBehind(stream, Math.min(...tried.map(Number))) : new Set();
    const lastSeq = Number((await stream.info()).lastSeq);
    this.#transaction(() => {
      const sql = 'UPDATE headwater_outbox SET tried = ? WHERE n = ? AND tried IS NULL';
      messages.forEach((message) => this.#run(sql, lastSeq, message.n));
    });
    const fresh = messages.filter((message) => !sent.has(message.id));
    await Promise.all(fresh.map(({ id, subject, payload }) => {
      const data = typeof payload === 'string' ? Buffer.from(payload) : payload;
      return stream.append(subject, data, { headers: [[HEADER, id]], msgId: id });
    }));
    this.#transaction(() => {
      messages.forEach((message) => this.#run('DELETE FROM headwater_outbox WHERE n = ?', message.n));
    });
  }

  /**
   * Builds it anew from the first event, in a file of its own beside this one (`-rebuild`), and then puts that in the
   * place of this one's tables, in one transaction. The projection that it gives is the live one from then on: drive
   * this model with it. Messages that a rebuild wrote again are not sent again.
   */
  async rebuild(store, options = undefined) {
    const path = `${this.path}-rebuild`;
    remove(path);
    const rebuilt = new SqliteModel({ name: this.name, path, open: this.#open, fold: this.#fold });
    try {
      const projection = await store.projection(this.name, { ...options, isRebuild: true });
      for (;;) {
        await projection.catchUp(rebuilt);
        if (this.#switch(path, Number(projection.position)) && await projection.switch()) return projection;
      }
    } finally {
      rebuilt.close();
      remove(path);
    }
  }

  #switch(path, position) {
    this.#run('ATTACH ? AS rebuilt', path);
    try {
      return this.#transaction(() => this.#copy(position));
    } finally {
      this.database.exec('DETACH rebuilt');
    }
  }

  #copy(position) {
    const before = this.#placed();
    if (before.position > position) return false;
    const objects = this.database.prepare(`
      SELECT type, name, sql FROM rebuilt.sqlite_schema
      WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        AND name NOT LIKE 'headwater\\_%' ESCAPE '\\' AND name NOT LIKE '\\_headwater%' ESCAPE '\\'
      ORDER BY type <> 'table', rowid
    `).all();
    for (const { type, name, sql } of objects) {
      const quoted = `"${name.replaceAll('"', '""')}"`;
      this.database.exec(`DROP ${type} IF EXISTS main.${quoted}`);
      this.database.exec(sql);
      if (type === 'table') this.database.exec(`INSERT INTO main.${quoted} SELECT * FROM rebuilt.${quoted}`);
    }
    this.#run('DELETE FROM headwater_dead_letter WHERE name = ?', this.name);
    this.#run(`INSERT INTO headwater_dead_letter
      SELECT name, seq FROM rebuilt.headwater_dead_letter WHERE name = ?`, this.name);
    this.#run(`INSERT INTO headwater_outbox (seq, stream, subject, payload)
      SELECT seq, stream, subject, payload FROM rebuilt.headwater_outbox WHERE seq > ? ORDER BY n`, before.position);
    this.#setPlace({ position, generation: before.generation + 1 });
    return true;
  }

  #take(index, event) {
    try {
      this.#fold(this.database, event);
    } catch (error) {
      const code = error?.errcode;
      if (OF_THE_FILE.test(String(error?.code)) || (code !== undefined && CODES_OF_THE_FILE.has(code & 0xff))) {
        throw new HeadwaterError('io', `read model '${this.name}': ${error.message}`);
      }
      throw new EventFails(index, reason(error));
    }
  }

  #run(sql, ...values) {
    return Number(this.database.prepare(sql).run(...values).changes);
  }

  #placed() {
    const sql = 'SELECT position, generation FROM headwater_projection WHERE name = ?';
    const row = this.database.prepare(sql).get(this.name) ?? { position: 0, generation: 0 };
    return { position: Number(row.position), generation: Number(row.generation) };
  }

  #setPlace({ position, generation }) {
    this.#run(`INSERT INTO headwater_projection (name, position, generation) VALUES (?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET position = excluded.position, generation = excluded.generation`,
    this.name, position, generation);
  }

  #transaction(work) {
    this.database.exec('BEGIN IMMEDIATE');
    let done;
    try {
      done = work();
      this.database.exec('COMMIT');
    } catch (error) {
      try {
        this.database.exec('ROLLBACK');
      } catch {
        // SQLite has undone it by itself.
      }
      throw error;
    }
    return done;
  }

  /** A transaction that moves the position, if it is where the run left it. */
  #moving(position, work) {
    const after = { position, generation: this.#place.generation };
    this.#transaction(() => {
      const found = this.#placed();
      if (found.position !== this.#place.position || found.generation !== this.#place.generation) {
        const why = 'was moved by another program that runs it, or by a rebuild';
        throw new HeadwaterError('conflict', `the position of projection '${this.name}' ${why}`);
      }
      work();
      this.#setPlace(after);
    });
    this.#place = after;
  }
}

/** The messages that a stream has behind a sequence. */
async function sentBehind(stream, seq) {
  const sent = new Set();
  for (let from = BigInt(seq) + 1n; ;) {
    const records = await stream.read({ fromSeq: from });
    if (records.length === 0) return sent;
    for (const [name, value] of records.flatMap((record) => record.headers)) {
      if (name === HEADER) sent.add(value);
    }
    from = records.at(-1).seq + 1n;
  }
}

function remove(path) {
  for (const end of ['', '-journal', '-wal', '-shm']) fs.rmSync(path + end, { force: true });
}

module.exports = { SqliteModel };
