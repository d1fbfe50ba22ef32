//! Replicated SQLite files as core has them; and, in a build without the feature `replica`, types of the same names
//! that nobody can have a value of, so that every export is there and only attaching has something to answer.

#[cfg(feature = "replica")]
mod core {
    use headwater::replica::{DatabaseStatus, refuse_opened};
    use headwater::{Engine, Pending, Result};

    pub(crate) use headwater::replica::{
        Answer, ChangeWatcher, Connection, Database, InterruptHandle, RowChange, Value,
    };

    use crate::database_config::hw_database_config;

    pub(crate) fn attach(engine: &Engine, from: &hw_database_config) -> Result<Database> {
        let config = from.config()?;
        refuse_opened(&config.path)?;
        engine.attach(config).wait()
    }

    pub(crate) fn database(engine: &Engine, name: &str) -> Pending<Database> {
        engine.database(name)
    }

    pub(crate) fn databases(engine: &Engine) -> Pending<Vec<DatabaseStatus>> {
        engine.databases()
    }

    /// Changes as rows: what each is, and then its key.
    pub(crate) fn changes_answer(changes: Vec<RowChange>) -> Answer {
        let keys = changes.iter().map(|change| change.key.len()).max().unwrap_or_default();
        let names = ["table", "kind", "node", "stamp", "time_ms"].map(str::to_owned);
        let columns = names.into_iter().chain((0..keys).map(|n| format!("key{n}"))).collect();
        let row = |change: RowChange| {
            let text = |text: String| Value::Text(text.into_bytes());
            let number = |number: u64| Value::Integer(number as i64);
            let (stamp, time_ms) = (number(change.stamp), number(change.time_ms()));
            let kind = text(change.kind.name().to_owned());
            let mut row = vec![text(change.table), kind, text(change.node), stamp, time_ms];
            row.extend(change.key);
            row.resize(5 + keys, Value::Null);
            row
        };
        Answer { columns, rows: changes.into_iter().map(row).collect(), ..Answer::default() }
    }
}

#[cfg(not(feature = "replica"))]
mod core {
    use std::path::Path;

    use headwater::{Engine, Error, ErrorKind, Pending, Result};

    use crate::database_config::hw_database_config;

    pub(crate) enum Database {}

    pub(crate) enum Connection {}

    pub(crate) enum InterruptHandle {}

    pub(crate) enum ChangeWatcher {}

    pub(crate) enum RowChange {}

    pub(crate) enum Value {
        Null,
        Integer(i64),
        Real(f64),
        Text(Vec<u8>),
        Blob(Vec<u8>),
    }

    #[allow(dead_code, reason = "there is no connection that could give one")]
    pub(crate) struct Answer {
        pub(crate) columns: Vec<String>,
        pub(crate) rows: Vec<Vec<Value>>,
        pub(crate) changes: u64,
        pub(crate) last_insert_rowid: i64,
    }

    /// Methods of what there is no value of.
    macro_rules! nobody_calls {
        ($($name:ident($($given:ty),*) -> $result:ty;)+) => {
            $(pub(crate) fn $name(&self, $(_: $given),*) -> $result {
                match *self {}
            })+
        };
    }

    impl Database {
        nobody_calls! {
            name() -> &str;
            path() -> &Path;
            stream_names() -> Vec<String>;
            connect() -> Result<Connection>;
            status() -> Pending<()>;
            sync() -> Pending<()>;
            pause() -> Pending<()>;
            resume() -> Pending<()>;
            release() -> Pending<u64>;
            detach() -> Pending<()>;
            check(bool) -> Pending<()>;
            schema() -> Pending<()>;
            watch() -> Pending<ChangeWatcher>;
            snapshot() -> Pending<()>;
            snapshots() -> Pending<()>;
            restore(Option<&str>) -> Pending<()>;
        }
    }

    impl Connection {
        nobody_calls! {
            execute(&str, &[Value]) -> Result<Answer>;
            is_in_transaction() -> bool;
            interrupt_handle() -> InterruptHandle;
        }
    }

    impl ChangeWatcher {
        nobody_calls! {
            try_next(usize) -> Result<Vec<RowChange>>;
            poll_ready(&mut std::task::Context<'_>) -> std::task::Poll<()>;
            missed() -> u64;
            close() -> ();
        }
    }

    impl InterruptHandle {
        nobody_calls! {
            interrupt() -> ();
        }
    }

    fn unsupported() -> Error {
        Error::new(ErrorKind::Unsupported, "this library was built without the replication of SQLite files")
    }

    pub(crate) fn attach(_: &Engine, _: &hw_database_config) -> Result<Database> {
        Err(unsupported())
    }

    pub(crate) fn database(_: &Engine, _: &str) -> Pending<Database> {
        Pending::ready(Err(unsupported()))
    }

    pub(crate) fn databases(_: &Engine) -> Pending<()> {
        Pending::ready(Err(unsupported()))
    }

    pub(crate) fn changes_answer(_: Vec<RowChange>) -> Answer {
        Answer { columns: Vec::new(), rows: Vec::new(), changes: 0, last_insert_rowid: 0 }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::raw;

        #[test]
        fn a_build_without_it_says_so() -> Result<()> {
            let config = hw_database_config { struct_size: size_of::<hw_database_config>(), ..raw::zeroed() };
            let refused = attach(&Engine::memory()?, &config).map(drop).map_err(|e| e.kind());
            assert_eq!(refused, Err(ErrorKind::Unsupported));
            Ok(())
        }
    }
}

pub(crate) use self::core::{
    Answer, ChangeWatcher, Connection, Database, InterruptHandle, RowChange, Value, attach, changes_answer, database,
    databases,
};
