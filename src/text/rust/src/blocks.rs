//! The expressions and statements of a template's source, and the literals in them.

/// The next expression or statement: what stands before it, itself with its brackets, what follows.
pub fn next_block(source: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let start = from + source[from..].find('{')?;
        let close = match source.as_bytes().get(start + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                from = start + 2 + source[start + 2..].find("#}")? + 2;
                continue;
            }
            _ => {
                from = start + 1;
                continue;
            }
        };
        let end = end_of_block(&source[start + 2..], close).map_or(source.len(), |end| start + 2 + end);
        return Some((&source[..start], &source[start..end], &source[end..]));
    }
}

/// Past the first `close` outside of literals.
fn end_of_block(body: &str, close: &str) -> Option<usize> {
    let mut place = 0;
    while place < body.len() {
        if body[place..].starts_with(close) {
            return Some(place + close.len());
        }
        place += literal_at(&body[place..]).unwrap_or_else(|| body[place..].chars().next().map_or(1, char::len_utf8));
    }
    None
}

/// The length of the literal that `code` begins with, quotes included.
pub fn literal_at(code: &str) -> Option<usize> {
    let quote = code.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    let mut escaped = false;
    for (place, character) in code.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            end if end == quote => return Some(place + 1),
            _ => {}
        }
    }
    None
}

pub fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

pub fn first_word(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches(is_of_word).len()]
}

pub fn last_word(text: &str) -> &str {
    &text[text.trim_end_matches(is_of_word).len()..]
}
