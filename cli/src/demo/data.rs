//! The records that the tour is about, inside the binary, so that it works wherever it is installed: a year of
//! Seattle's weather by the hour (NOAA) and a week of the world's earthquakes (USGS), both public, and the Chinook
//! music store (Luis Rocha, MIT).

use headwater::ErrorKind;
use serde::{Deserialize, Serialize};

use crate::failure::{Done, Failure};

/// Hourly readings: `date,pressure,temperature,wind`.
pub(super) const WEATHER_CSV: &[u8] = include_bytes!("../../../examples/data/seattle-weather-hourly.csv");

/// A music store as a SQLite file.
pub(super) const CHINOOK: &[u8] = include_bytes!("../../../examples/data/chinook.sqlite");

const QUAKES_JSON: &[u8] = include_bytes!("../../../examples/data/earthquakes.json");

/// An earthquake, as a record of the tour holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Quake {
    pub(super) magnitude: f64,
    pub(super) place: String,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) depth_km: f64,
    #[serde(skip)]
    pub(super) id: String,
    /// In nanoseconds since the epoch.
    #[serde(skip)]
    pub(super) time: i64,
}

#[derive(Deserialize)]
struct Collection {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    id: String,
    properties: Properties,
    geometry: Geometry,
}

#[derive(Deserialize)]
struct Properties {
    mag: Option<f64>,
    place: Option<String>,
    /// In milliseconds since the epoch.
    time: i64,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Geometry {
    /// Longitude, latitude, depth.
    coordinates: [f64; 3],
}

/// The week's earthquakes, in the order in which they happened; blasts in quarries are left out.
pub(super) fn quakes() -> Done<Vec<Quake>> {
    let collection: Collection = serde_json::from_slice(QUAKES_JSON)
        .map_err(|e| Failure::new(ErrorKind::Internal, format!("the earthquakes in this binary do not read: {e}")))?;
    let features = collection.features.into_iter().filter(|f| f.properties.kind == "earthquake");
    let mut quakes: Vec<Quake> = features
        .map(|feature| {
            let [longitude, latitude, depth_km] = feature.geometry.coordinates;
            Quake {
                magnitude: feature.properties.mag.unwrap_or(0.0),
                place: feature.properties.place.unwrap_or_default(),
                latitude,
                longitude,
                depth_km,
                id: feature.id,
                time: feature.properties.time * 1_000_000,
            }
        })
        .collect();
    quakes.sort_by_key(|quake| quake.time);
    Ok(quakes)
}

impl Quake {
    /// `quakes.<region>.m<magnitude>`, such as `quakes.puerto-rico.m2`.
    pub(super) fn subject(&self) -> String {
        let region = match self.place.rsplit(", ").next().unwrap_or_default() {
            "CA" => "California",
            "MX" => "Mexico",
            region => region,
        };
        let token: String =
            region.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let token = if token.is_empty() { "elsewhere" } else { &token };
        format!("quakes.{token}.m{}", self.magnitude.max(0.0) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_in_the_binary_read() {
        let quakes = quakes().expect("they read");
        assert_eq!(quakes.len(), 1_679);
        assert!(quakes.is_sorted_by_key(|q| q.time));
        assert!(quakes.iter().all(|q| headwater::subject::check_subject(&q.subject()).is_ok()));
        assert_eq!(WEATHER_CSV.split(|b| *b == b'\n').count(), 8_761);
    }
}
