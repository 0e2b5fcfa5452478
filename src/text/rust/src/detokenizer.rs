//! Text as the tokens come. The rule is that of `tokenizers::step_decode_stream`: a window of ids is decoded with and
//! without the newest, and the difference goes out once it does not end in U+FFFD, the mark of an unfinished character.
//! Beyond that rule: the window begins with the prompt's last tokens, so that a decoder which treats the first token of
//! all in its own way (Metaspace drops its space) sees the completion behind its prompt; ids that say nothing are not
//! kept, what can never become a character does not wait for ever, and a decoder that rewrites what was sent already
//! restarts the window instead of failing.

use std::sync::Arc;

use crate::boundary::*;
use crate::tokenizer::{Vocabulary, WeirTokenizer};

/// A character has at most four bytes, so four byte tokens finish one. Where more wait, the bytes are no characters, or
/// the tokens go across the characters' borders.
const LONGEST_CHARACTER: usize = 4;
const WINDOW: usize = 2 * LONGEST_CHARACTER;
const LONGEST_WAIT: usize = 2 * WINDOW;
/// Byte tokens decode as one run, which is good as a whole or not at all. A longer run is cut between two characters.
const LONGEST_RUN: usize = 256;

pub struct Stream {
    vocabulary: Arc<Vocabulary>,
    skip_special: bool,
    /// The tokens sent last, for their effect on the next, then those that wait.
    ids: Vec<u32>,
    sent: usize,
    /// What was sent of the text of `ids`: that of `ids[..sent]`, or more where tokens go across characters.
    prefix: String,
    /// Nothing was sent yet: `prefix` is the prompt's, whose last character may be unfinished.
    at_prompt: bool,
}

/// The text of one completion as it comes. Used by one thread at a time; keeps its tokenizer alive.
pub struct WeirDetokenizer {
    stream: Stream,
}

impl Stream {
    fn new(vocabulary: Arc<Vocabulary>, skip_special: bool, prompt: &[u32]) -> Result<Self, Failure> {
        let mut stream =
            Stream { vocabulary, skip_special, ids: Vec::new(), sent: 0, prefix: String::new(), at_prompt: true };
        stream.ids = stream.tail_of(prompt)?;
        stream.sent = stream.ids.len();
        if stream.sent > 0 {
            stream.prefix = stream.decode(&stream.ids)?;
        }
        Ok(stream)
    }

    /// The last tokens of a prompt that the text behind it depends on: those of a window, of a run of bytes all, and so
    /// many that they have a text, for a decoder may drop spaces at the start of a text.
    fn tail_of(&self, prompt: &[u32]) -> Result<Vec<u32>, Failure> {
        let mut tail: Vec<u32> = Vec::new();
        let mut wanted = WINDOW;
        for &id in prompt.iter().rev().filter(|id| self.vocabulary.is_visible(**id, self.skip_special)) {
            if tail.len() >= LONGEST_RUN {
                break;
            }
            if tail.len() >= wanted && !self.is_byte(tail[tail.len() - 1]) {
                let text = self.decode(&tail.iter().rev().copied().collect::<Vec<_>>())?;
                if !text.is_empty() {
                    break;
                }
                wanted = 2 * tail.len();
            }
            tail.push(id);
        }
        while tail.len() >= LONGEST_RUN - LONGEST_CHARACTER && tail.last().is_some_and(|id| self.is_inner_byte(*id)) {
            tail.pop();
        }
        tail.reverse();
        Ok(tail)
    }

    fn is_byte(&self, id: u32) -> bool {
        self.vocabulary.byte_of(id).is_some()
    }

    fn is_inner_byte(&self, id: u32) -> bool {
        self.vocabulary.byte_of(id).is_some_and(|byte| byte & 0xC0 == 0x80)
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
        let news = text.strip_prefix(&self.prefix).or_else(|| self.behind_unfinished_prompt(&text));
        let news = news.unwrap_or(&alone).to_string();
        self.at_prompt = false;
        if alone.is_empty() && self.ids.len() + fresh.len() < LONGEST_WAIT {
            // A decoder that drops spaces at the start of a text would drop the next ones too.
            self.ids.extend(fresh);
            self.sent = self.ids.len();
            self.prefix = text;
            return Ok(news);
        }
        self.sent = fresh.len();
        self.ids = fresh;
        self.prefix = alone;
        Ok(news)
    }

    /// What `text` has beyond a prompt that ended within a character, which the completion has finished.
    fn behind_unfinished_prompt<'t>(&self, text: &'t str) -> Option<&'t str> {
        let settled = self.prefix.trim_end_matches(char::REPLACEMENT_CHARACTER);
        (self.at_prompt && settled.len() < self.prefix.len()).then(|| text.strip_prefix(settled))?
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
        self.at_prompt = false;
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

/// Makes the stream of the text after `prompt`: the text of prompt and completion without that of the prompt. Only the
/// end of a long prompt is read.
///
/// # Safety
/// `tokenizer` is alive; `prompt` points to `prompt_size` ids; `detokenizer` is writable.
#[no_mangle]
pub unsafe extern "C" fn weir_detokenizer_new(
    tokenizer: *const WeirTokenizer,
    skip_special: bool,
    prompt: *const u32,
    prompt_size: usize,
    detokenizer: *mut *mut WeirDetokenizer,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let stream = Stream::new((*tokenizer).vocabulary.clone(), skip_special, slice(prompt, prompt_size))?;
        detokenizer.write(Box::into_raw(Box::new(WeirDetokenizer { stream })));
        Ok(())
    })
}

/// # Safety
/// `detokenizer` came from `weir_detokenizer_new` and is not used any more; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn weir_detokenizer_free(detokenizer: *mut WeirDetokenizer) {
    free(detokenizer);
}

/// The text that `id` completes; often empty. Ids outside the vocabulary add no text.
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

/// The text that is still held back at the end. After this call the stream starts anew.
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
