//! Chat templates, as Hugging Face runs Jinja: trim_blocks, lstrip_blocks, loop controls, Python's string methods, its
//! own tojson, raise_exception and strftime_now. Parsed once, rendered by any thread.

use std::collections::HashSet;
use std::ffi::CString;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Serde};
use minijinja::{Environment, Error, ErrorKind, Output, State, Value};
use serde_json::Map;

use crate::boundary::*;
use crate::control_texts::{each_text, masks, note_masks, places_of_masks, Found, MASK};
use crate::depth;
use crate::lookups::with_changed_literals;
use crate::nesting::may_nest;
use crate::python_json::{float_text, tojson};
use crate::python_methods;
use crate::tokenizer::{Vocabulary, WeirTokenizer};

const NAME: &str = "chat template";
/// About a second of work; a template that needs more is a loop that does not end.
const FUEL: u64 = 10_000_000;
const LONGEST_TIME: usize = 1024;
/// Enough to drop values as deep as the fuel lets them become. Only what is used of it takes memory.
const VALUES_STACK: usize = 1 << 30;
/// Bytes that a template may make of an empty context, and more for each byte of another.
const LEAST_LIMIT: usize = 1 << 20;
const LONGEST_GROWTH: usize = 8;

/// A parsed chat template. Immutable; threads may share it.
pub struct WeirTemplate {
    environment: Environment<'static>,
    source: String,
    globals: Map<String, serde_json::Value>,
    /// Its values may nest deep.
    nests: bool,
}

/// What a template made of a context.
pub struct Rendered {
    pub text: String,
    /// Where characters of control texts start that are the client's, not the template's.
    pub plain: Vec<u32>,
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
        let globals: Map<String, serde_json::Value> = serde_json::from_str(globals)
            .map_err(|error| invalid(format!("the special tokens are no JSON object: {error}")))?;
        depth::check(source)?;
        let source = without_generation_tags(source);
        let environment = on_stack_of(depth::STACK, || Self::environment_of(&source, &globals))?;
        let nests = may_nest(&source);
        Ok(WeirTemplate { environment, source, globals, nests })
    }

    fn environment_of(source: &str, globals: &Map<String, serde_json::Value>) -> Result<Environment<'static>, Failure> {
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
            environment.add_global(name.clone(), Value::from(Serde(value)));
        }
        environment.add_template_owned(NAME, source.to_string()).map_err(|error| invalid(words_of(&error)))?;
        Ok(environment)
    }

    /// With a vocabulary, its control texts in `context` are told from the template's own.
    fn render(&self, context: &[u8], vocabulary: Option<&Vocabulary>) -> Result<Rendered, Failure> {
        let longest = LEAST_LIMIT + LONGEST_GROWTH * context.len();
        let mut context: Map<String, serde_json::Value> = serde_json::from_slice(context)
            .map_err(|error| invalid(format!("the template's context is no JSON object: {error}")))?;
        context.shift_remove(MASK);
        let text = self.run(&self.environment, &context, longest)?;
        let found = vocabulary.and_then(|known| Found::within(&known.controls, known.normalizer(), &context));
        match found {
            None => Ok(Rendered { text, plain: Vec::new() }),
            Some(found) => self.told_apart(text, &context, &found),
        }
    }

    /// Renders again with the control texts of `context` masked, and finds the masks in `text`.
    fn told_apart(
        &self,
        text: String,
        context: &Map<String, serde_json::Value>,
        found: &Found,
    ) -> Result<Rendered, Failure> {
        let mut used = HashSet::new();
        note_masks(&mut used, &text);
        note_masks(&mut used, &self.source);
        self.globals.values().chain(context.values()).for_each(|value| {
            each_text(value, &mut |text: &str| note_masks(&mut used, text));
        });
        let Some(mask) = masks().find(|mask| !used.contains(mask)) else {
            return Err(invalid("the messages have every character that could stand for that of a control token"));
        };
        let plain = self
            .masked_text(context, found, (mask, text.len()))
            .and_then(|masked| places_of_masks(&text, &masked, mask));
        match plain {
            Some(plain) => Ok(Rendered { text, plain }),
            None if !found.in_text(&text) => Ok(Rendered { text, plain: Vec::new() }),
            None => Err(invalid(format!(
                "the text of a control token{} cannot be told from the chat template's own, because the template acts on it",
                found.name()
            ))),
        }
    }

    fn run(
        &self,
        environment: &Environment<'static>,
        context: &Map<String, serde_json::Value>,
        longest: usize,
    ) -> Result<String, Failure> {
        if self.nests {
            return on_stack_of(VALUES_STACK, || run(environment, context, longest));
        }
        run(environment, context, longest)
    }

    /// `size`: of the text without masks, which take more bytes than what they stand for.
    fn masked_text(
        &self,
        context: &Map<String, serde_json::Value>,
        found: &Found,
        (mask, size): (char, usize),
    ) -> Option<String> {
        let longest = size * mask.len_utf8();
        let mut masked = found.masked(context, mask);
        masked.insert(MASK.into(), mask.to_string().into());
        // A template that looks for a control text is to find the masked one.
        let changed = with_changed_literals(&self.source, |literal| found.masked_text(literal, mask));
        let text = match changed {
            None => self.run(&self.environment, &masked, longest),
            Some(source) => {
                let environment = on_stack_of(depth::STACK, || Self::environment_of(&source, &self.globals));
                self.run(&environment.ok()?, &masked, longest)
            }
        };
        text.ok()
    }
}

