//! Keyword settings of calls that configure something: each is taken once by name, what is left over is refused.

use headwater::Durability;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::error::{invalid, raise, wrong_type};
use crate::model::model_class;
use crate::time::Seconds;

/// The keyword arguments of one call.
pub(crate) struct Settings<'py> {
    call: &'static str,
    left: Bound<'py, PyDict>,
}

impl<'py> Settings<'py> {
    pub(crate) fn new(py: Python<'py>, call: &'static str, given: Option<&Bound<'py, PyDict>>) -> PyResult<Self> {
        let left = given.map_or_else(|| Ok(PyDict::new(py)), PyDictMethods::copy)?;
        Ok(Settings { call, left })
    }

    /// What an instance of the dataclass `class` of `headwater/_model.py` holds; `what` says where it was given.
    pub(crate) fn of_model(class: &'static str, what: &str, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        let model = model_class(value.py(), class)?;
        if !value.is_instance(&model)? {
            return Err(wrong_type(what, &format!("a {class}"), value));
        }
        let left = PyDict::new(value.py());
        for field in model.getattr("__slots__")?.try_iter()? {
            let field = field?.cast_into::<PyString>()?;
            left.set_item(&field, value.getattr(&field)?)?;
        }
        Ok(Settings { call: class, left })
    }

    /// The value of `name` as Python gave it; `None` counts as not given.
    pub(crate) fn take_any(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let value = self.left.get_item(name)?;
        if value.is_some() {
            self.left.del_item(name)?;
        }
        Ok(value.filter(|value| !value.is_none()))
    }

    /// Sets `field` to the value of `name`, if it was given.
    pub(crate) fn set<T>(&self, name: &str, field: &mut T) -> PyResult<()>
    where
        T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
    {
        if let Some(value) = self.take_any(name)? {
            *field = value.extract().map_err(|error: PyErr| self.named(&value, name, error))?;
        }
        Ok(())
    }

    /// Sets a duration.
    pub(crate) fn set_duration(&self, name: &str, field: &mut std::time::Duration) -> PyResult<()> {
        let mut seconds = Seconds(*field);
        self.set(name, &mut seconds)?;
        *field = seconds.0;
        Ok(())
    }

    /// Sets a list of texts; one text counts as a list of one.
    pub(crate) fn set_texts(&self, name: &str, field: &mut Vec<String>) -> PyResult<()> {
        if let Some(value) = self.take_any(name)? {
            *field = texts(&value, name)?;
        }
        Ok(())
    }

    /// Sets one of a few named values.
    pub(crate) fn set_choice<T: Copy>(&self, name: &str, choices: &[(&str, T)], field: &mut T) -> PyResult<()> {
        if let Some(value) = self.take_any(name)? {
            let Ok(text) = value.cast::<PyString>() else {
                return Err(wrong_type(name, "a str", &value));
            };
            *field = choice(value.py(), name, choices, text.to_str()?)?;
        }
        Ok(())
    }

    /// Sets the durability.
    pub(crate) fn set_durability(&self, field: &mut Durability) -> PyResult<()> {
        let mut name = field.name().to_owned();
        self.set("durability", &mut name)?;
        *field = Durability::parse(&name).map_err(|error| raise(self.left.py(), &error))?;
        Ok(())
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> PyResult<()> {
        match self.left.iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("{}() got an unexpected keyword argument '{name}'", self.call);
                Err(PyTypeError::new_err(message))
            }
        }
    }

    fn named(&self, value: &Bound<'py, PyAny>, name: &str, error: PyErr) -> PyErr {
        let py = value.py();
        if error.is_instance_of::<PyOverflowError>(py) {
            return invalid(py, format!("{name} is out of range: {value}"));
        }
        if error.is_instance_of::<PyTypeError>(py) {
            return PyTypeError::new_err(format!("{}() argument '{name}': {}", self.call, error.value(py)));
        }
        error
    }
}

/// The value that `text` names.
pub(crate) fn choice<T: Copy>(py: Python<'_>, name: &str, choices: &[(&str, T)], text: &str) -> PyResult<T> {
    if let Some((_, value)) = choices.iter().find(|(choice, _)| *choice == text) {
        return Ok(*value);
    }
    let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
    Err(invalid(py, format!("{name} '{text}' is not one of {}", names.join(", "))))
}

/// A list of texts; one text counts as a list of one.
pub(crate) fn texts(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<String>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(vec![text.to_str()?.to_owned()]);
    }
    let Ok(items) = value.try_iter() else {
        return Err(wrong_type(name, "a str or an iterable of str", value));
    };
    items
        .map(|item| {
            let item = item?;
            let text = item.cast::<PyString>().map_err(|_| wrong_type(name, "a str or an iterable of str", &item))?;
            Ok(text.to_str()?.to_owned())
        })
        .collect()
}
