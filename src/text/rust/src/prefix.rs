//! How much of a text its first tokens need, so that the rest of a long text is never tokenized. A prefix is encoded and
//! its tokens are trusted up to where the cut may have changed them; where too few are left, a prefix of twice the size is
//! tried.

use tokenizers::{Encoding, ModelWrapper, Tokenizer};

use crate::boundary::*;
use crate::tokenizer::{vocabulary_of, WeirTokenizer};

/// About what a token takes; prose takes 4, code less.
const BYTES_PER_TOKEN: usize = 6;
const LEAST_MARGIN: usize = 256;
/// Within one word a merge depends on what follows only through merges of a higher rank each, so that a few tokens are the
/// furthest that a cut is felt.
const MARGIN_WITHIN_WORD: usize = 4096;

/// How far before its end a prefix's tokens may differ from those of the whole text. Made once for a tokenizer.
pub struct Margins {
    /// Of whole words: no token, and no added token, is longer than half of it.
    words: usize,
    /// Of tokens within a word; none where the end of a word may change its beginning.
    within_word: Option<usize>,
}

impl Margins {
    pub fn of(tokenizer: &Tokenizer) -> Self {
        let longest = tokenizer.get_vocab(true).into_keys().map(|piece| piece.len()).max().unwrap_or(0);
        let words = LEAST_MARGIN.max(2 * longest);
        let is_bpe = matches!(tokenizer.get_model(), ModelWrapper::BPE(_));
        // Such a token takes the white space before it, however much that is.
        let strips = tokenizer.get_added_tokens_decoder().values().any(|token| token.lstrip);
        let within_word = (is_bpe && !strips).then_some(MARGIN_WITHIN_WORD.max(2 * longest));
        Margins { words, within_word }
    }

    /// How many of the first tokens of a prefix of `size` bytes are those of the whole text.
    fn settled(&self, encoding: &Encoding, size: usize) -> usize {
        let ends = encoding.get_offsets().iter().map(|offsets| offsets.1);
        let words = encoding.get_word_ids();
        let Some(last) = words.last().copied().flatten() else { return 0 };
        // The last word may go on after the cut, and the one before it may be white space whose end depends on the last.
        let is_whole = |word: Option<u32>| word.is_some_and(|word| word + 2 <= last);
        ends.zip(words)
            .take_while(|(end, word)| {
                let in_words = end + self.words <= size && is_whole(**word);
                in_words || self.within_word.is_some_and(|margin| end + margin <= size)
            })
            .count()
    }
}

/// How many bytes of `text` are enough for its first `count` tokens; all, where it has no more tokens than that or where
/// the tokenizer has to see all to know them.
fn enough_for(tokenizer: &Tokenizer, margins: &Margins, text: &str, count: usize) -> Result<usize, Failure> {
    let mut size = count.saturating_mul(BYTES_PER_TOKEN).saturating_add(2 * margins.words);
    while size < text.len() {
        let cut = (size..).find(|place| text.is_char_boundary(*place)).unwrap_or(text.len());
        if cut == text.len() {
            break;
        }
        let encoding = tokenizer.encode(&text[..cut], false).map_err(cannot_encode)?;
        if margins.settled(&encoding, cut) >= count {
            return Ok(cut);
        }
        size = cut.saturating_mul(2);
    }
    Ok(text.len())
}

/// How many bytes of a text are enough for its first `count` tokens, without the special tokens around the text: the
/// first `count` ids of these bytes are those of the whole text. It is `size` if the text has fewer tokens, or if
/// fewer bytes are not certain to be enough.
///
/// # Safety
/// `tokenizer` is alive; `text` points to `size` bytes; `enough` is writable.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_prefix(
    tokenizer: *const WeirTokenizer,
    text: *const u8,
    size: usize,
    count: usize,
    enough: *mut usize,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let text = crate::boundary::text("the text", text, size)?;
        let vocabulary = vocabulary_of(tokenizer);
        // What a watched normalizer makes of a beginning says nothing of the whole.
        if vocabulary.normalizer().is_watched() {
            enough.write(size);
            return Ok(());
        }
        enough.write(enough_for(&vocabulary.tokenizer, &vocabulary.margins, text, count)?);
        Ok(())
    })
}
