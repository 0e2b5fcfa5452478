//! A tokenizer.json, read once and then only read from.

use std::collections::HashMap;
use std::sync::Arc;

use tokenizers::Tokenizer;

use crate::added_tokens;
use crate::boundary::*;
use crate::control_texts::ControlTexts;
use crate::growth::{self, Bounded, WatchedStep};
use crate::prefix::Margins;
use crate::spelling::Spelling;
use crate::trial;

const CACHED_WORDS: usize = 64;

pub struct Vocabulary {
    pub tokenizer: Tokenizer,
    pub controls: ControlTexts,
    /// The added tokens that are special.
    pub special: HashMap<u32, String>,
    /// The steps of a normalizer that may make much of a text, and is watched while it does; else none.
    pub watched: Vec<WatchedStep>,
    pub margins: Margins,
    pub spelling: Spelling,
    /// One past the highest id.
    pub size: u32,
    /// Bytes of the longest token's own string.
    longest_piece: usize,
}

/// A tokenizer. Immutable; threads may share it.
pub struct WeirTokenizer {
    pub vocabulary: Arc<Vocabulary>,
}

impl Vocabulary {
    fn parse(json: &[u8], additions: &[u8]) -> Result<Self, Failure> {
        tokenizers::utils::parallelism::set_parallelism(false);
        let watched = growth::check(json)?;
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| invalid(error.to_string()))?;
        // The limit of a prompt is the model's, and a batch is never padded here.
        tokenizer.with_truncation(None).map_err(internal)?;
        tokenizer.with_padding(None);
        // The library keeps words for each thread that ever encoded, and here every connection has one: thousands of words
        // would be megabytes a client.
        let mut model = tokenizer.get_model().clone();
        model.resize_cache(CACHED_WORDS);
        tokenizer.with_model(model);
        added_tokens::add(&mut tokenizer, additions)?;
        let pieces = tokenizer.get_vocab(true);
        let longest_piece = pieces.keys().map(String::len).max().unwrap_or(0);
        let size = pieces.into_values().max().map_or(0, |highest| highest.saturating_add(1));
        let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
        let controls = ControlTexts::new(added.values(), tokenizer.get_normalizer().is_some());
        let special = added.iter().filter(|(_, token)| token.special);
        let special = special.map(|(id, token)| (*id, token.content.clone())).collect();
        let margins = Margins::of(&tokenizer);
        let spelling = Spelling::of(&tokenizer);
        let vocabulary = Vocabulary { tokenizer, controls, special, watched, margins, spelling, size, longest_piece };
        trial::check(&vocabulary)?;
        Ok(vocabulary)
    }

    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, Failure> {
        self.tokenizer.decode(ids, skip_special).map_err(internal)
    }

    /// Whether decoding lets `id` through at all.
    pub fn is_visible(&self, id: u32, skip_special: bool) -> bool {
        self.tokenizer
            .id_to_token(id)
            .is_some_and(|piece| !skip_special || !self.tokenizer.get_added_vocabulary().is_special_token(&piece))
    }

    pub fn normalizer(&self) -> Bounded<'_> {
        Bounded { normalizer: self.tokenizer.get_normalizer(), watched: &self.watched }
    }

    /// The byte that a token of byte fallback, "<0x0A>", stands for.
    pub fn byte_of(&self, id: u32) -> Option<u8> {
        let piece = self.tokenizer.id_to_token(id)?;
        let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
        (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
    }

    fn check(&self, ids: &[u32]) -> Outcome {
        match ids.iter().find(|id| **id >= self.size) {
            None => Ok(()),
            Some(id) => Err(invalid(format!("token id {id} is outside the vocabulary of {} tokens", self.size))),
        }
    }
}

/// # Safety
/// `tokenizer` is alive.
pub unsafe fn vocabulary_of<'a>(tokenizer: *const WeirTokenizer) -> &'a Vocabulary {
    let tokenizer = &*tokenizer;
    &tokenizer.vocabulary
}

/// Reads a tokenizer.json, and switches its truncation and padding off. `additions` is empty, or a JSON object with
/// the tokens that other files add: the list `added` in its order, then the list `special`. Each token has its
/// `content` and what else is known of it.
///
/// # Safety
/// `json` and `additions` point to as many bytes as said; `tokenizer` is writable; `error`, as in all calls, is null
/// or owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_new(
    json: *const u8,
    size: usize,
    additions: *const u8,
    additions_size: usize,
    tokenizer: *mut *mut WeirTokenizer,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let vocabulary = Arc::new(Vocabulary::parse(slice(json, size), slice(additions, additions_size))?);
        tokenizer.write(Box::into_raw(Box::new(WeirTokenizer { vocabulary })));
        Ok(())
    })
}

