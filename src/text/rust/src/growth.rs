//! Bounds on what a tokenizer.json may make of a text. Its steps are looked at before the library reads them, since the
//! library normalizes added tokens while it reads.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::{NormalizedString, Normalizer, NormalizerWrapper};

use crate::boundary::*;
use crate::steps::{steps_of, Part, Step};
use crate::unusable;

const MOST_STEPS: usize = 256;
/// Bytes that a step puts into a text at one place. What models put there is a character or two.
const LONGEST_INSERT: usize = 256;
/// Tokens around a text.
const MOST_ADDED: usize = 64;
/// How many times its size a part may make a text. A normalizer that makes more of it is watched at every step; another
/// part is refused.
const MOST_GROWTH: usize = 32;
/// The same of normalizer and pre_tokenizer together.
const MOST_GROWTH_OF_BOTH: usize = 256;
const WATCHED_GROWTH: usize = 16;
const LEAST_LIMIT: usize = 64 << 10;
/// Bytes that a watched step could make at the very most.
const WATCHED_LIMIT: usize = 16 << 20;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Value>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    #[serde(default)]
    model: Option<ModelPart>,
}

#[derive(Deserialize)]
struct ModelPart {
    #[serde(default)]
    continuing_subword_prefix: Value,
    #[serde(default)]
    end_of_word_suffix: Value,
}

/// A step of a normalizer that is watched.
pub struct WatchedStep {
    normalizer: NormalizerWrapper,
    growth: usize,
}

/// The steps of a normalizer that has to be watched; none where it is trusted. Errors: a part of the file goes beyond the
/// bounds, or can make tokens of no text.
pub fn check(json: &[u8]) -> Result<Vec<WatchedStep>, Failure> {
    let file = match serde_json::from_slice::<File>(json) {
        Ok(file) => file,
        Err(error) if error.is_syntax() => return Err(invalid(error.to_string())),
        // What is no such file the library refuses in its own words.
        Err(_) => return Ok(Vec::new()),
    };
    if let Some(model) = &file.model {
        check_insert("model", "continuing_subword_prefix", &model.continuing_subword_prefix)?;
        check_insert("model", "end_of_word_suffix", &model.end_of_word_suffix)?;
    }
    let normalizer = checked_steps(Part::Normalizer, &file.normalizer)?;
    let pre_tokenizer = checked_steps(Part::PreTokenizer, &file.pre_tokenizer)?;
    check_growth(Part::PreTokenizer, &pre_tokenizer)?;
    check_growth(Part::Decoder, &checked_steps(Part::Decoder, &file.decoder)?)?;
    check_added(&file.post_processor)?;
    check_growth(Part::PostProcessor, &checked_steps(Part::PostProcessor, &file.post_processor)?)?;
    let both = growth_of(&normalizer).min(MOST_GROWTH) * growth_of(&pre_tokenizer);
    if both > MOST_GROWTH_OF_BOTH {
        return Err(invalid(format!(
            "normalizer and pre_tokenizer could make a text {both} times as long; {MOST_GROWTH_OF_BOTH} times are the most"
        )));
    }
    if growth_of(&normalizer) <= MOST_GROWTH {
        return Ok(Vec::new());
    }
    let watched = watched_steps(&normalizer)?;
    check_added_tokens(&file, &watched)?;
    Ok(watched)
}

fn checked_steps(part: Part, value: &Value) -> Result<Vec<Step<'_>>, Failure> {
    let mut count = 0;
    check_inserts(part.name(), value, &mut count)?;
    if count > MOST_STEPS {
        return Err(invalid(format!("{} has {count} steps; {MOST_STEPS} are the most", part.name())));
    }
    let steps = steps_of(part, value)?;
    steps.iter().try_for_each(|step| unusable::check(part, step))?;
    Ok(steps)
}

