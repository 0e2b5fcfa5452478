//! The bytes that a token adds to a text, within it: the space before its word is there, and where it is a part of a
//! character, its bytes are, for which a decoder has only U+FFFD.

use tokenizers::decoders::DecoderWrapper;
use tokenizers::{Decoder, Tokenizer};

use crate::tokenizer::Vocabulary;

/// Tokens around the one that is asked about, so that it is neither the first nor the last of its text.
const BEFORE: &str = "a";
const AFTER: &str = "b";

/// How a decoder spells.
pub struct Spelling {
    byte_level: bool,
    byte_fallback: bool,
    /// What the tokens around are decoded to.
    before: String,
    after: String,
}

impl Spelling {
    pub fn of(tokenizer: &Tokenizer) -> Self {
        let decoder = tokenizer.get_decoder();
        let has = |wanted: fn(&DecoderWrapper) -> bool| decoder.is_some_and(|decoder| has_part(decoder, wanted));
        let before = decoded(decoder, &[BEFORE]).unwrap_or_default();
        let both = decoded(decoder, &[BEFORE, AFTER]).unwrap_or_default();
        let after = both.strip_prefix(&before).unwrap_or_default().to_string();
        Spelling {
            byte_level: has(|part| matches!(part, DecoderWrapper::ByteLevel(_))),
            byte_fallback: has(|part| matches!(part, DecoderWrapper::ByteFallback(_))),
            before,
            after,
        }
    }
}

fn has_part(decoder: &DecoderWrapper, wanted: fn(&DecoderWrapper) -> bool) -> bool {
    match decoder {
        DecoderWrapper::Sequence(sequence) => sequence.get_decoders().iter().any(|part| has_part(part, wanted)),
        part => wanted(part),
    }
}

/// None: the decoder fails on these tokens.
fn decoded(decoder: Option<&DecoderWrapper>, pieces: &[&str]) -> Option<String> {
    match decoder {
        Some(decoder) => decoder.decode(pieces.iter().map(|piece| piece.to_string()).collect()).ok(),
        None => Some(pieces.join(" ")),
    }
}

/// The byte that a character of a byte-level piece stands for: those that print stand for themselves, the others, in
/// order, for U+0100 and up.
fn byte_of_character(character: char) -> Option<u8> {
    let prints = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    match u8::try_from(character) {
        Ok(byte) => Some(byte).filter(prints),
        Err(_) => (0..=u8::MAX).filter(|byte| !prints(byte)).nth(character as usize - 0x100),
    }
}

impl Vocabulary {
    /// None: no token has this id.
    pub fn bytes_of(&self, id: u32) -> Option<Vec<u8>> {
        let piece = self.tokenizer.id_to_token(id)?;
        if self.tokenizer.get_added_vocabulary().get_added_tokens_decoder().contains_key(&id) {
            return Some(piece.into_bytes());
        }
        if self.spelling.byte_level {
            let bytes = piece.chars().map(byte_of_character).collect::<Option<Vec<u8>>>();
            return Some(bytes.unwrap_or_else(|| piece.into_bytes()));
        }
        if let Some(byte) = self.byte_of(id).filter(|_| self.spelling.byte_fallback) {
            return Some(vec![byte]);
        }
        Some(self.text_within(&piece).unwrap_or(piece).into_bytes())
    }

    fn text_within(&self, piece: &str) -> Option<String> {
        let text = decoded(self.tokenizer.get_decoder(), &[BEFORE, piece, AFTER])?;
        let text = text.strip_prefix(&self.spelling.before)?.strip_suffix(&self.spelling.after)?;
        Some(text.to_string())
    }
}
