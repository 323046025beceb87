//! `str()` and `repr()` of the values that can stand in a synapse.

use std::fmt::Write as _;

use super::unicode::UnicodeVersion;

/// A value as Python would hold it after parsing the typed JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum PyValue {
    /// `None`.
    None,
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i128),
    /// `float`.
    Float(f64),
    /// `str`.
    Str(String),
    /// `list`.
    List(Vec<PyValue>),
    /// `tuple`.
    Tuple(Vec<PyValue>),
    /// `dict`, in insertion order; nested models are dicts too.
    Dict(Vec<(PyValue, PyValue)>),
}

impl PyValue {
    /// `str(value)`: a text is itself, everything else as [`repr`](Self::repr).
    pub fn str(&self, unicode: UnicodeVersion) -> String {
        match self {
            Self::Str(text) => text.clone(),
            other => other.repr(unicode),
        }
    }

    /// `repr(value)`.
    pub fn repr(&self, unicode: UnicodeVersion) -> String {
        let mut out = String::new();
        self.write_repr(unicode, &mut out);
        out
    }

    /// Whether some text in here is printed differently by different Python releases.
    pub fn depends_on_unicode_version(&self) -> bool {
        match self {
            Self::Str(text) => !text.is_ascii() && text.chars().any(UnicodeVersion::differs),
            Self::List(items) | Self::Tuple(items) => items.iter().any(Self::depends_on_unicode_version),
            Self::Dict(members) => members
                .iter()
                .any(|(k, v)| k.depends_on_unicode_version() || v.depends_on_unicode_version()),
            _ => false,
        }
    }

    fn write_repr(&self, unicode: UnicodeVersion, out: &mut String) {
        match self {
            Self::None => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            Self::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Self::Float(value) => out.push_str(&py_float(*value)),
            Self::Str(text) => write_quoted(text, unicode, out),
            Self::List(items) => {
                out.push('[');
                write_items(items, unicode, out);
                out.push(']');
            }
            Self::Tuple(items) => {
                out.push('(');
                write_items(items, unicode, out);
                out.push_str(if items.len() == 1 { ",)" } else { ")" });
            }
            Self::Dict(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    key.write_repr(unicode, out);
                    out.push_str(": ");
                    value.write_repr(unicode, out);
                }
                out.push('}');
            }
        }
    }
}

fn write_items(items: &[PyValue], unicode: UnicodeVersion, out: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        item.write_repr(unicode, out);
    }
}

fn write_quoted(text: &str, unicode: UnicodeVersion, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.reserve(text.len() + 2);
    out.push(quote);
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\' && byte != quote as u8;
    let mut rest = text;
    // Most of most texts is plain, and plain text is copied in one piece.
    loop {
        let plain = rest.bytes().position(|byte| !is_plain(byte)).unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
        let Some(character) = rest.chars().next() else {
            break;
        };
        write_special(character, quote, unicode, out);
        rest = &rest[character.len_utf8()..];
    }
    out.push(quote);
}

/// A character that is not plain text between quotes.
fn write_special(character: char, quote: char, unicode: UnicodeVersion, out: &mut String) {
    match character {
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        c if unicode.is_printable(c) => out.push(c),
        c => {
            let point = u32::from(c);
            // Writing into a text does not fail.
            let _ = match point {
                0..=0xff => write!(out, "\\x{point:02x}"),
                0x100..=0xffff => write!(out, "\\u{point:04x}"),
                _ => write!(out, "\\U{point:08x}"),
            };
        }
    }
}

/// A float as Python prints it: shortest digits that read back, with `.0` or an exponent.
pub fn py_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    // Not Rust's own printing: of two shortest texts that are equally near it takes the upper one, Python the even one.
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    // Of the first digit: 0 for units.
    let zeros = (all.len() - digits.len()) as i32;
    let exponent = exponent.parse::<i32>().unwrap_or(0) + whole.len() as i32 - 1 - zeros;
    let digits = digits.trim_end_matches('0');
    let sign = if value.is_sign_negative() { "-" } else { "" };
    match exponent {
        _ if digits.is_empty() => format!("{sign}0.0"),
        -4..0 => format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize)),
        0..16 => {
            let point = exponent as usize + 1;
            let digits = format!("{digits:0<point$}");
            let (whole, fraction) = digits.split_at(point);
            let fraction = if fraction.is_empty() { "0" } else { fraction };
            format!("{sign}{whole}.{fraction}")
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let direction = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{first}{point}{rest}e{direction}{:02}", exponent.unsigned_abs())
        }
    }
}
