//! Whether a template can build values that nest as deep as its loops run: `{% set ns.x = [ns.x] %}`. Such values take
//! stack for each level when they are dropped, so that the template is run where there is enough.

use std::collections::HashSet;

use crate::blocks::{first_word, is_of_word, last_word, literal_at, next_block};

/// Filters whose result holds no value that they were given.
const FLAT_FILTERS: [&str; 16] = [
    "abs",
    "capitalize",
    "count",
    "default",
    "d",
    "float",
    "indent",
    "int",
    "length",
    "lower",
    "replace",
    "string",
    "title",
    "tojson",
    "trim",
    "upper",
];
/// Words before a bracket that call nothing.
const KEYWORDS: [&str; 9] = ["and", "else", "if", "in", "is", "not", "or", "range", "raise_exception"];

/// A name that a statement binds, and what to.
struct Binding<'s> {
    name: &'s str,
    code: &'s str,
}

/// Only attributes of a namespace outlive a loop's round. One nests if it is given a container, or a name that is one.
pub fn may_nest(source: &str) -> bool {
    let bindings = bindings_of(source);
    let mut makers: HashSet<&str> = HashSet::new();
    loop {
        let known = makers.len();
        let made = bindings.iter().filter(|binding| is_container(binding.code, &makers));
        let made: Vec<&str> = made.map(|binding| binding.name).collect();
        if made.iter().any(|name| name.contains('.')) {
            return true;
        }
        makers.extend(made);
        if makers.len() == known {
            return false;
        }
    }
}

fn bindings_of(source: &str) -> Vec<Binding<'_>> {
    let mut bindings = Vec::new();
    let mut rest = source;
    while let Some((_, block, after)) = next_block(rest) {
        rest = after;
        let body = block[2..].trim_start_matches(['-', '+']).trim_start();
        let word = first_word(body);
        let given = body[word.len()..].trim_start();
        let parts = match word {
            "set" | "with" => given.split_once('='),
            "for" => given.split_once(" in "),
            // What a macro is called with may be anything.
            "macro" | "call" => Some((given, "[")),
            _ => None,
        };
        let Some((names, code)) = parts else { continue };
        let names = names.split(|character| !is_of_word(character) && character != '.');
        bindings.extend(names.filter(|name| !name.is_empty()).map(|name| Binding { name, code }));
    }
    bindings
}

/// Whether `code` makes a list, a map, or what may hold what it is given, or names what does.
fn is_container(code: &str, makers: &HashSet<&str>) -> bool {
    let mut place = 0;
    while let Some(first) = code[place..].chars().next() {
        let (before, rest) = (code[..place].trim_end(), &code[place..]);
        let name = first_name(rest);
        let follows_value = before.ends_with(|last| is_of_word(last) || matches!(last, ')' | ']' | '\'' | '"'));
        let called = last_word(before);
        let is_method = before[..before.len() - called.len()].ends_with('.');
        let makes = match first {
            '[' => !follows_value || KEYWORDS.contains(&called) || has_slice(rest),
            '{' => true,
            '(' => follows_value && !is_method && !KEYWORDS.contains(&called) && !FLAT_FILTERS.contains(&called),
            '|' => !FLAT_FILTERS.contains(&first_word(rest[1..].trim_start())),
            _ => makers.contains(name),
        };
        if makes {
            return true;
        }
        place += match name {
            "" => literal_at(rest).unwrap_or(first.len_utf8()),
            name => name.len(),
        };
    }
    false
}

/// A word and the attributes behind it.
fn first_name(text: &str) -> &str {
    match first_word(text) {
        "" => "",
        _ => &text[..text.len() - text.trim_start_matches(|character| is_of_word(character) || character == '.').len()],
    }
}

/// Whether the bracket that `code` begins with holds a colon.
fn has_slice(code: &str) -> bool {
    code.split([']', ',']).next().is_some_and(|index| index.contains(':'))
}
