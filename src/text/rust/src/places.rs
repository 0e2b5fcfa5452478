//! Encoding of a text, or of a pair of texts, that keeps where in its text each token stands.

use tokenizers::{Encoding, Model, OffsetType, PreTokenizedString};

use crate::boundary::*;
use crate::tokenizer::{vocabulary_of, Vocabulary, WeirTokenizer};

/// A token and its place in the text.
#[repr(C)]
pub struct WeirPlace {
    pub id: u32,
    /// The token's type, from the tokenizer's template.
    pub token_type: u8,
    /// 0: of the text; 1: of its pair; -1: a token that the template adds.
    pub text: i8,
    /// Index of the token's word within its text; -1: it has none.
    pub word: i32,
    /// Code points of its text, `end` exclusive.
    pub begin: u32,
    pub end: u32,
}

/// Tokens that the caller owns, and gives back with `weir_places_free`.
#[repr(C)]
pub struct WeirPlaces {
    pub data: *mut WeirPlace,
    pub size: usize,
    pub capacity: usize,
}

/// For each byte of a text the index of its character; the number of characters at the end.
struct Characters(Vec<u32>);

impl Characters {
    fn of(text: &str) -> Self {
        let mut indices = Vec::with_capacity(text.len() + 1);
        for (index, character) in text.chars().enumerate() {
            indices.resize(indices.len() + character.len_utf8(), index as u32);
        }
        indices.push(indices.last().map_or(0, |last| last + 1));
        Characters(indices)
    }

    fn at(&self, byte: usize) -> usize {
        self.0[byte.min(self.0.len() - 1)] as usize
    }
}

impl Vocabulary {
    fn encode_places(&self, text: &str, pair: Option<&str>, add_special: bool) -> Result<Vec<WeirPlace>, Failure> {
        let first = self.encoding_of(text, 0)?;
        let second = pair.map(|pair| self.encoding_of(pair, 1)).transpose()?;
        let wanted = first.len() + second.as_ref().map_or(0, Encoding::len);
        let encoding = self.tokenizer.post_process(first, second, add_special).map_err(cannot_encode)?;
        let places = (0..encoding.len()).map(|token| place_of(&encoding, token)).collect::<Result<Vec<_>, _>>()?;
        // What a template leaves out would be text that nobody reads.
        if pair.is_some() && places.iter().filter(|place| place.text >= 0).count() != wanted {
            return Err(invalid("the tokenizer has no place for both texts of a pair"));
        }
        Ok(places)
    }

    /// The tokens of one text before the template, with offsets in code points.
    fn encoding_of(&self, text: &str, token_type: u32) -> Result<Encoding, Failure> {
        let watched = self.normalizer().is_watched();
        let pieces = if watched { self.plain_pieces(text, &[])? } else { self.pieces_of(text)? };
        let mut encoding = pieces.into_encoding(None, token_type, OffsetType::Byte).map_err(cannot_encode)?;
        // The library's own table of code points is a map with an entry for each byte of the text.
        let characters = Characters::of(text);
        for offsets in encoding.get_offsets_mut() {
            *offsets = (characters.at(offsets.0), characters.at(offsets.1));
        }
        Ok(encoding)
    }

    /// The library's own steps, which it does not give before the template is filled.
    fn pieces_of(&self, text: &str) -> Result<PreTokenizedString, Failure> {
        let added = self.tokenizer.get_added_vocabulary();
        let mut pieces = added.extract_and_normalize(self.tokenizer.get_normalizer(), text);
        self.pre_tokenize(&mut pieces)?;
        pieces.tokenize(|piece| self.tokenizer.get_model().tokenize(piece.get())).map_err(cannot_encode)?;
        Ok(pieces)
    }
}

fn place_of(encoding: &Encoding, token: usize) -> Result<WeirPlace, Failure> {
    let kind = encoding.get_type_ids()[token];
    let token_type = u8::try_from(kind)
        .map_err(|_| invalid(format!("the tokenizer gives a token the type {kind}; {} is the highest", u8::MAX)))?;
    let id = encoding.get_ids()[token];
    let (begin, end) = encoding.get_offsets()[token];
    let text = encoding.token_to_sequence(token).zip(encoding.get_word_ids()[token]);
    Ok(match text {
        Some((text, word)) => {
            WeirPlace { id, token_type, text: text as i8, word: word as i32, begin: begin as u32, end: end as u32 }
        }
        None => WeirPlace { id, token_type, text: -1, word: -1, begin: 0, end: 0 },
    })
}

/// As `weir_tokenizer_encode`, with the places of the tokens. If `pair` is not null, `text` and `pair` are encoded as
/// a pair.
///
/// # Safety
/// `text` points to `size` bytes; `pair` is null or points to `pair_size` bytes; `places` to a `WeirPlaces` that owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_encode_places(
    tokenizer: *const WeirTokenizer,
    text: *const u8,
    size: usize,
    pair: *const u8,
    pair_size: usize,
    add_special: bool,
    places: *mut WeirPlaces,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let text = crate::boundary::text("the text", text, size)?;
        let has_pair = !pair.is_null();
        let pair = crate::boundary::text("the second text", pair, pair_size)?;
        let found = vocabulary_of(tokenizer).encode_places(text, has_pair.then_some(pair), add_special)?;
        let mut found = std::mem::ManuallyDrop::new(found);
        places.write(WeirPlaces { data: found.as_mut_ptr(), size: found.len(), capacity: found.capacity() });
        Ok(())
    })
}

/// # Safety
/// As `weir_bytes_free`.
#[no_mangle]
pub unsafe extern "C" fn weir_places_free(places: WeirPlaces) {
    if !places.data.is_null() {
        drop(Vec::from_raw_parts(places.data, places.size, places.capacity));
    }
}
