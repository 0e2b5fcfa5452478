//! How deep a template nests, told before it is parsed: parser and compiler call themselves for each level, and for each
//! link of a chain of operators, filters or `elif`.

use crate::blocks::{first_word, literal_at, next_block};
use crate::boundary::*;

/// A long expression has a hundred.
const DEEPEST: usize = 2000;
/// Enough for `DEEPEST` levels.
pub const STACK: usize = 64 << 20;

pub fn check(source: &str) -> Outcome {
    let mut rest = source;
    let mut branches = 0;
    while let Some((_, block, after)) = next_block(rest) {
        let body = block[2..].trim_start_matches(['-', '+']).trim_start();
        branches += usize::from(first_word(body) == "elif");
        if branches.max(depth_of(body)) > DEEPEST {
            let line = 1 + source[..source.len() - after.len()].matches('\n').count();
            return Err(invalid(format!("chat template, line {line}: nested deeper than {DEEPEST} levels")));
        }
        rest = after;
    }
    Ok(())
}

/// A bound on the depth of what is parsed: within each bracket the tokens since the last comma.
fn depth_of(body: &str) -> usize {
    let (mut levels, mut depth, mut deepest) = (vec![0usize], 0usize, 0usize);
    let mut place = 0;
    while let Some(first) = body[place..].chars().next() {
        let rest = &body[place..];
        place += match first_word(rest) {
            "" => literal_at(rest).unwrap_or(first.len_utf8()),
            word => word.len(),
        };
        match first {
            space if space.is_whitespace() => continue,
            ',' => depth -= std::mem::take(levels.last_mut().unwrap_or(&mut 0)),
            ')' | ']' | '}' if levels.len() > 1 => depth -= levels.pop().unwrap_or(0),
            _ => {
                if let Some(level) = levels.last_mut() {
                    *level += 1;
                }
                depth += 1;
                if matches!(first, '(' | '[' | '{') {
                    levels.push(0);
                }
            }
        }
        deepest = deepest.max(depth);
    }
    deepest
}
