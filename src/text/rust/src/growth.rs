//! Bounds on what a tokenizer.json may make of a text. Its steps are looked at before the library reads them, since the
//! library normalizes added tokens while it reads.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::{NormalizedString, Normalizer, NormalizerWrapper};

use crate::boundary::*;

const MOST_STEPS: usize = 256;
/// Bytes that a step puts into a text at one place. What models put there is a character or two.
const LONGEST_INSERT: usize = 256;
/// Tokens around a text.
const MOST_ADDED: usize = 64;
/// A normalizer that makes more of a text than this many times its size is watched at every step.
const TRUSTED_GROWTH: usize = 32;
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
}

/// Whether the normalizer has to be watched. Errors: a part of the file goes beyond the bounds.
pub fn check(json: &[u8]) -> Result<bool, Failure> {
    let file = match serde_json::from_slice::<File>(json) {
        Ok(file) => file,
        Err(error) if error.is_syntax() => return Err(invalid(error.to_string())),
        // What is no such file the library refuses in its own words.
        Err(_) => return Ok(false),
    };
    let parts = [("normalizer", &file.normalizer), ("pre_tokenizer", &file.pre_tokenizer), ("decoder", &file.decoder)];
    for (name, part) in parts {
        let mut steps = 0;
        check_steps(name, part, &mut steps)?;
        if steps > MOST_STEPS {
            return Err(invalid(format!("{name} has {steps} steps; {MOST_STEPS} are the most")));
        }
    }
    check_added(&file.post_processor)?;
    let watched = growth_of(&file.normalizer) > TRUSTED_GROWTH;
    if watched {
        check_added_tokens(&file)?;
    }
    Ok(watched)
}

fn check_steps(name: &str, part: &Value, steps: &mut usize) -> Outcome {
    match part {
        Value::Array(items) => items.iter().try_for_each(|item| check_steps(name, item, steps)),
        Value::Object(fields) => {
            *steps += usize::from(fields.contains_key("type"));
            for key in ["content", "prepend"] {
                let size = fields.get(key).and_then(Value::as_str).map_or(0, str::len);
                if size > LONGEST_INSERT {
                    return Err(invalid(format!(
                        "{name}: a step's {key} has {size} bytes; {LONGEST_INSERT} are the most"
                    )));
                }
            }
            fields.values().try_for_each(|field| check_steps(name, field, steps))
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

/// How many times its size a text may have at most after the steps that put something into it.
fn growth_of(part: &Value) -> usize {
    match part {
        Value::Array(items) => items.iter().map(growth_of).fold(1, usize::saturating_mul),
        Value::Object(fields) => match fields.get("type").and_then(Value::as_str) {
            Some("Replace") => growth_of_replace(part),
            Some("Prepend") => 1 + part["prepend"].as_str().map_or(0, str::len),
            Some("ByteLevel") => 2,
            _ => fields.values().map(growth_of).fold(1, usize::saturating_mul),
        },
        _ => 1,
    }
}

fn growth_of_replace(step: &Value) -> usize {
    let content = step["content"].as_str().map_or(0, str::len);
    match step["pattern"]["String"].as_str().map_or(0, str::len) {
        0 => 1 + content,
        pattern => content.div_ceil(pattern).max(1),
    }
}

fn check_added_tokens(file: &File) -> Outcome {
    let Ok(normalizer) = serde_json::from_value::<NormalizerWrapper>(file.normalizer.clone()) else { return Ok(()) };
    for content in file.added_tokens.iter().filter_map(|token| token["content"].as_str()) {
        let watched = Bounded { normalizer: Some(&normalizer), watched: true };
        watched.normalize(&mut NormalizedString::from(content)).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(())
}

/// A normalizer that fails where it would make too much of a text.
#[derive(Clone, Copy)]
pub struct Bounded<'v> {
    pub normalizer: Option<&'v NormalizerWrapper>,
    pub watched: bool,
}

impl Normalizer for Bounded<'_> {
    fn normalize(&self, text: &mut NormalizedString) -> tokenizers::Result<()> {
        match self.normalizer {
            None => Ok(()),
            Some(normalizer) if !self.watched => normalizer.normalize(text),
            Some(normalizer) => watched_step(normalizer, text, watched_limit(text.get().len())),
        }
    }
}

/// What a text of `size` bytes may become.
pub fn watched_limit(size: usize) -> usize {
    LEAST_LIMIT + WATCHED_GROWTH * size
}

fn watched_step(step: &NormalizerWrapper, text: &mut NormalizedString, limit: usize) -> tokenizers::Result<()> {
    if let NormalizerWrapper::Sequence(steps) = step {
        return steps.as_ref().iter().try_for_each(|step| watched_step(step, text, limit));
    }
    let size = text.get().len();
    let most = match step {
        NormalizerWrapper::Replace(replace) => (size + 1).saturating_mul(1 + replace.content.len()),
        _ => size,
    };
    if most > WATCHED_LIMIT {
        return Err(format!("the normalizer could make {most} bytes of {size}; {WATCHED_LIMIT} are the most").into());
    }
    step.normalize(text)?;
    if text.get().len() > limit {
        return Err(format!("the normalizer makes more than {limit} bytes of the text").into());
    }
    Ok(())
}
