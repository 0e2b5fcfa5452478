//! The steps of a tokenizer.json's parts, and how many times its size each may make a text.

use serde_json::Value;

use crate::boundary::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Normalizer,
    PreTokenizer,
    Decoder,
    PostProcessor,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Part::Normalizer => "normalizer",
            Part::PreTokenizer => "pre_tokenizer",
            Part::Decoder => "decoder",
            Part::PostProcessor => "post_processor",
        }
    }
}

/// What the characters of a text become without the file's doing: the longest is that of U+FDFA under NFKC, 33 bytes.
const LONGEST_FOLDED: usize = 64;

/// One step, and how many times its size a text may have after it.
pub struct Step<'v> {
    pub kind: &'v str,
    pub value: &'v Value,
    pub growth: usize,
}

/// The steps of a part in their order, out of its sequences. Folding of characters grows a text once: only a later step
/// of the same kind is counted.
pub fn steps_of(part: Part, value: &Value) -> Result<Vec<Step<'_>>, Failure> {
    let mut steps = Vec::new();
    collect(value, &mut steps);
    let mut folded: Vec<&str> = Vec::new();
    for step in &mut steps {
        step.growth = growth_of(part, step)?;
        if folds(step.kind) && step.growth <= LONGEST_FOLDED && !folded.contains(&step.kind) {
            folded.push(step.kind);
            step.growth = 1;
        }
    }
    Ok(steps)
}

fn collect<'v>(value: &'v Value, steps: &mut Vec<Step<'v>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, steps)),
        Value::Object(fields) => match fields.get("type").and_then(Value::as_str) {
            Some(kind) if kind != "Sequence" => steps.push(Step { kind, value, growth: 1 }),
            _ => fields.values().for_each(|field| collect(field, steps)),
        },
        _ => {}
    }
}

fn folds(kind: &str) -> bool {
    matches!(kind, "NFC" | "NFD" | "NFKC" | "NFKD" | "Lowercase" | "Bert" | "BertNormalizer" | "Precompiled")
}

fn growth_of(part: Part, step: &Step) -> Result<usize, Failure> {
    let size_of = |field: &str| step.value[field].as_str().map_or(0, str::len);
    let is_set = |field: &str| step.value[field].as_bool() == Some(true);
    let inserts_if_empty = |field: &str| if size_of(field) == 0 { 2 } else { 1 };
    Ok(match step.kind {
        "Replace" => growth_of_replace(step.value),
        "Prepend" => 1 + size_of("prepend"),
        // A byte becomes a character of up to two. A piece of one byte gets a space before it.
        "ByteLevel" if part == Part::PreTokenizer && is_set("add_prefix_space") => 4,
        "ByteLevel" => 2,
        "Metaspace" if part == Part::PreTokenizer => {
            let prepends = step.value["prepend_scheme"] != "never" && step.value["add_prefix_space"] != false;
            size_of("replacement").max(1) * if prepends { 2 } else { 1 }
        }
        "NFKC" | "NFKD" => 11,
        "NFC" | "NFD" => 3,
        "Bert" | "BertNormalizer" => 4,
        "Lowercase" => 2,
        "Precompiled" => longest_entry(step.value["precompiled_charsmap"].as_str().unwrap_or_default())?,
        // A space before each token.
        "WordPiece" => 2,
        "BPEDecoder" => inserts_if_empty("suffix"),
        "CTC" => inserts_if_empty("word_delimiter_token"),
        "TemplateProcessing" => {
            let pieces = step.value["single"].as_array().map_or(&[][..], Vec::as_slice);
            pieces.iter().filter(|piece| piece.get("Sequence").is_some()).count().max(1)
        }
        _ => 1,
    })
}

fn growth_of_replace(step: &Value) -> usize {
    let content = step["content"].as_str().map_or(0, str::len);
    match step["pattern"]["String"].as_str().map_or(0, str::len) {
        0 => 1 + content,
        pattern => content.div_ceil(pattern).max(1),
    }
}

/// Bytes of the longest text that a character may become: behind the size of a trie and the trie lie texts, each with a
/// zero at its end.
fn longest_entry(charsmap: &str) -> Result<usize, Failure> {
    let wrong = || invalid("normalizer: precompiled_charsmap cannot be read");
    let map = base64::decode(charsmap).map_err(|_| wrong())?;
    let (size, rest) = map.split_first_chunk::<4>().ok_or_else(wrong)?;
    let trie = u32::from_le_bytes(*size) as usize / 4 * 4;
    let texts = rest.get(trie..).ok_or_else(wrong)?;
    Ok(texts.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(0).max(1))
}