/// Counts the steps on its way.
fn check_inserts(name: &str, part: &Value, steps: &mut usize) -> Outcome {
    match part {
        Value::Array(items) => items.iter().try_for_each(|item| check_inserts(name, item, steps)),
        Value::Object(fields) => {
            *steps += usize::from(fields.contains_key("type"));
            for key in ["content", "prepend"] {
                check_insert(name, key, &part[key])?;
            }
            fields.values().try_for_each(|field| check_inserts(name, field, steps))
        }
        _ => Ok(()),
    }
}

fn check_insert(part: &str, key: &str, text: &Value) -> Outcome {
    match text.as_str().map_or(0, str::len) {
        size if size > LONGEST_INSERT => {
            Err(invalid(format!("{part}: {key} has {size} bytes; {LONGEST_INSERT} are the most")))
        }
        _ => Ok(()),
    }
}

fn check_added(part: &Value) -> Outcome {
    match part {
        Value::Array(items) if items.len() > MOST_ADDED => {
            Err(invalid(format!("post_processor: a list of {} tokens; {MOST_ADDED} are the most", items.len())))
        }
        Value::Array(items) => items.iter().try_for_each(check_added),
        Value::Object(fields) => fields.values().try_for_each(check_added),
        _ => Ok(()),
    }
}

fn growth_of(steps: &[Step]) -> usize {
    steps.iter().map(|step| step.growth).fold(1, usize::saturating_mul)
}

fn check_growth(part: Part, steps: &[Step]) -> Outcome {
    for (index, step) in steps.iter().enumerate() {
        let growth = growth_of(&steps[..=index]);
        if growth > MOST_GROWTH {
            return Err(invalid(format!(
                "{}: step {}, {}, could make a text {growth} times as long as it was; {MOST_GROWTH} times are the most",
                part.name(),
                index + 1,
                step.kind
            )));
        }
    }
    Ok(())
}

fn watched_steps(steps: &[Step]) -> Result<Vec<WatchedStep>, Failure> {
    let parse = |step: &Step| {
        let normalizer = serde_json::from_value::<NormalizerWrapper>(step.value.clone())
            .map_err(|error| invalid(format!("normalizer: {}: {error}", step.kind)))?;
        Ok(WatchedStep { normalizer, growth: step.growth })
    };
    steps.iter().map(parse).collect()
}

fn check_added_tokens(file: &File, watched: &[WatchedStep]) -> Outcome {
    let bounded = Bounded { normalizer: None, watched };
    for content in file.added_tokens.iter().filter_map(|token| token["content"].as_str()) {
        bounded.normalize(&mut NormalizedString::from(content)).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(())
}

/// A normalizer that fails where it would make too much of a text.
#[derive(Clone, Copy)]
pub struct Bounded<'v> {
    pub normalizer: Option<&'v NormalizerWrapper>,
    /// Its steps; none where it is trusted.
    pub watched: &'v [WatchedStep],
}

impl Bounded<'_> {
    pub fn is_watched(&self) -> bool {
        !self.watched.is_empty()
    }
}

impl Normalizer for Bounded<'_> {
    fn normalize(&self, text: &mut NormalizedString) -> tokenizers::Result<()> {
        match self.normalizer {
            _ if self.is_watched() => {
                let limit = watched_limit(text.get().len());
                self.watched.iter().try_for_each(|step| step.normalize(text, limit))
            }
            Some(normalizer) => normalizer.normalize(text),
            None => Ok(()),
        }
    }
}

/// What a text of `size` bytes may become.
pub fn watched_limit(size: usize) -> usize {
    LEAST_LIMIT + WATCHED_GROWTH * size
}

impl WatchedStep {
    fn normalize(&self, text: &mut NormalizedString, limit: usize) -> tokenizers::Result<()> {
        let size = text.get().len();
        let most = (size + 1).saturating_mul(self.growth);
        if self.growth > 1 && most > WATCHED_LIMIT {
            return Err(
                format!("the normalizer could make {most} bytes of {size}; {WATCHED_LIMIT} are the most").into()
            );
        }
        self.normalizer.normalize(text)?;
        if text.get().len() > limit {
            return Err(format!("the normalizer makes more than {limit} bytes of the text").into());
        }
        Ok(())
    }
}
