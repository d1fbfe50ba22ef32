//! Upcasters: old shapes of an event's data become new ones as they are read; what is saved stays as it is.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// An event by name, schema and data, as an upcaster makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcasted {
    /// Its name, which an upcaster may change.
    pub event_type: String,
    /// The version of the shape of its data.
    pub schema: u32,
    /// What happened.
    pub data: Vec<u8>,
}

type Step = Box<dyn Fn(Upcasted) -> Result<Upcasted> + Send + Sync>;

/// Steps from one schema of an event to the next.
#[derive(Default)]
pub struct Upcasters(BTreeMap<(String, u32), Step>);

impl Upcasters {
    /// Adds the step from this schema of an event; it returns a later schema, or another name.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if there is a step from there.
    pub fn add(
        &mut self,
        event_type: &str,
        schema: u32,
        step: impl Fn(Upcasted) -> Result<Upcasted> + Send + Sync + 'static,
    ) -> Result<()> {
        if self.0.insert((event_type.to_owned(), schema), Box::new(step)).is_some() {
            let message = format!("event '{event_type}' of schema {schema} has an upcaster");
            return Err(Error::new(crate::ErrorKind::Conflict, message));
        }
        Ok(())
    }

    /// The newest shape of an event.
    ///
    /// # Errors
    /// What a step answers; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if a step leads back.
    pub fn upcast(&self, event_type: &str, schema: u32, data: &[u8]) -> Result<Upcasted> {
        let mut event = Upcasted { event_type: event_type.to_owned(), schema, data: data.to_vec() };
        for _ in 0..=self.0.len() {
            let Some(step) = self.0.get(&(event.event_type.clone(), event.schema)) else { return Ok(event) };
            let place = format!("upcaster of event '{}' from schema {}", event.event_type, event.schema);
            event = step(event).map_err(|error| error.context(place))?;
        }
        Err(Error::invalid(format!("the upcasters of event '{event_type}' lead back to where they began")))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
