//! Tokens that the files beside tokenizer.json add, as transformers adds them.

use serde_json::Value;
use tokenizers::{AddedToken, Tokenizer};

use crate::boundary::*;

fn flag(token: &Value, name: &str, otherwise: bool) -> bool {
    token[name].as_bool().unwrap_or(otherwise)
}

/// Only what the object names; a token that is not special is matched after normalization.
fn token_of(token: &Value) -> AddedToken {
    let special = flag(token, "special", false);
    AddedToken::from(token["content"].as_str().unwrap_or_default(), special)
        .single_word(flag(token, "single_word", false))
        .lstrip(flag(token, "lstrip", false))
        .rstrip(flag(token, "rstrip", false))
        .normalized(flag(token, "normalized", !special))
}

/// A token that is special by its role. One of which only the name is said keeps what tokenizer.json says of it.
fn special_token_of(token: &Value, tokenizer: &Tokenizer) -> AddedToken {
    let only_named = token.as_object().is_some_and(|fields| fields.len() == 1);
    let known = || tokenizer.get_added_tokens_decoder().into_values().find(|known| token["content"] == known.content);
    match only_named.then(known).flatten() {
        Some(known) => known.special(true),
        None => {
            let mut token = token.clone();
            token["special"] = true.into();
            token_of(&token)
        }
    }
}

/// Adds what `additions`, `{"added": [...], "special": [...]}`, holds; nothing where it is empty.
pub fn add(tokenizer: &mut Tokenizer, additions: &[u8]) -> Outcome {
    if additions.is_empty() {
        return Ok(());
    }
    let additions: Value =
        serde_json::from_slice(additions).map_err(|error| invalid(format!("the added tokens are no JSON: {error}")))?;
    let listed = |name: &str| additions[name].as_array().cloned().unwrap_or_default();
    let added: Vec<AddedToken> = listed("added").iter().map(token_of).collect();
    tokenizer.add_tokens(added).map_err(internal)?;
    let special: Vec<AddedToken> = listed("special").iter().map(|token| special_token_of(token, tokenizer)).collect();
    tokenizer.add_special_tokens(special).map_err(internal)?;
    Ok(())
}
