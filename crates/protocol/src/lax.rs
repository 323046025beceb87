//! Scalars as pydantic reads them: a JSON `"42"` or `42.0` in an integer field is 42.
//!
//! Python peers convert silently, and some send texts where numbers are declared. Use these with
//! `#[serde(deserialize_with = "lax::integer")]` on the scalar fields of a synapse. Lists of texts stay strict.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Number;

/// An integer, also from a whole float, a text or a truth value.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Integer)
}

/// An integer like [`integer`], or null.
pub fn optional_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_option(Optional(Integer))
}

/// A floating point number, also from an integer, a text or a truth value.
pub fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(Float)
}

/// A floating point number like [`float`], or null.
pub fn optional_float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_option(Optional(Float))
}

/// A truth value, also from 0 and 1 and from the words pydantic knows.
pub fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(Boolean)
}

/// A number that keeps every digit arrives as a map: serde_json's `arbitrary_precision`, which any crate of a program can
/// switch on for all of them.
fn number<'de, V: Visitor<'de>, A: MapAccess<'de>>(visitor: V, map: A) -> Result<V::Value, A::Error> {
    let number = Number::deserialize(MapAccessDeserializer::new(map))?;
    if let Some(value) = number.as_u64() {
        visitor.visit_u64(value)
    } else if let Some(value) = number.as_i64() {
        visitor.visit_i64(value)
    } else {
        visitor.visit_f64(number.as_f64().ok_or_else(|| A::Error::custom("number out of range"))?)
    }
}

struct Integer;

impl<'de> Visitor<'de> for Integer {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::custom("integer out of range"))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<i64, E> {
        // An integer just below -2^63 is a float of exactly that, so the end itself does not count.
        let end = 9_223_372_036_854_775_808.0;
        let whole = value.fract() == 0.0 && -end < value && value < end;
        if whole {
            Ok(value as i64)
        } else {
            Err(E::custom("not a whole number"))
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<i64, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<i64, E> {
        value.trim().parse().map_err(|_| E::custom("not an integer"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        number(self, map)
    }
}

struct Float;

impl<'de> Visitor<'de> for Float {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<f64, E> {
        Ok(f64::from(u8::from(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<f64, E> {
        match value.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(E::custom("not a finite number")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        number(self, map)
    }
}

struct Boolean;

impl<'de> Visitor<'de> for Boolean {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a truth value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        match value {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(E::custom("not a truth value")),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        match value {
            0.0 => Ok(false),
            1.0 => Ok(true),
            _ => Err(E::custom("not a truth value")),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
        match value.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
            _ => Err(E::custom("not a truth value")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        number(self, map)
    }
}

struct Optional<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Optional<V> {
    type Value = Option<V::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)?;
        f.write_str(" or null")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self.0).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Fields {
        #[serde(deserialize_with = "super::integer")]
        i: i64,
        #[serde(deserialize_with = "super::float")]
        f: f64,
        #[serde(default, deserialize_with = "super::optional_float")]
        o: Option<f64>,
        #[serde(deserialize_with = "super::boolean")]
        b: bool,
    }

    #[test]
    fn scalars_convert_as_in_pydantic() {
        for json in [
            r#"{"i": "42", "f": "0.5", "b": "true"}"#,
            r#"{"i": 42.0, "f": 0.5, "o": null, "b": 1}"#,
            r#"{"i": 42, "f": 0.5, "b": true}"#,
        ] {
            let fields: Fields = serde_json::from_str(json).expect(json);
            assert_eq!((fields.i, fields.f, fields.o, fields.b), (42, 0.5, None, true));
        }
        let fields: Fields = serde_json::from_str(r#"{"i": 1, "f": 2, "o": 2, "b": "off"}"#).expect("integers");
        assert_eq!((fields.f, fields.o, fields.b), (2.0, Some(2.0), false));
    }

    #[test]
    fn what_does_not_convert_is_refused() {
        for json in [
            r#"{"i": 1.5, "f": 1, "b": true}"#,
            r#"{"i": 1e300, "f": 1, "b": true}"#,
            r#"{"i": -9223372036854775809, "f": 1, "b": true}"#,
            r#"{"i": "x", "f": 1, "b": true}"#,
            r#"{"i": null, "f": 1, "b": true}"#,
            r#"{"i": 1, "f": "nan", "b": true}"#,
            r#"{"i": 1, "f": [], "b": true}"#,
            r#"{"i": 1, "f": 1, "b": 2}"#,
        ] {
            assert!(serde_json::from_str::<Fields>(json).is_err(), "{json}");
        }
    }
}
