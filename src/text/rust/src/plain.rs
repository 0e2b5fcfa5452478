//! Encoding of a text parts of which are plain: no control token is seen in them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

use tokenizers::{Model, NormalizedString, Normalizer, OffsetType, PreTokenizedString, PreTokenizer, Token};

use crate::boundary::*;
use crate::control_texts::{masks, note_masks, with_masks};
use crate::growth::{watched_limit, Bounded};
use crate::tokenizer::Vocabulary;

struct Mask {
    mask: char,
    stands_for: char,
    /// What takes its place when it is lifted.
    lifted: char,
}

struct Masks(Vec<Mask>);

impl Masks {
    fn lift(&self, piece: &mut NormalizedString) {
        let find = |character: char| self.0.iter().find(|mask| mask.mask == character);
        if piece.get().chars().any(|character| find(character).is_some()) {
            piece.map(|character| find(character).map_or(character, |mask| mask.lifted));
        }
    }
}

/// Lifts the masks, then normalizes. Keeps the failure, which the library does not look at.
struct LiftThenNormalize<'v> {
    masks: &'v Masks,
    normalizer: Bounded<'v>,
    /// Bytes that a watched normalizer may make yet, of all pieces together.
    left: AtomicUsize,
    failure: Mutex<Option<String>>,
}

impl LiftThenNormalize<'_> {
    fn watched(&self, piece: &mut NormalizedString) -> tokenizers::Result<()> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err("the normalizer makes too much of the text".into());
        }
        self.normalizer.normalize(piece)?;
        self.left.store(left.saturating_sub(piece.get().len()), Ordering::Relaxed);
        Ok(())
    }
}

impl Normalizer for LiftThenNormalize<'_> {
    fn normalize(&self, piece: &mut NormalizedString) -> tokenizers::Result<()> {
        self.masks.lift(piece);
        if !self.normalizer.is_watched() {
            return self.normalizer.normalize(piece);
        }
        self.watched(piece).inspect_err(|error| {
            // What is left would only be work.
            piece.clear();
            self.left.store(0, Ordering::Relaxed);
            if let Ok(mut failure) = self.failure.lock() {
                failure.get_or_insert(error.to_string());
            }
        })
    }
}

