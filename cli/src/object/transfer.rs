//! `headwater object put` and `get`: bytes in and out, with a bar while they run.

use std::fs::File;
use std::io::{BufWriter, Read, Write};

use headwater::{Engine, ErrorKind, ObjectConfig, ObjectOptions, ObjectStore};

use super::show;
use super::{Get, Put};
use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::progress::Progress;
use crate::units::show_size;

impl Put {
    pub(super) fn run(self, place: &Place) -> Done {
        let from_stdin = self.file.as_os_str() == "-";
        // The file comes first, so that a name that is not there leaves no empty directory behind.
        let file = if from_stdin { None } else { Some(open(&self)?) };
        let total = file.as_ref().and_then(|f| f.metadata().ok()).filter(std::fs::Metadata::is_file).map(|m| m.len());
        let name = self.object_name(from_stdin)?;
        let options = ObjectOptions {
            description: self.description,
            headers: self.headers,
            metadata: self.metadata.into_iter().collect(),
            max_chunk_size: self.max_chunk_size,
        };
        let info = place.make(|engine| {
            let store = open_or_make(engine, &self.store)?;
            let progress = Progress::bytes("putting", total);
            // A read of a terminal does not hear Ctrl-C, and a put may be killed anyway: the object is as it was.
            let progress = if from_stdin { progress } else { progress.interruptible() };
            let mut input: Box<dyn Read> = match file {
                Some(file) => Box::new(file),
                None => Box::new(std::io::stdin().lock()),
            };
            Ok(store.put(&name, &mut *input, &options, &mut |bytes| progress.at(bytes))?)
        })?;
        show::answer(place, &info, || format!("{}, {}", info.name, show_size(info.size)))
    }

    fn object_name(&self, from_stdin: bool) -> Done<String> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        if from_stdin {
            return Err(Failure::usage("standard input has no name: give --name"));
        }
        let name = self.file.file_name().and_then(|name| name.to_str());
        name.map(str::to_owned)
            .ok_or_else(|| Failure::usage(format!("{} has no name that is text: give --name", self.file.display())))
    }
}

fn open(put: &Put) -> Done<File> {
    File::open(&put.file).map_err(|e| Failure::io(format!("opening {}", put.file.display()), &e))
}

fn open_or_make(engine: &Engine, name: &str) -> Done<ObjectStore> {
    match engine.object_store(name).wait() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(engine.create_object_store(ObjectConfig::new(name)).wait()?)
        }
        opened => Ok(opened?),
    }
}

impl Get {
    pub(super) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let mut reader = engine.object_store(&self.store).wait()?.get(&self.name)?;
        let Some(path) = &self.output else {
            let mut out = place.output();
            // Beside bytes on a terminal a moving bar would only be in the way.
            let written = reader.write_to(&mut out, &mut |_, _| std::ops::ControlFlow::Continue(()));
            if out.is_closed() {
                return Err(Failure::OutputClosed);
            }
            written?;
            return out.flush();
        };
        let failed = |e: &std::io::Error| Failure::io(format!("writing {}", path.display()), e);
        let file = File::create(path).map_err(|e| Failure::io(format!("making {}", path.display()), &e))?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let progress = Progress::bytes("getting", Some(reader.info().size)).interruptible();
        let written: Done = (|| {
            reader.write_to(&mut file, &mut |done, total| progress.at_of(done, total))?;
            file.flush().map_err(|e| failed(&e))
        })();
        drop(progress);
        if let Err(failure) = written {
            // Half an object under its name would pass for the whole one.
            let _ = std::fs::remove_file(path);
            return Err(failure);
        }
        show::answer(place, reader.info(), || format!("{} to {}", show_size(reader.info().size), path.display()))
    }
}
