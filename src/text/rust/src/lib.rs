//! Tokenizers and chat templates behind one C ABI. Every function returns a status and fills out-parameters; no panic
//! leaves the crate; nothing is kept in a handle for the caller to read. The handles of `WeirTokenizer` and
//! `WeirTemplate` may be shared by threads; a `WeirDetokenizer` belongs to one.

mod added_tokens;
mod blocks;
mod boundary;
mod control_texts;
mod depth;
mod detokenizer;
mod growth;
mod lookups;
mod nesting;
mod places;
mod plain;
mod prefix;
mod python_json;
mod python_methods;
mod spelling;
mod steps;
mod template;
mod tokenizer;
mod trial;
mod unusable;
