//! Where a client's words hold the text of a control token. Such a text is kept as text: one character of it is masked by
//! one that occurs nowhere else, and the mask is followed through the template. It takes a character's place, so that
//! cutting, trimming and counting give what they gave.

use std::collections::{BTreeSet, HashSet};

use aho_corasick::AhoCorasick;
use serde_json::{Map, Value};
use tokenizers::tokenizer::normalizer::Range;
use tokenizers::{AddedToken, NormalizedString, Normalizer};

use crate::growth::Bounded;

/// The name, which no template can write, under which a context says what its mask is.
pub const MASK: &str = "the mask";

/// The texts of a vocabulary's control tokens: the added ones that are special.
pub struct ControlTexts {
    /// Finds them in a folded text.
    finder: Option<AhoCorasick>,
    names: Vec<String>,
    /// Of each text: where in it the character lies that is masked.
    masked_at: Vec<usize>,
    /// Some are looked for after normalizing, which can make them of other characters.
    pub in_normalized: bool,
}

/// A text in one case, and the place in the text that each of its bytes came from.
struct Folded {
    text: String,
    /// None: all of it ASCII, so that nothing moved.
    origin: Option<Vec<usize>>,
}

impl Folded {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Folded { text: text.to_ascii_lowercase(), origin: None };
        }
        let mut folded = String::with_capacity(text.len());
        let mut origin = Vec::with_capacity(text.len());
        for (place, character) in text.char_indices() {
            folded.extend(folded_char(character));
            origin.resize(folded.len(), place);
        }
        Folded { text: folded, origin: Some(origin) }
    }

    fn origin(&self, place: usize) -> usize {
        self.origin.as_ref().map_or(place, |origin| origin[place])
    }
}

/// What a template's `upper` and `lower` make alike becomes the same.
fn folded_char(character: char) -> impl Iterator<Item = char> {
    character.to_uppercase().flat_map(char::to_lowercase)
}

/// The character of a control token whose mask disturbs a template least: none that escaping or JSON writes as several,
/// rather no letter.
fn maskable(text: &str) -> usize {
    let rank = |character: char| match character {
        '<' | '>' | '&' | '"' | '\'' | '\\' | '/' => 2,
        plain if plain.is_ascii_punctuation() => 0,
        letter if letter.is_alphanumeric() => 1,
        space if space.is_whitespace() => 4,
        _ => 3,
    };
    text.char_indices().min_by_key(|(_, character)| rank(*character)).map_or(0, |(place, _)| place)
}

impl ControlTexts {
    pub fn new<'t>(tokens: impl Iterator<Item = &'t AddedToken>, normalizes: bool) -> Self {
        // White space alone marks no border of a role.
        let mut tokens: Vec<_> = tokens.filter(|token| token.special && !token.content.trim().is_empty()).collect();
        tokens.sort_by(|one, other| one.content.cmp(&other.content));
        let texts: Vec<String> = tokens.iter().map(|token| Folded::of(&token.content).text).collect();
        ControlTexts {
            // Only texts too many for memory fail to build.
            finder: (!texts.is_empty()).then(|| AhoCorasick::new(&texts).ok()).flatten(),
            masked_at: texts.iter().map(|text| maskable(text)).collect(),
            in_normalized: normalizes && tokens.iter().any(|token| token.normalized),
            names: tokens.iter().map(|token| token.content.clone()).collect(),
        }
    }

    /// Calls `each` with number, start and end of every control text in `text`.
    fn find(&self, text: &Folded, mut each: impl FnMut(usize, usize, usize)) {
        let Some(finder) = &self.finder else { return };
        for found in finder.find_overlapping_iter(&text.text) {
            each(found.pattern().as_usize(), found.start(), found.end());
        }
    }

    /// Starts of the characters of `text` to mask, so that each control text in it, in whatever case, has one.
    fn places(&self, text: &str, normalizer: Bounded) -> BTreeSet<usize> {
        let mut places = BTreeSet::new();
        let folded = Folded::of(text);
        self.find(&folded, |which, start, end| {
            let (first, masked) = (folded.origin(start), folded.origin(start + self.masked_at[which]));
            if places.range(first..=folded.origin(end - 1)).next().is_none() {
                places.insert(masked);
            }
        });
        if !self.in_normalized {
            return places;
        }
        let mut normalized = NormalizedString::from(text);
        if normalizer.normalize(&mut normalized).is_err() {
            return places;
        }
        let folded = Folded::of(normalized.get());
        self.find(&folded, |_, start, end| {
            let range = folded.origin(start)..folded.origin(end - 1) + 1;
            let Some(origin) = normalized.convert_offsets(Range::Normalized(range)) else { return };
            if places.range(origin.clone()).next().is_none() {
                places.insert(origin.start);
            }
        });
        places
    }
}

