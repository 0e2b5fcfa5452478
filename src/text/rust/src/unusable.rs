//! Steps of a tokenizer.json that fail on every text, which the library finds out only when it has one.

use serde_json::Value;

use crate::boundary::*;
use crate::steps::{Part, Step};

/// Errors: the step can be used for no text.
pub fn check(part: Part, step: &Step) -> Outcome {
    let wrong = |what: String| Err(invalid(format!("{}: {}: {what}", part.name(), step.kind)));
    match step.kind {
        "Replace" if part == Part::Normalizer && step.value["pattern"]["String"] == "" => {
            wrong("pattern is an empty String".into())
        }
        "FixedLength" if step.value["length"] == 0 => wrong("length is 0; at least 1 is wanted".into()),
        "TemplateProcessing" => what_template_lacks(step.value).map_or(Ok(()), wrong),
        _ => Ok(()),
    }
}

fn what_template_lacks(step: &Value) -> Option<String> {
    let pieces = step["single"].as_array()?;
    let sequences: Vec<&Value> = pieces.iter().filter_map(|piece| piece["Sequence"].get("id")).collect();
    if sequences.is_empty() {
        return Some("single has no Sequence A, and so leaves out the text".into());
    }
    if sequences.iter().any(|id| **id == "B") {
        return Some("single has Sequence B, which only a pair of texts has".into());
    }
    let mut special = pieces.iter().filter_map(|piece| piece["SpecialToken"]["id"].as_str());
    let missing = special.find(|id| step["special_tokens"].get(id).is_none())?;
    Some(format!("single has the special token {missing:?}, which special_tokens does not have"))
}
