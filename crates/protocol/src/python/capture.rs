//! From a serde value to the Python value that its JSON would parse to.
//!
//! Going through `serde_json::Value` would not do: it sorts maps, cannot tell a tuple from a list, and has no NaN.

use serde::ser::{self, Serialize, Serializer};

use super::text::PyValue;

/// Why a value has no Python form.
#[derive(Debug, thiserror::Error)]
#[error("this value has no python form: {0}")]
pub struct CaptureError(String);

impl ser::Error for CaptureError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The Python value of anything that serialises.
///
/// Structs and maps become dicts, sequences lists, tuples and arrays tuples, `None` and units `None`. Map keys keep
/// their type, as they do in Python when the field is declared `Dict[int, ...]`.
pub fn capture<T: Serialize + ?Sized>(value: &T) -> Result<PyValue, CaptureError> {
    value.serialize(Capture)
}

struct Capture;

impl Serializer for Capture {
    type Ok = PyValue;
    type Error = CaptureError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    fn serialize_bool(self, v: bool) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Bool(v))
    }

    fn serialize_i8(self, v: i8) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Int(v.into()))
    }

    fn serialize_i16(self, v: i16) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Int(v.into()))
    }

    fn serialize_i32(self, v: i32) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Int(v.into()))
    }

    fn serialize_i64(self, v: i64) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Int(v.into()))
    }

    fn serialize_i128(self, v: i128) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Int(v))
    }

    fn serialize_u8(self, v: u8) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Int(v.into()))
    }

    fn serialize_u16(self, v: u16) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Int(v.into()))
    }

    fn serialize_u32(self, v: u32) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Int(v.into()))
    }

    fn serialize_u64(self, v: u64) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Int(v.into()))
    }

    fn serialize_u128(self, v: u128) -> Result<PyValue, CaptureError> {
        i128::try_from(v)
            .map(PyValue::Int)
            .map_err(|_| CaptureError("integer above 2^127".into()))
    }

    fn serialize_f32(self, v: f32) -> Result<PyValue, CaptureError> {
        // The JSON carries the shortest digits of the f32, and Python reads those as a double: 0.1, not 0.10000000149.
        v.to_string()
            .parse()
            .map(PyValue::Float)
            .map_err(|_| CaptureError("float".into()))
    }

    fn serialize_f64(self, v: f64) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Float(v))
    }

    fn serialize_char(self, v: char) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Str(v.into()))
    }

    fn serialize_str(self, v: &str) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Str(v.into()))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<PyValue, CaptureError> {
        Ok(PyValue::List(
            v.iter().map(|byte| PyValue::Int((*byte).into())).collect(),
        ))
    }

    fn serialize_none(self) -> Result<PyValue, CaptureError> {
        Ok(PyValue::None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<PyValue, CaptureError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<PyValue, CaptureError> {
        Ok(PyValue::None)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<PyValue, CaptureError> {
        Ok(PyValue::None)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<PyValue, CaptureError> {
        Ok(PyValue::Str(variant.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<PyValue, CaptureError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<PyValue, CaptureError> {
        Ok(under(variant, capture(value)?))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items, CaptureError> {
        Ok(Items::new(len, Shape::List))
    }

    fn serialize_tuple(self, len: usize) -> Result<Items, CaptureError> {
        Ok(Items::new(Some(len), Shape::Tuple))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Items, CaptureError> {
        Ok(Items::new(Some(len), Shape::Tuple))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items, CaptureError> {
        Ok(Items::new(Some(len), Shape::Variant(variant)))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Members, CaptureError> {
        Ok(Members::default())
    }

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Members, CaptureError> {
        // How a JSON number that keeps every digit (serde_json's `arbitrary_precision`) serialises itself.
        let number = name == "$serde_json::private::Number";
        Ok(Members {
            number,
            ..Members::default()
        })
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members, CaptureError> {
        Ok(Members {
            variant: Some(variant),
            ..Members::default()
        })
    }
}

fn under(variant: &str, value: PyValue) -> PyValue {
    PyValue::Dict(vec![(PyValue::Str(variant.into()), value)])
}

enum Shape {
    List,
    Tuple,
    Variant(&'static str),
}

struct Items {
    items: Vec<PyValue>,
    shape: Shape,
}

impl Items {
    fn new(len: Option<usize>, shape: Shape) -> Self {
        Self {
            items: Vec::with_capacity(len.unwrap_or(0).min(4096)),
            shape,
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        self.items.push(capture(value)?);
        Ok(())
    }

    fn finish(self) -> PyValue {
        match self.shape {
            Shape::List => PyValue::List(self.items),
            Shape::Tuple => PyValue::Tuple(self.items),
            Shape::Variant(variant) => under(variant, PyValue::List(self.items)),
        }
    }
}

impl ser::SerializeSeq for Items {
    type Ok = PyValue;
    type Error = CaptureError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        self.push(value)
    }

    fn end(self) -> Result<PyValue, CaptureError> {
        Ok(self.finish())
    }
}

impl ser::SerializeTuple for Items {
    type Ok = PyValue;
    type Error = CaptureError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        self.push(value)
    }

    fn end(self) -> Result<PyValue, CaptureError> {
        Ok(self.finish())
    }
}

impl ser::SerializeTupleStruct for Items {
    type Ok = PyValue;
    type Error = CaptureError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        self.push(value)
    }

    fn end(self) -> Result<PyValue, CaptureError> {
        Ok(self.finish())
    }
}

impl ser::SerializeTupleVariant for Items {
    type Ok = PyValue;
    type Error = CaptureError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        self.push(value)
    }

    fn end(self) -> Result<PyValue, CaptureError> {
        Ok(self.finish())
    }
}

#[derive(Default)]
struct Members {
    members: Vec<(PyValue, PyValue)>,
    key: Option<PyValue>,
    variant: Option<&'static str>,
    /// The only member is the text of a number.
    number: bool,
}

impl Members {
    fn finish(self) -> PyValue {
        if let (true, [(_, PyValue::Str(text))]) = (self.number, self.members.as_slice()) {
            let int = text.parse().map(PyValue::Int);
            return int.unwrap_or_else(|_| PyValue::Float(text.parse().unwrap_or(f64::NAN)));
        }
        let dict = PyValue::Dict(self.members);
        match self.variant {
            Some(variant) => under(variant, dict),
            None => dict,
        }
    }

    fn push_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), CaptureError> {
        self.members.push((PyValue::Str(key.into()), capture(value)?));
        Ok(())
    }
}

impl ser::SerializeMap for Members {
    type Ok = PyValue;
    type Error = CaptureError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CaptureError> {
        self.key = Some(capture(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        let key = self
            .key
            .take()
            .ok_or_else(|| CaptureError("map value without key".into()))?;
        self.members.push((key, capture(value)?));
        Ok(())
    }

    fn end(self) -> Result<PyValue, CaptureError> {
        Ok(self.finish())
    }
}

impl ser::SerializeStruct for Members {
    type Ok = PyValue;
    type Error = CaptureError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), CaptureError> {
        self.push_field(key, value)
    }

    fn end(self) -> Result<PyValue, CaptureError> {
        Ok(self.finish())
    }
}

impl ser::SerializeStructVariant for Members {
    type Ok = PyValue;
    type Error = CaptureError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), CaptureError> {
        self.push_field(key, value)
    }

    fn end(self) -> Result<PyValue, CaptureError> {
        Ok(self.finish())
    }
}