impl Vocabulary {
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, Failure> {
        if self.normalizer().is_watched() {
            return self.encode_plain(text, &[], add_special);
        }
        let encoding = self.tokenizer.encode_fast(text, add_special).map_err(cannot_encode)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// As `encode`, but no control token goes across a character that starts at one of `plain`, which rise.
    pub fn encode_plain(&self, text: &str, plain: &[u32], add_special: bool) -> Result<Vec<u32>, Failure> {
        let pieces = self.plain_pieces(text, plain)?;
        let encoding = pieces.into_encoding(None, 0, OffsetType::None).map_err(cannot_encode)?;
        let encoding = self.tokenizer.post_process(encoding, None, add_special).map_err(cannot_encode)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The pieces of `text` with their tokens, as `encode_plain` sees them.
    pub fn plain_pieces(&self, text: &str, plain: &[u32]) -> Result<PreTokenizedString, Failure> {
        if plain.iter().any(|place| !text.is_char_boundary(*place as usize)) {
            return Err(internal("a plain place is no character's"));
        }
        let mut pieces = self.split_at_added_tokens(text, plain)?;
        self.pre_tokenize(&mut pieces)?;
        pieces.tokenize(|piece| self.spelt_out(piece.get())).map_err(cannot_encode)?;
        Ok(pieces)
    }

    pub fn pre_tokenize(&self, pieces: &mut PreTokenizedString) -> Outcome {
        match self.tokenizer.get_pre_tokenizer() {
            Some(pre_tokenizer) => pre_tokenizer.pre_tokenize(pieces).map_err(cannot_encode),
            None => Ok(()),
        }
    }

    /// The library's own split, over a text in which the plain characters are masked.
    fn split_at_added_tokens(&self, text: &str, plain: &[u32]) -> Result<PreTokenizedString, Failure> {
        let added = self.tokenizer.get_added_vocabulary();
        let mut masks = Masks(Vec::new());
        let mut unused = self.unused_masks(text);
        let mut exhausted = false;
        let masked = with_masks(text, plain.iter().map(|place| *place as usize), |character| {
            if let Some(known) = masks.0.iter().find(|known| known.stands_for == character) {
                return known.mask;
            }
            let mask = unused.next().unwrap_or_else(|| {
                exhausted = true;
                char::REPLACEMENT_CHARACTER
            });
            let lifted = self.normalized_char(character).unwrap_or(character);
            masks.0.push(Mask { mask, stands_for: character, lifted });
            mask
        });
        if exhausted {
            return Err(invalid("the text has every character that could stand for that of a control token"));
        }
        let none = Masks(Vec::new());
        let first = if self.controls.in_normalized { &none } else { &masks };
        let normalizer = LiftThenNormalize {
            masks: first,
            normalizer: self.normalizer(),
            left: AtomicUsize::new(watched_limit(text.len())),
            failure: Mutex::new(None),
        };
        let mut pieces = added.extract_and_normalize(Some(&normalizer), &masked);
        if let Ok(Some(failure)) = normalizer.failure.into_inner() {
            return Err(invalid(failure));
        }
        if self.controls.in_normalized {
            let lift = |piece: &mut NormalizedString| {
                masks.lift(piece);
                Ok(())
            };
            pieces.normalize(lift).map_err(cannot_encode)?;
        }
        Ok(pieces)
    }

    /// Masks that `text` has not, and that the normalizer leaves as they are.
    fn unused_masks(&self, text: &str) -> impl Iterator<Item = char> + '_ {
        let mut used = HashSet::new();
        note_masks(&mut used, text);
        masks().filter(move |mask| !used.contains(mask) && self.survives(*mask))
    }

    fn survives(&self, mask: char) -> bool {
        self.normalized_char(mask) == Some(mask)
    }

    /// What a character becomes before its mask is lifted: where that is after normalizing, what the normalizer makes of
    /// it within a word. None: not one character.
    fn normalized_char(&self, character: char) -> Option<char> {
        if !self.controls.in_normalized {
            return Some(character);
        }
        let mut word = NormalizedString::from(format!("a{character}b"));
        self.normalizer().normalize(&mut word).ok()?;
        let mut inner = word.get().split_once('a')?.1.rsplit_once('b')?.0.chars();
        inner.next().filter(|_| inner.next().is_none())
    }

    /// The model's tokens for `text`; a control token that the model knows as a word of its own is spelt in parts.
    fn spelt_out(&self, text: &str) -> tokenizers::Result<Vec<Token>> {
        let tokens = self.tokenizer.get_model().tokenize(text)?;
        let is_control = |token: &Token| {
            let spelt = text.get(token.offsets.0..token.offsets.1);
            spelt.is_some() && self.special.get(&token.id).map(String::as_str) == spelt
        };
        if !tokens.iter().any(is_control) {
            return Ok(tokens);
        }
        let mut parts = Vec::with_capacity(tokens.len() + 4);
        for token in tokens {
            let spelt = text.get(token.offsets.0..token.offsets.1).unwrap_or_default();
            match spelt.char_indices().nth(1).filter(|_| is_control(&token)) {
                Some((cut, _)) => {
                    let start = token.offsets.0;
                    parts.extend(self.spelt_out(&spelt[..cut])?.into_iter().map(|part| moved(part, start)));
                    parts.extend(self.spelt_out(&spelt[cut..])?.into_iter().map(|part| moved(part, start + cut)));
                }
                None => parts.push(token),
            }
        }
        Ok(parts)
    }
}

/// A token of a part of a text, as a token of the text in which that part begins at byte `start`.
fn moved(token: Token, start: usize) -> Token {
    Token { offsets: (token.offsets.0 + start, token.offsets.1 + start), ..token }
}
