//! `json.dumps` of Python over template values, byte for byte: templates print tools and arguments with it.

use std::fmt::Write;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use crate::control_texts::MASK;

/// Deeper values are refused, as Python refuses them at its own recursion limit.
const DEEPEST: usize = 200;

struct Layout {
    ensure_ascii: bool,
    /// Written as it is, for it stands for an ASCII character.
    mask: Option<char>,
    sort_keys: bool,
    /// What one level of depth adds to the start of a line; none: everything on one line.
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
}

/// The filter `tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False)` of chat templates.
pub fn tojson(state: &State, value: &Value, positional: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let argument = |place: usize, name: &str| -> Result<Option<Value>, Error> {
        match positional.get(place) {
            Some(value) => Ok(Some(value.clone())),
            None => named.get(name),
        }
    };
    let mut layout = layout(
        argument(0, "ensure_ascii")?.is_some_and(|value| value.is_true()),
        argument(1, "indent")?.filter(|value| !value.is_none()),
        argument(2, "separators")?.filter(|value| !value.is_none()),
        argument(3, "sort_keys")?.is_some_and(|value| value.is_true()),
    )?;
    named.assert_all_used()?;
    if layout.ensure_ascii {
        layout.mask = state.lookup(MASK).and_then(|mask| mask.as_str()?.chars().next());
    }
    let mut out = String::new();
    layout.write(&mut out, value, 0)?;
    state.consume_fuel((out.len() / 64) as u64)?;
    Ok(Value::from(out))
}

fn layout(
    ensure_ascii: bool,
    indent: Option<Value>,
    separators: Option<Value>,
    sort_keys: bool,
) -> Result<Layout, Error> {
    let indent = match indent {
        None => None,
        Some(value) => Some(match value.as_str() {
            Some(text) => text.to_string(),
            None => " ".repeat(i64::try_from(value)?.clamp(0, 64) as usize),
        }),
    };
    let (item_separator, key_separator) = match separators {
        Some(pair) => (pair.get_item_by_index(0)?.to_string(), pair.get_item_by_index(1)?.to_string()),
        None if indent.is_some() => (",".into(), ": ".into()),
        None => (", ".into(), ": ".into()),
    };
    Ok(Layout { ensure_ascii, mask: None, sort_keys, indent, item_separator, key_separator })
}

impl Layout {
    fn write(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > DEEPEST {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("tojson: the value is nested deeper than {DEEPEST} levels"),
            ));
        }
        match value.kind() {
            ValueKind::String => self.write_text(out, value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => self.write_list(out, value, depth)?,
            ValueKind::Map => self.write_map(out, value, depth)?,
            _ => out.push_str(&scalar(value)?),
        }
        Ok(())
    }

    fn write_list(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        let mut empty = true;
        out.push('[');
        for item in value.try_iter()? {
            self.next_item(out, empty, depth + 1);
            self.write(out, &item, depth + 1)?;
            empty = false;
        }
        self.close(out, ']', empty, depth);
        Ok(())
    }

    fn write_map(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        let mut keys: Vec<Value> = value.try_iter()?.collect();
        if self.sort_keys {
            keys.sort();
        }
        out.push('{');
        for (place, key) in keys.iter().enumerate() {
            self.next_item(out, place == 0, depth + 1);
            match key.as_str() {
                Some(text) => self.write_text(out, text),
                None => self.write_text(out, &scalar(key)?),
            }
            out.push_str(&self.key_separator);
            self.write(out, &value.get_item(key)?, depth + 1)?;
        }
        self.close(out, '}', keys.is_empty(), depth);
        Ok(())
    }

    fn next_item(&self, out: &mut String, first: bool, depth: usize) {
        if !first {
            out.push_str(&self.item_separator);
        }
        self.new_line(out, depth);
    }

    fn close(&self, out: &mut String, bracket: char, empty: bool, depth: usize) {
        if !empty {
            self.new_line(out, depth);
        }
        out.push(bracket);
    }

    fn new_line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            for _ in 0..depth {
                out.push_str(indent);
            }
        }
    }

    fn write_text(&self, out: &mut String, text: &str) {
        out.push('"');
        for character in text.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                control if (control as u32) < 0x20 => write_escape(out, control),
                wide if self.ensure_ascii && !wide.is_ascii() && self.mask != Some(wide) => write_escape(out, wide),
                plain => out.push(plain),
            }
        }
        out.push('"');
    }
}

fn write_escape(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

fn scalar(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::None => Ok("null".into()),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.into()),
        ValueKind::Number if value.is_integer() => Ok(value.to_string()),
        ValueKind::Number => Ok(float_text(f64::try_from(value.clone())?, "Infinity", "NaN")),
        kind => Err(Error::new(ErrorKind::InvalidOperation, format!("tojson: {kind} is not JSON serializable"))),
    }
}

/// A float as Python's `repr` writes it: the shortest digits, an exponent below 1e-4 and from 1e16 on.
pub fn float_text(value: f64, infinity: &str, nan: &str) -> String {
    if value.is_nan() {
        return nan.into();
    }
    if value.is_infinite() {
        return format!("{}{infinity}", if value < 0.0 { "-" } else { "" });
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..16).contains(&exponent) {
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
