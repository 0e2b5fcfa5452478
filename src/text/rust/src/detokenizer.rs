//! Text as the tokens come. The rule is that of `tokenizers::step_decode_stream`: a window of ids is decoded with and
//! without the newest, and the difference goes out once it does not end in U+FFFD, the mark of an unfinished character.
//! Beyond that rule: ids that say nothing are not kept, what can never become a character does not wait for ever, and a
//! decoder that rewrites what was sent already restarts the window instead of failing.

use std::sync::Arc;

use crate::boundary::*;
use crate::tokenizer::{Vocabulary, WeirTokenizer};

/// A character has at most four bytes, so four byte tokens finish one. Where more wait, the bytes are no characters, or
/// the tokens go across the characters' borders.
const LONGEST_CHARACTER: usize = 4;
const WINDOW: usize = 2 * LONGEST_CHARACTER;
const LONGEST_WAIT: usize = 2 * WINDOW;

pub struct Stream {
    vocabulary: Arc<Vocabulary>,
    skip_special: bool,
    /// The tokens sent last, for their effect on the next, then those that wait.
    ids: Vec<u32>,
    sent: usize,
    /// What was sent of the text of `ids`: that of `ids[..sent]`, or more where tokens go across characters.
    prefix: String,
}

/// The stream of one completion. For one thread at a time; keeps its tokenizer alive.
pub struct WeirDetokenizer {
    stream: Stream,
}

impl Stream {
    fn new(vocabulary: Arc<Vocabulary>, skip_special: bool) -> Self {
        Stream { vocabulary, skip_special, ids: Vec::new(), sent: 0, prefix: String::new() }
    }

    fn decode(&self, ids: &[u32]) -> Result<String, Failure> {
        self.vocabulary.decode(ids, self.skip_special)
    }

    fn step(&mut self, id: u32) -> Result<String, Failure> {
        if !self.vocabulary.is_visible(id, self.skip_special) {
            return Ok(String::new());
        }
        self.ids.push(id);
        let text = self.decode(&self.ids)?;
        if text.ends_with(char::REPLACEMENT_CHARACTER) {
            if self.ids.len() - self.sent < LONGEST_WAIT {
                return Ok(String::new());
            }
            return self.send_what_is_settled(text);
        }
        if text.len() <= self.prefix.len() && self.prefix.starts_with(&text) {
            return Ok(String::new());
        }
        self.send(text)
    }

    /// Sends what `text`, that of all ids, has beyond the prefix; the tokens sent now become the next window.
    fn send(&mut self, text: String) -> Result<String, Failure> {
        let fresh = self.ids.split_off(self.sent);
        let alone = self.decode(&fresh)?;
        let news = match text.strip_prefix(&self.prefix) {
            Some(news) => news.to_string(),
            None => alone.clone(),
        };
        self.sent = fresh.len();
        self.ids = fresh;
        self.prefix = alone;
        Ok(news)
    }

    /// Too many tokens wait: sends all but the last few, cut between two tokens where no character goes through, else
    /// within a token.
    fn send_what_is_settled(&mut self, text: String) -> Result<String, Failure> {
        for kept in (1..LONGEST_CHARACTER).rev() {
            let cut = self.ids.len() - kept;
            let (head, tail) = (self.decode(&self.ids[..cut])?, self.decode(&self.ids[cut..])?);
            if text.strip_prefix(&head) == Some(tail.as_str()) {
                let waiting = self.ids.split_off(cut);
                let news = self.send(head)?;
                self.restart(waiting);
                return Ok(news);
            }
        }
        self.send_up_to_the_last_character(text)
    }

    /// Sends all but the unfinished character at the end of `text`; a window of whole tokens around it stays.
    fn send_up_to_the_last_character(&mut self, text: String) -> Result<String, Failure> {
        let window = self.ids.split_off(self.ids.len() - WINDOW);
        let unfinished = char::REPLACEMENT_CHARACTER;
        let alone = self.decode(&window)?;
        let settled = text.strip_suffix(unfinished).and_then(|settled| settled.strip_prefix(&self.prefix));
        let (Some(news), Some(prefix)) = (settled, alone.strip_suffix(unfinished)) else {
            self.ids.extend(window);
            let news = self.send(text)?;
            self.restart(Vec::new());
            return Ok(news);
        };
        let news = news.to_string();
        self.prefix = prefix.to_string();
        self.ids = window;
        self.sent = 0;
        Ok(news)
    }

    fn restart(&mut self, waiting: Vec<u32>) {
        self.ids = waiting;
        self.sent = 0;
        self.prefix.clear();
    }

    fn flush(&mut self) -> Result<String, Failure> {
        let news = if self.sent < self.ids.len() {
            let text = self.decode(&self.ids)?;
            self.send(text)?
        } else {
            String::new()
        };
        self.restart(Vec::new());
        Ok(news)
    }
}

/// # Safety
/// `tokenizer` is alive; `detokenizer` is writable.
#[no_mangle]
pub unsafe extern "C" fn weir_detokenizer_new(
    tokenizer: *const WeirTokenizer,
    skip_special: bool,
    detokenizer: *mut *mut WeirDetokenizer,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let stream = Stream::new((*tokenizer).vocabulary.clone(), skip_special);
        detokenizer.write(Box::into_raw(Box::new(WeirDetokenizer { stream })));
        Ok(())
    })
}

/// # Safety
/// `detokenizer` came from `weir_detokenizer_new` and nobody uses it any more; null is fine.
#[no_mangle]
pub unsafe extern "C" fn weir_detokenizer_free(detokenizer: *mut WeirDetokenizer) {
    free(detokenizer);
}

/// The text that `id` completes; often empty. Ids outside the vocabulary say nothing.
///
/// # Safety
/// `text` points to a `WeirBytes` that owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_detokenizer_step(
    detokenizer: *mut WeirDetokenizer,
    id: u32,
    text: *mut WeirBytes,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let stream = &mut (*detokenizer).stream;
        let news = stream.step(id).inspect_err(|_| stream.restart(Vec::new()));
        give_bytes(text, news?.into_bytes());
        Ok(())
    })
}

/// What still waits, at the end. The stream starts anew after it.
///
/// # Safety
/// As `weir_detokenizer_step`.
#[no_mangle]
pub unsafe extern "C" fn weir_detokenizer_flush(
    detokenizer: *mut WeirDetokenizer,
    text: *mut WeirBytes,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        give_bytes(text, (*detokenizer).stream.flush()?.into_bytes());
        Ok(())
    })
}
