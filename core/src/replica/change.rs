//! What goes from node to node: a unit, which is what one node wrote between two cuts, and its changes.
//!
//! On the wire it is a version, a method, and CBOR in maps with small numbers as keys, zstd over it when that is
//! smaller. A reader passes over keys that it does not know, and refuses what is too large, too deep or of another
//! version. Text that is not UTF-8 is bytes under a tag.

use std::cell::RefCell;

use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};
use zstd::bulk::Decompressor;

use super::clocks::Stamp;
use super::ident::is_same;
use super::names::NAMES_MAX;
use super::store::KEY_COLUMNS_MAX;
use super::table::{Column, Table};
use super::value::Value;
use crate::error::{Error, ErrorKind, Result};
use crate::hybrid::STAMP_MAX;

/// The version of this form, and of the digests by which equal stamps are settled: 2 since numbers are mixed.
const VERSION: u8 = 2;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Bytes below which nothing is compressed.
const COMPRESS_BYTES_MIN: usize = 128;
const LEVEL: i32 = 3;
/// The largest unit, uncompressed, in bytes: a row of the largest size that SQLite keeps by default does not fit, one
/// of 256 MiB does.
pub(super) const UNIT_BYTES_MAX: u64 = 256 << 20;
/// Columns of one table, at most: as many as SQLite can be built for.
const COLUMNS_MAX: usize = 32_767;
/// The tag over bytes that are text but not UTF-8.
const TEXT_BYTES: u64 = 0x6877_0001;

/// What one node wrote between two cuts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Unit {
    /// The node that wrote it.
    pub(crate) origin: u64,
    /// Its number among that node's, from 1 on without gaps.
    pub(crate) seq: u64,
    pub(crate) tables: Vec<UnitTable>,
    pub(crate) changes: Vec<Change>,
}

/// What a unit's changes mean by a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct UnitTable {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    /// Names that columns had before at the origin, by their places.
    pub(crate) was: Vec<(usize, String)>,
    /// SHA-256 of the schema that the origin had.
    pub(crate) hash: [u8; 32],
}

/// What was done to one row: with no column and not whole, it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Change {
    /// The place in the unit's tables.
    pub(crate) table: usize,
    pub(crate) key: Vec<Value>,
    /// The life that the row has with this: the stamp of its last delete.
    pub(crate) life: Stamp,
    /// When the columns were written; the origin's stamp, or zero for what was there at attach.
    pub(crate) time: u64,
    /// An insert: a column that is not here has its default.
    pub(crate) whole: bool,
    /// Places in the table's columns, and what is there now.
    pub(crate) columns: Vec<usize>,
    pub(crate) values: Vec<Value>,
}

impl Change {
    pub(super) fn stamp(&self, origin: u64) -> Stamp {
        Stamp { time: self.time, node: if self.time == 0 { 0 } else { origin } }
    }

    /// Bytes of it, about.
    pub(super) fn bytes(&self) -> usize {
        16 + self.key.iter().chain(&self.values).map(|value| 2 + value.len()).sum::<usize>()
    }
}

impl Unit {
    pub(super) fn new(origin: u64) -> Unit {
        Unit { origin, ..Unit::default() }
    }

    /// The place of a table in the unit, which it has from now on.
    pub(super) fn table(&mut self, table: &Table) -> usize {
        if let Some(place) = self.tables.iter().position(|known| is_same(&known.name, &table.name)) {
            return place;
        }
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        let was =
            |(n, column): (usize, &Column)| column.was.iter().map(move |was| (n, was.clone())).collect::<Vec<_>>();
        let was = table.columns.iter().enumerate().flat_map(was).collect();
        self.tables.push(UnitTable { name: table.name.clone(), columns, was, hash: table.hash });
        self.tables.len() - 1
    }

    /// The largest stamp in it.
    pub(super) fn time_max(&self) -> u64 {
        self.changes.iter().map(|change| change.time.max(change.life.time)).max().unwrap_or_default()
    }

    /// Its bytes, compressed where that makes them fewer.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        self.encode_with(true)
    }

    /// Its bytes; only with `compress` fewer than they need to be.
    pub(super) fn encode_with(&self, compress: bool) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        put_unit(&mut Encoder::new(&mut body), self)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("a unit does not encode: {error}")))?;
        if body.len() as u64 > UNIT_BYTES_MAX {
            let message = format!("a unit of {} bytes, and the most is {UNIT_BYTES_MAX}", body.len());
            return Err(Error::new(ErrorKind::Limit, message));
        }
        let mut out = vec![VERSION, PLAIN];
        if compress && body.len() >= COMPRESS_BYTES_MIN {
            let packed = zstd::bulk::compress(&body, LEVEL).map_err(|error| Error::io("compressing a unit", &error))?;
            if packed.len() < body.len() {
                out[1] = ZSTD;
                out.extend_from_slice(&packed);
                return Ok(out);
            }
        }
        out.extend_from_slice(&body);
        Ok(out)
    }

    /// Reads what [`Unit::encode`] wrote. What comes from another node may be anything.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Unit> {
        let (&version, rest) = bytes.split_first().ok_or_else(|| Error::invalid("a unit without a byte"))?;
        if version != VERSION {
            let message = format!("a unit of version {version}, and this build reads {VERSION}");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        match rest.split_first() {
            Some((&PLAIN, body)) if body.len() as u64 <= UNIT_BYTES_MAX => take_unit(body),
            Some((&ZSTD, packed)) => take_unit(&unpack(packed)?),
            _ => Err(Error::invalid("a unit whose method is not known, or that is too large")),
        }
    }
}

