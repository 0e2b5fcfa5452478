//! Where a template looks for a literal in what it was given: `'[/THINK]' in content`, `content.split('[/THINK]')`.

use crate::blocks::{first_word, last_word, literal_at, next_block};

/// Methods, filters and tests whose first argument is looked for.
#[rustfmt::skip]
const SEEKERS: [&str; 24] = [
    "count", "endingwith", "endswith", "eq", "equalto", "find", "in", "index", "lstrip", "ne", "partition", "removeprefix",
    "removesuffix", "replace", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split", "startingwith", "startswith",
    "strip", "trim",
];

/// `source` with `change` made to the literals that are looked for; None: nothing changed.
pub fn with_changed_literals(source: &str, change: impl Fn(&str) -> String) -> Option<String> {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut changed = false;
    while let Some((before, block, after)) = next_block(rest) {
        out.push_str(before);
        changed |= copy_block(&mut out, block, &change);
        rest = after;
    }
    out.push_str(rest);
    changed.then_some(out)
}

fn copy_block(out: &mut String, block: &str, change: &impl Fn(&str) -> String) -> bool {
    let (mut place, mut done, mut changed) = (0, 0, false);
    while place < block.len() {
        let Some(length) = literal_at(&block[place..]) else {
            place += block[place..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let (literal, after) = (&block[place..place + length], &block[place + length..]);
        out.push_str(&block[done..place]);
        done = place + length;
        if is_looked_for(&block[..place], after) {
            let new = change(literal);
            changed |= new != literal;
            out.push_str(&new);
        } else {
            out.push_str(literal);
        }
        place = done;
    }
    out.push_str(&block[done..]);
    changed
}

fn is_looked_for(before: &str, after: &str) -> bool {
    let (before, after) = (before.trim_end(), after.trim_start());
    let (word, next) = (last_word(before), first_word(after));
    if before.ends_with("==") || before.ends_with("!=") || word == "in" {
        return true;
    }
    if after.starts_with("==") || after.starts_with("!=") || next == "in" {
        return true;
    }
    if next == "not" && first_word(after["not".len()..].trim_start()) == "in" {
        return true;
    }
    let called = before.strip_suffix('(').map(|before| last_word(before.trim_end()));
    called.is_some_and(|name| SEEKERS.contains(&name))
}