/// # Safety
/// `tokenizer` came from `weir_tokenizer_new` and is not used any more; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_free(tokenizer: *mut WeirTokenizer) {
    free(tokenizer);
}

/// # Safety
/// `text` points to `size` bytes; `ids` to a `WeirIds` that owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_encode(
    tokenizer: *const WeirTokenizer,
    text: *const u8,
    size: usize,
    add_special: bool,
    ids: *mut WeirIds,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let text = crate::boundary::text("the text", text, size)?;
        give_ids(ids, &vocabulary_of(tokenizer).encode(text, add_special)?);
        Ok(())
    })
}

/// As `weir_tokenizer_encode`, but no special token covers a character that starts at one of the byte offsets `plain`
/// (ascending).
///
/// # Safety
/// `text` points to `size` bytes and `plain` to `plain_count` offsets; `ids` to a `WeirIds` that owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_encode_plain(
    tokenizer: *const WeirTokenizer,
    text: *const u8,
    size: usize,
    plain: *const u32,
    plain_count: usize,
    add_special: bool,
    ids: *mut WeirIds,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let text = crate::boundary::text("the text", text, size)?;
        give_ids(ids, &vocabulary_of(tokenizer).encode_plain(text, slice(plain, plain_count), add_special)?);
        Ok(())
    })
}

/// # Safety
/// `ids` points to `count` ids; `text` to a `WeirBytes` that owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_decode(
    tokenizer: *const WeirTokenizer,
    ids: *const u32,
    count: usize,
    skip_special: bool,
    text: *mut WeirBytes,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let vocabulary = vocabulary_of(tokenizer);
        let ids = slice(ids, count);
        vocabulary.check(ids)?;
        give_bytes(text, vocabulary.decode(ids, skip_special)?.into_bytes());
        Ok(())
    })
}

/// The token's own string; `NotFound` if no token has this id.
///
/// # Safety
/// `piece` points to a `WeirBytes` that owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_piece(
    tokenizer: *const WeirTokenizer,
    id: u32,
    piece: *mut WeirBytes,
) -> WeirStatus {
    guard(std::ptr::null_mut(), || {
        let found = vocabulary_of(tokenizer).tokenizer.id_to_token(id).ok_or_else(not_found)?;
        give_bytes(piece, found.into_bytes());
        Ok(())
    })
}

/// The bytes that the token adds to a text, perhaps part of a character; `NotFound` if no token has this id.
///
/// # Safety
/// `bytes` points to a `WeirBytes` that owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_token_bytes(
    tokenizer: *const WeirTokenizer,
    id: u32,
    bytes: *mut WeirBytes,
) -> WeirStatus {
    guard(std::ptr::null_mut(), || {
        give_bytes(bytes, vocabulary_of(tokenizer).bytes_of(id).ok_or_else(not_found)?);
        Ok(())
    })
}

/// The id of the token with this string; `NotFound` if there is none.
///
/// # Safety
/// `piece` points to `size` bytes; `id` is writable.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_id(
    tokenizer: *const WeirTokenizer,
    piece: *const u8,
    size: usize,
    id: *mut u32,
) -> WeirStatus {
    guard(std::ptr::null_mut(), || {
        let piece = text("the piece", piece, size)?;
        let found = vocabulary_of(tokenizer).tokenizer.token_to_id(piece).ok_or_else(not_found)?;
        id.write(found);
        Ok(())
    })
}

/// Whether an added token takes in the white space beside it.
///
/// # Safety
/// `tokenizer` is alive.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_takes_space(tokenizer: *const WeirTokenizer) -> bool {
    let added = vocabulary_of(tokenizer).tokenizer.get_added_tokens_decoder();
    added.values().any(|token| token.lstrip || token.rstrip)
}

/// One past the highest id, added tokens included.
///
/// # Safety
/// `tokenizer` is alive.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_vocabulary_size(tokenizer: *const WeirTokenizer) -> u32 {
    vocabulary_of(tokenizer).size
}

/// Bytes of the longest token's own string, added tokens included.
///
/// # Safety
/// `tokenizer` is alive.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_longest_piece(tokenizer: *const WeirTokenizer) -> usize {
    vocabulary_of(tokenizer).longest_piece
}