thread_local! {
    /// Kept, as it is a hundred kilobytes and a unit a few.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    let broken = |error| Error::invalid(format!("a unit does not decompress: {error}"));
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new().map_err(broken)?),
        };
        decompressor.decompress(packed, UNIT_BYTES_MAX as usize).map_err(broken)
    })
}

type Put<T> = std::result::Result<T, minicbor::encode::Error<std::convert::Infallible>>;

fn put_unit(to: &mut Encoder<&mut Vec<u8>>, unit: &Unit) -> Put<()> {
    to.map(4)?.u8(0)?.u64(unit.origin)?.u8(1)?.u64(unit.seq)?.u8(2)?.array(unit.tables.len() as u64)?;
    for table in &unit.tables {
        to.map(3 + u64::from(!table.was.is_empty()))?
            .u8(0)?
            .str(&table.name)?
            .u8(1)?
            .array(table.columns.len() as u64)?;
        for column in &table.columns {
            to.str(column)?;
        }
        to.u8(2)?.bytes(&table.hash)?;
        if !table.was.is_empty() {
            to.u8(3)?.array(table.was.len() as u64)?;
            for (column, name) in &table.was {
                to.array(2)?.u64(*column as u64)?.str(name)?;
            }
        }
    }
    to.u8(3)?.array(unit.changes.len() as u64)?;
    for change in &unit.changes {
        put_change(to, change)?;
    }
    Ok(())
}

fn put_change(to: &mut Encoder<&mut Vec<u8>>, change: &Change) -> Put<()> {
    let (has_life, has_time) = (change.life != Stamp::default(), change.time != 0);
    let is_all = change.columns.iter().enumerate().all(|(n, column)| n == *column);
    let has_values = !change.values.is_empty();
    let fields =
        2 + [has_life, has_time, change.whole, has_values && !is_all, has_values].iter().filter(|has| **has).count();
    to.map(fields as u64)?.u8(0)?.u64(change.table as u64)?.u8(1)?.array(change.key.len() as u64)?;
    for value in &change.key {
        put_value(to, value)?;
    }
    if has_life {
        to.u8(2)?.array(2)?.u64(change.life.time)?.u64(change.life.node)?;
    }
    if has_time {
        to.u8(3)?.u64(change.time)?;
    }
    if change.whole {
        to.u8(4)?.bool(true)?;
    }
    if has_values && !is_all {
        to.u8(5)?.array(change.columns.len() as u64)?;
        for column in &change.columns {
            to.u64(*column as u64)?;
        }
    }
    if has_values {
        to.u8(6)?.array(change.values.len() as u64)?;
        for value in &change.values {
            put_value(to, value)?;
        }
    }
    Ok(())
}

fn put_value(to: &mut Encoder<&mut Vec<u8>>, value: &Value) -> Put<()> {
    match value {
        Value::Null => to.null()?,
        Value::Integer(number) => to.i64(*number)?,
        Value::Real(number) => to.f64(*number)?,
        Value::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => to.str(text)?,
            Err(_) => to.tag(Tag::new(TEXT_BYTES))?.bytes(bytes)?,
        },
        Value::Blob(bytes) => to.bytes(bytes)?,
    };
    Ok(())
}

fn take_unit(body: &[u8]) -> Result<Unit> {
    let mut from = Decoder::new(body);
    let unit = read_unit(&mut from).map_err(|error| Error::invalid(format!("a unit does not decode: {error}")))?;
    if from.position() != body.len() {
        return Err(Error::invalid("a unit with bytes behind its end"));
    }
    check(&unit)?;
    Ok(unit)
}

/// What a unit's numbers point at is there, and within its bounds.
fn check(unit: &Unit) -> Result<()> {
    for change in &unit.changes {
        let Some(table) = unit.tables.get(change.table) else {
            return Err(Error::invalid("a change of a table that its unit does not name"));
        };
        if change.key.is_empty() || change.key.len() > KEY_COLUMNS_MAX || change.key.contains(&Value::Null) {
            return Err(Error::invalid(format!("a change of table {:?} without a usable key", table.name)));
        }
        let is_right = change.columns.len() == change.values.len()
            && change.columns.iter().all(|column| *column < table.columns.len())
            && (change.columns.is_sorted_by(|a, b| a < b) || are_distinct(&change.columns));
        if !is_right {
            return Err(Error::invalid(format!("a change of table {:?} with columns that do not fit", table.name)));
        }
        if change.time > STAMP_MAX || change.life.time > STAMP_MAX {
            return Err(Error::invalid(format!("a change of table {:?} with a stamp past the last one", table.name)));
        }
    }
    Ok(())
}