/// Runs `work` where it has a stack of `size` bytes, whatever the caller's is.
fn on_stack_of<T: Send>(size: usize, work: impl FnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(size).spawn_scoped(scope, work).map_err(internal)?;
        thread.join().unwrap_or_else(|_| Err(internal("the chat template failed")))
    })
}

/// The rendered text as it grows, up to a limit.
struct Bounded {
    text: Vec<u8>,
    limit: usize,
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > self.limit - self.text.len() {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn run(environment: &Environment, context: &Map<String, serde_json::Value>, limit: usize) -> Result<String, Failure> {
    let template = environment.get_template(NAME).map_err(internal)?;
    let mut out = Bounded { text: Vec::new(), limit };
    match template.render_captured_to(Value::from(Serde(context)), &mut out) {
        Ok(_) => String::from_utf8(out.text).map_err(internal),
        Err(error) if error.kind() == ErrorKind::WriteFailure => {
            Err(invalid(format!("chat template: the text is longer than {limit} bytes")))
        }
        Err(error) => Err(invalid(words_of(&error))),
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

/// Parses a template. `globals` is a JSON object. Each rendering sees its names, unless the context has the same
/// names.
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
/// `chat_template` came from `weir_template_new` and is not used any more; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn weir_template_free(chat_template: *mut WeirTemplate) {
    free(chat_template);
}

/// Renders with `context`, a JSON object. With a tokenizer, `plain` gets the offsets that
/// `weir_tokenizer_encode_plain` takes. They mark the texts of special tokens that came from `context`: these stay
/// plain text.
///
/// # Safety
/// `context` points to `size` bytes; `tokenizer` is alive or null; `rendered` and `plain` own nothing.
#[no_mangle]
pub unsafe extern "C" fn weir_template_render(
    chat_template: *const WeirTemplate,
    tokenizer: *const WeirTokenizer,
    context: *const u8,
    size: usize,
    rendered: *mut WeirBytes,
    plain: *mut WeirIds,
    error: *mut WeirBytes,
) -> WeirStatus {
    guard(error, || {
        let vocabulary = tokenizer.as_ref().map(|tokenizer| tokenizer.vocabulary.as_ref());
        let made = (*chat_template).render(slice(context, size), vocabulary)?;
        give_bytes(rendered, made.text.into_bytes());
        give_ids(plain, &made.plain);
        Ok(())
    })
}
