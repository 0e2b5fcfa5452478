//! What Python's own types do and chat templates rely on, where minijinja-contrib lacks it or does it differently.

use minijinja::value::{from_args, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

pub fn call(state: &mut State, value: &Value, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    let own = match (value.kind(), value.as_str()) {
        (ValueKind::String, Some(text)) => string_method(text, method, arguments)?,
        (ValueKind::Seq, _) if method == "index" => Some(list_index(value, arguments)?),
        // Values do not change, so that a copy is the value.
        (ValueKind::Seq | ValueKind::Map, _) if method == "copy" => {
            let () = from_args(arguments)?;
            Some(value.clone())
        }
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None => pycompat::unknown_method_callback(state, value, method, arguments),
    }
}

/// Python's sense of the test `sequence`: what has a length and items.
pub fn is_sequence(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::String)
}

fn string_method(text: &str, method: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let result = match method {
        "title" => {
            let () = from_args(arguments)?;
            Value::from(title(text))
        }
        "capitalize" => {
            let () = from_args(arguments)?;
            Value::from(capitalize(text))
        }
        "swapcase" => {
            let () = from_args(arguments)?;
            Value::from(text.chars().map(swapped_case).collect::<String>())
        }
        "splitlines" => {
            let (keep_ends,): (Option<bool>,) = from_args(arguments)?;
            lines(text, keep_ends.unwrap_or(false)).into_iter().map(Value::from).collect()
        }
        "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(arguments)?;
            rsplit(text, separator, most)?.into_iter().map(Value::from).collect()
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(arguments)?;
            partition(text, separator, method == "rpartition")?
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "index" | "rindex" => {
            let (part,): (&str,) = from_args(arguments)?;
            let found = if method == "index" { text.find(part) } else { text.rfind(part) };
            let at = found.ok_or_else(|| refuse("substring not found"))?;
            Value::from(text[..at].chars().count())
        }
        _ => return Ok(None),
    };
    Ok(Some(result))
}

fn refuse(words: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, words)
}

/// The first letter of a word: "ß" becomes "Ss".
fn push_titled(out: &mut String, character: char) {
    let mut upper = character.to_uppercase();
    out.extend(upper.next());
    out.extend(upper.flat_map(char::to_lowercase));
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within_word = false;
    for character in text.chars() {
        if within_word {
            out.extend(character.to_lowercase());
        } else {
            push_titled(&mut out, character);
        }
        within_word = character.is_lowercase() || character.is_uppercase();
    }
    out
}

fn capitalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    if let Some(first) = rest.next() {
        push_titled(&mut out, first);
    }
    out.push_str(&rest.as_str().to_lowercase());
    out
}

fn swapped_case(character: char) -> String {
    if character.is_uppercase() {
        character.to_lowercase().collect()
    } else {
        character.to_uppercase().collect()
    }
}

/// Lines as Python counts them: they end at more characters than "\n".
fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
    const ENDS: [char; 10] =
        ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some(end) = rest.find(ENDS) else {
            found.push(rest);
            break;
        };
        let mark =
            if rest[end..].starts_with("\r\n") { 2 } else { rest[end..].chars().next().map_or(1, char::len_utf8) };
        found.push(&rest[..if keep_ends { end + mark } else { end }]);
        rest = &rest[end + mark..];
    }
    found
}

fn rsplit<'t>(text: &'t str, separator: Option<&str>, most: Option<i64>) -> Result<Vec<&'t str>, Error> {
    let pieces = most.and_then(|most| usize::try_from(most).ok()).map_or(usize::MAX, |most| most.saturating_add(1));
    let mut found: Vec<&str> = match separator {
        Some("") => return Err(refuse("empty separator")),
        Some(separator) => text.rsplitn(pieces, separator).collect(),
        None => rsplit_at_spaces(text, pieces),
    };
    found.reverse();
    Ok(found)
}

fn rsplit_at_spaces(text: &str, pieces: usize) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let start = match rest.rfind(char::is_whitespace) {
            Some(space) if found.len() + 1 < pieces => space + rest[space..].chars().next().map_or(1, char::len_utf8),
            _ => 0,
        };
        found.push(&rest[start..]);
        rest = rest[..start].trim_end();
    }
    found
}

fn partition(text: &str, separator: &str, from_the_right: bool) -> Result<Value, Error> {
    if separator.is_empty() {
        return Err(refuse("empty separator"));
    }
    let (found, otherwise) = if from_the_right {
        (text.rsplit_once(separator), ("", "", text))
    } else {
        (text.split_once(separator), (text, "", ""))
    };
    let (before, mark, after) = found.map_or(otherwise, |(before, after)| (before, separator, after));
    Ok(Value::from(Tuple::from([Value::from(before), Value::from(mark), Value::from(after)])))
}

fn list_index(list: &Value, arguments: &[Value]) -> Result<Value, Error> {
    let (sought,): (&Value,) = from_args(arguments)?;
    let at = list.try_iter()?.position(|item| item == *sought);
    at.map(Value::from).ok_or_else(|| refuse("the value is not in the list"))
}
