//! Chat templates, as Hugging Face runs Jinja: trim_blocks, lstrip_blocks, loop controls, Python's string methods, its
//! own tojson, raise_exception and strftime_now. Parsed once, rendered by any thread.

use std::ffi::CString;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Serde};
use minijinja::{Environment, Error, ErrorKind, Output, State, Value};

use crate::boundary::*;
use crate::python_json::{float_text, tojson};
use crate::python_methods;

const NAME: &str = "chat template";
/// About a second of work; a template that needs more is a loop that does not end.
const FUEL: u64 = 10_000_000;
const LONGEST_TIME: usize = 1024;

/// A parsed chat template. Immutable; threads may share it.
pub struct WeirTemplate {
    environment: Environment<'static>,
}

/// The template's own refusal, so that its words reach the client without ours around them.
#[derive(Debug)]
struct Refusal(String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Refusal(message)))
}

/// The time now, formatted by the C library as Python formats it.
fn strftime_now(format: String) -> Result<String, Error> {
    let refuse = |words: &str| Error::new(ErrorKind::InvalidOperation, format!("strftime_now: {words}"));
    if format.is_empty() {
        return Ok(String::new());
    }
    let format = CString::new(format).map_err(|_| refuse("the format has a zero byte"))?;
    let mut text = vec![0u8; LONGEST_TIME];
    let written = unsafe {
        let now = libc::time(std::ptr::null_mut());
        let mut parts: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&now, &mut parts).is_null() {
            return Err(refuse("the clock has no local time"));
        }
        libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &parts)
    };
    text.truncate(written);
    String::from_utf8(text).map_err(|_| refuse("the text is not UTF-8"))
}

fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match f64::try_from(value.clone()) {
        Ok(float) if value.is_number() && !value.is_integer() => Ok(out.write_str(&float_text(float, "inf", "nan"))?),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// Training marks what the assistant said with `{% generation %}`; here the block is a plain scope, with the same
/// white space around it.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let (before, tag, after) = (&rest[..start], &rest[start + 2..start + length], &rest[start + length + 2..]);
        let mark = |character| character == '-' || character == '+';
        let word = tag.trim_matches(mark).trim();
        let replacement = match word {
            "generation" => "with",
            "endgeneration" => "endwith",
            _ => word,
        };
        out.push_str(before);
        out.push_str("{%");
        out.push_str(&if replacement == word { tag.to_string() } else { tag.replace(word, replacement) });
        out.push_str("%}");
        rest = after;
    }
    out.push_str(rest);
    out
}

impl WeirTemplate {
    fn parse(source: &str, globals: &str) -> Result<Self, Failure> {
        let globals: serde_json::Map<String, serde_json::Value> = serde_json::from_str(globals)
            .map_err(|error| invalid(format!("the special tokens are no JSON object: {error}")))?;
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(internal)?);
        environment.set_debug(true);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_unknown_method_callback(python_methods::call);
        environment.set_formatter(print);
        environment.add_filter("tojson", tojson);
        environment.add_test("sequence", python_methods::is_sequence);
        environment.add_function("cycler", |items: Rest<Value>| minijinja_contrib::globals::cycler(items.0));
        environment.add_function("joiner", minijinja_contrib::globals::joiner);
        environment.add_function("raise_exception", raise_exception);
        environment.add_function("strftime_now", strftime_now);
        // Hugging Face passes these on every call; templates ask `tools is not none` without asking whether it is there.
        environment.add_global("tools", ());
        environment.add_global("documents", ());
        environment.add_global("add_generation_prompt", false);
        for (name, value) in globals {
            environment.add_global(name, Value::from(Serde(value)));
        }
        environment
            .add_template_owned(NAME, without_generation_tags(source))
            .map_err(|error| invalid(words_of(&error)))?;
        Ok(WeirTemplate { environment })
    }

    fn render(&self, context: &[u8]) -> Result<String, Failure> {
        let context: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(context)
            .map_err(|error| invalid(format!("the template's context is no JSON object: {error}")))?;
        let template = self.environment.get_template(NAME).map_err(internal)?;
        template.render(Value::from(Serde(&context))).map_err(|error| invalid(words_of(&error)))
    }
}

fn words_of(error: &Error) -> String {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(link) = cause {
        if let Some(refusal) = link.downcast_ref::<Refusal>() {
            return refusal.0.clone();
        }
        cause = link.source();
    }
    match (error.detail(), error.line()) {
        (Some(detail), Some(line)) => format!("chat template, line {line}: {}: {detail}", error.kind()),
        (None, Some(line)) => format!("chat template, line {line}: {}", error.kind()),
        _ => format!("chat template: {error}"),
    }
}

/// Parses a template. `globals` is a JSON object of names that every rendering sees unless its context has them too.
///
/// # Safety
/// `source` and `globals` point to as many bytes as said; `created` is writable; `error` is null or owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_template_new(
    source: *const u8,
    source_size: usize,
    globals: *const u8,
    globals_size: usize,
    created: *mut *mut WeirTemplate,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let source = text("the chat template", source, source_size)?;
        let globals = text("the special tokens", globals, globals_size)?;
        created.write(Box::into_raw(Box::new(WeirTemplate::parse(source, globals)?)));
        Ok(())
    })
}

/// # Safety
/// `chat_template` came from `weir_template_new` and nobody uses it any more; null is fine.
#[no_mangle]
pub unsafe extern "C" fn weir_template_free(chat_template: *mut WeirTemplate) {
    free(chat_template);
}

/// Renders with `context`, a JSON object.
///
/// # Safety
/// `context` points to `size` bytes; `rendered` to a `WeirBytes` that owns nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_template_render(
    chat_template: *const WeirTemplate,
    context: *const u8,
    size: usize,
    rendered: *mut WeirBytes,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let text = (*chat_template).render(slice(context, size))?;
        give_bytes(rendered, text.into_bytes());
        Ok(())
    })
}