fn are_distinct(columns: &[usize]) -> bool {
    let mut columns = columns.to_vec();
    columns.sort_unstable();
    columns.is_sorted_by(|a, b| a < b)
}

type Take<T> = std::result::Result<T, minicbor::decode::Error>;

fn wrong<T>(what: &str) -> Take<T> {
    Err(minicbor::decode::Error::message(what))
}

fn count(len: Option<u64>, max: usize) -> Take<usize> {
    match len.and_then(|len| usize::try_from(len).ok()) {
        Some(len) if len <= max => Ok(len),
        _ => wrong("a length that is not definite, or too large"),
    }
}

/// Reads a map with numbers as keys; what `field` does not know is passed over.
fn fields<'b>(from: &mut Decoder<'b>, mut field: impl FnMut(u64, &mut Decoder<'b>) -> Take<bool>) -> Take<()> {
    for _ in 0..count(from.map()?, usize::MAX)? {
        let key = from.u64()?;
        if !field(key, from)? {
            from.skip()?;
        }
    }
    Ok(())
}

/// Reads an array. No room is made ahead for what it says that it holds.
fn items<'b, T>(from: &mut Decoder<'b>, max: usize, mut item: impl FnMut(&mut Decoder<'b>) -> Take<T>) -> Take<Vec<T>> {
    let count = count(from.array()?, max)?;
    let mut items = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        items.push(item(from)?);
    }
    Ok(items)
}

fn read_unit(from: &mut Decoder<'_>) -> Take<Unit> {
    let mut unit = Unit::default();
    fields(from, |key, from| {
        match key {
            0 => unit.origin = from.u64()?,
            1 => unit.seq = from.u64()?,
            2 => unit.tables = items(from, usize::MAX, read_table)?,
            3 => unit.changes = items(from, usize::MAX, read_change)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    // A change that says no columns has all that its values are for.
    for change in &mut unit.changes {
        if change.columns.is_empty() {
            change.columns = (0..change.values.len()).collect();
        }
    }
    Ok(unit)
}

fn read_table(from: &mut Decoder<'_>) -> Take<UnitTable> {
    let mut table = UnitTable::default();
    fields(from, |key, from| {
        match key {
            0 => from.str()?.clone_into(&mut table.name),
            1 => table.columns = items(from, COLUMNS_MAX, |from| Ok(from.str()?.to_owned()))?,
            2 => table.hash = from.bytes()?.try_into().or_else(|_| wrong("a hash that is not 32 bytes"))?,
            3 => table.was = items(from, COLUMNS_MAX * NAMES_MAX, read_was)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(table)
}

fn read_was(from: &mut Decoder<'_>) -> Take<(usize, String)> {
    count(from.array()?, 2).and_then(|len| if len == 2 { Ok(()) } else { wrong("a former name of no column") })?;
    Ok((count(Some(from.u64()?), COLUMNS_MAX)?, from.str()?.to_owned()))
}

fn read_change(from: &mut Decoder<'_>) -> Take<Change> {
    let mut change = Change::default();
    fields(from, |key, from| {
        match key {
            0 => change.table = count(Some(from.u64()?), usize::MAX)?,
            1 => change.key = items(from, KEY_COLUMNS_MAX, read_value)?,
            2 => match items(from, 2, Decoder::u64)?[..] {
                [time, node] => change.life = Stamp { time, node },
                _ => return wrong("a life that is not a time and a node"),
            },
            3 => change.time = from.u64()?,
            4 => change.whole = from.bool()?,
            5 => change.columns = items(from, COLUMNS_MAX, |from| count(Some(from.u64()?), COLUMNS_MAX))?,
            6 => change.values = items(from, COLUMNS_MAX, read_value)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(change)
}

fn read_value(from: &mut Decoder<'_>) -> Take<Value> {
    Ok(match from.datatype()? {
        Type::Null => {
            from.null()?;
            Value::Null
        }
        Type::F16 | Type::F32 | Type::F64 => Value::Real(from.f64()?),
        Type::String => Value::Text(from.str()?.as_bytes().to_vec()),
        Type::Bytes => Value::Blob(from.bytes()?.to_vec()),
        Type::Tag => match from.tag()?.as_u64() {
            TEXT_BYTES => Value::Text(from.bytes()?.to_vec()),
            _ => return wrong("a value under a tag that is not known"),
        },
        _ => Value::Integer(from.i64()?),
    })
}
