//! A tokenizer that can encode nothing, or in which the library fails, is found out before it is served.

use crate::boundary::*;
use crate::tokenizer::Vocabulary;

const SAMPLES: [&str; 5] = ["hello", "Hello, world 123!\n", "\u{43c}\u{438}\u{440}", "\u{4e16}\u{754c}", "\u{1f642}"];
/// Texts of the vocabulary's own first tokens, for one that knows no words but its own.
const OWN_SAMPLES: usize = 8;

/// Errors: the library fails in a sample, or has no tokens for any.
pub fn check(vocabulary: &Vocabulary) -> Outcome {
    let mut first = None;
    for text in SAMPLES {
        let Err(failure) = attempt(vocabulary, text) else { continue };
        if failure.status == WeirStatus::Internal {
            return Err(invalid(format!("a trial with the text {text:?} fails: {}", failure.message)));
        }
        first.get_or_insert(failure);
    }
    let Some(first) = first else { return Ok(()) };
    let works = |text: &str| attempt(vocabulary, text).is_ok();
    if SAMPLES.into_iter().any(works) || own_samples(vocabulary).any(|text| works(&text)) {
        return Ok(());
    }
    Err(invalid(format!("no text can be encoded, {:?} for instance: {}", SAMPLES[0], first.message)))
}

fn attempt(vocabulary: &Vocabulary, text: &str) -> Outcome {
    caught(|| {
        let ids = vocabulary.encode(text, true)?;
        vocabulary.decode(&ids, false).map(drop)
    })
}

fn own_samples(vocabulary: &Vocabulary) -> impl Iterator<Item = String> + '_ {
    let usual = |id: &u32| vocabulary.is_visible(*id, true);
    let ids = (0..vocabulary.size).filter(usual).take(OWN_SAMPLES);
    ids.filter_map(|id| caught(|| vocabulary.decode(&[id], true)).ok()).filter(|text| !text.is_empty())
}
