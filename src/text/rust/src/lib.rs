//! Tokenizers and chat templates behind one C ABI. Every function returns a status and fills out-parameters; no panic
//! leaves the crate; nothing is kept in a handle for the caller to read. The handles of `WeirTokenizer` and
//! `WeirTemplate` may be shared by threads; a `WeirDetokenizer` belongs to one.

mod boundary;
mod detokenizer;
mod python_json;
mod python_methods;
mod template;
mod tokenizer;