/// The control texts in one request.
pub struct Found<'v> {
    controls: &'v ControlTexts,
    normalizer: Bounded<'v>,
    texts: BTreeSet<usize>,
}

impl<'v> Found<'v> {
    /// None: `context` holds no control text.
    pub fn within(controls: &'v ControlTexts, normalizer: Bounded<'v>, context: &Map<String, Value>) -> Option<Self> {
        let mut any = false;
        let mut texts = BTreeSet::new();
        let mut look = |text: &str| {
            controls.find(&Folded::of(text), |which, _, _| {
                texts.insert(which);
            });
            any |= controls.in_normalized && !controls.places(text, normalizer).is_empty();
        };
        context.values().for_each(|value| each_text(value, &mut look));
        any |= !texts.is_empty();
        any.then_some(Found { controls, normalizer, texts })
    }

    /// The context with its control texts masked.
    pub fn masked(&self, context: &Map<String, Value>, mask: char) -> Map<String, Value> {
        context.iter().map(|(name, value)| (name.clone(), self.masked_value(value, mask))).collect()
    }

    fn masked_value(&self, value: &Value, mask: char) -> Value {
        match value {
            Value::String(text) => Value::String(self.masked_text(text, mask)),
            Value::Array(items) => items.iter().map(|item| self.masked_value(item, mask)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (self.masked_text(name, mask), self.masked_value(value, mask)))
                .collect::<Map<_, _>>()
                .into(),
            plain => plain.clone(),
        }
    }

    pub fn masked_text(&self, text: &str, mask: char) -> String {
        with_masks(text, self.controls.places(text, self.normalizer), |_| mask)
    }

    /// Whether `text` holds one of the request's control texts.
    pub fn in_text(&self, text: &str) -> bool {
        let mut any = self.controls.in_normalized;
        self.controls.find(&Folded::of(text), |which, _, _| any |= self.texts.contains(&which));
        any
    }

    /// One of them, for an error; empty where only normalizing would make one.
    pub fn name(&self) -> String {
        self.texts.iter().next().map_or_else(String::new, |which| format!(" (\"{}\")", self.controls.names[*which]))
    }
}

pub fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, look)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            look(name);
            each_text(value, look);
        }),
        _ => {}
    }
}

/// `text` with the characters that start at `places`, which rise, replaced.
pub fn with_masks(text: &str, places: impl IntoIterator<Item = usize>, mut mask: impl FnMut(char) -> char) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut done = 0;
    for place in places {
        let Some(character) = text[place..].chars().next() else { break };
        out.push_str(&text[done..place]);
        out.push(mask(character));
        done = place + character.len_utf8();
    }
    out.push_str(&text[done..]);
    out
}

/// Characters that may stand for others: they print, have no case, are no space, and few texts have them.
pub fn masks() -> impl Iterator<Item = char> {
    const BRAILLE: std::ops::RangeInclusive<char> = '\u{2801}'..='\u{28ff}';
    const RARE_IDEOGRAPHS: std::ops::RangeInclusive<char> = '\u{20000}'..='\u{2a6df}';
    BRAILLE.chain(RARE_IDEOGRAPHS)
}

pub fn note_masks(used: &mut HashSet<char>, text: &str) {
    if !text.is_ascii() {
        used.extend(text.chars().filter(|character| *character >= '\u{2801}'));
    }
}

/// The places of `masked`'s masks in `text`, if it is `text` but for masks and case.
pub fn places_of_masks(text: &str, masked: &str, mask: char) -> Option<Vec<u32>> {
    let mut places = Vec::new();
    let mut other = masked.chars();
    for (place, character) in text.char_indices() {
        match other.next()? {
            same if same == character => {}
            found if found == mask => places.push(u32::try_from(place).ok()?),
            found if folded_char(found).eq(folded_char(character)) => {}
            _ => return None,
        }
    }
    other.next().is_none().then_some(places)
}
