//! What crosses the border: statuses, owned buffers, and the wall that panics do not pass.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::slice::from_raw_parts;

/// How a call ended. Unless it is `Ok`, the `error` buffer says why, if the call has one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeirStatus {
    Ok = 0,
    /// The caller's input is wrong.
    Invalid = 1,
    /// The tokenizer has no such token.
    NotFound = 2,
    /// A fault of this crate, or of one that it uses.
    Internal = 3,
}

/// Bytes that the caller owns, and gives back with `weir_bytes_free`. Text is UTF-8 and has no zero byte at its end.
#[repr(C)]
pub struct WeirBytes {
    pub data: *mut u8,
    pub size: usize,
    pub capacity: usize,
}

/// Token ids that the caller owns, and gives back with `weir_ids_free`.
#[repr(C)]
pub struct WeirIds {
    pub data: *mut u32,
    pub size: usize,
    pub capacity: usize,
}

/// Why a call failed, before it crosses the border.
pub struct Failure {
    pub status: WeirStatus,
    pub message: String,
}

pub type Outcome = Result<(), Failure>;

pub fn invalid(message: impl Into<String>) -> Failure {
    Failure { status: WeirStatus::Invalid, message: message.into() }
}

pub fn internal(message: impl std::fmt::Display) -> Failure {
    Failure { status: WeirStatus::Internal, message: message.to_string() }
}

/// Of a text for which the tokenizer has no tokens, as where it knows no unknown word.
pub fn cannot_encode(reason: impl std::fmt::Display) -> Failure {
    invalid(format!("the tokenizer cannot encode the text: {reason}"))
}

pub fn not_found() -> Failure {
    Failure { status: WeirStatus::NotFound, message: String::new() }
}

impl WeirBytes {
    fn of(bytes: Vec<u8>) -> Self {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        WeirBytes { data: bytes.as_mut_ptr(), size: bytes.len(), capacity: bytes.capacity() }
    }
}

/// Runs `body`; its failure, or its panic, becomes a status and a message.
///
/// # Safety
/// `error` is null or points to a `WeirBytes` that owns nothing.
pub unsafe fn guard(error: *mut WeirBytes, body: impl FnOnce() -> Outcome) -> WeirStatus {
    let Err(failure) = caught(body) else { return WeirStatus::Ok };
    if !error.is_null() {
        error.write(WeirBytes::of(failure.message.into_bytes()));
    }
    failure.status
}

/// What `body` gives; a panic in it is a failure.
pub fn caught<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(internal(panic_message(panic.as_ref()))))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let words =
        panic.downcast_ref::<&str>().map(|text| text.to_string()).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the text crate panicked: {}", words.unwrap_or_else(|| "no message".into()))
}

/// # Safety
/// `data` points to `size` readable elements; it may be null where `size` is 0.
pub unsafe fn slice<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if size == 0 {
        &[]
    } else {
        from_raw_parts(data, size)
    }
}

/// # Safety
/// As `slice`.
pub unsafe fn text<'a>(what: &str, data: *const u8, size: usize) -> Result<&'a str, Failure> {
    std::str::from_utf8(slice(data, size))
        .map_err(|error| invalid(format!("{what} is not UTF-8: byte {} is wrong", error.valid_up_to())))
}

/// # Safety
/// `out` points to a `WeirBytes` that owns nothing.
pub unsafe fn give_bytes(out: *mut WeirBytes, bytes: Vec<u8>) {
    out.write(WeirBytes::of(bytes));
}

/// # Safety
/// `out` points to a `WeirIds` that owns nothing.
pub unsafe fn give_ids(out: *mut WeirIds, ids: &[u32]) {
    let mut ids = std::mem::ManuallyDrop::new(ids.to_vec());
    out.write(WeirIds { data: ids.as_mut_ptr(), size: ids.len(), capacity: ids.capacity() });
}

/// # Safety
/// `handle` came from `Box::into_raw` and nobody uses it any more; null is fine.
pub unsafe fn free<T>(handle: *mut T) {
    guard(std::ptr::null_mut(), || {
        if !handle.is_null() {
            drop(Box::from_raw(handle));
        }
        Ok(())
    });
}

/// # Safety
/// `bytes` came from this crate and was not given back before; a buffer of nulls is allowed.
#[no_mangle]
pub unsafe extern "C" fn weir_bytes_free(bytes: WeirBytes) {
    if !bytes.data.is_null() {
        drop(Vec::from_raw_parts(bytes.data, bytes.size, bytes.capacity));
    }
}

/// # Safety
/// As `weir_bytes_free`.
#[no_mangle]
pub unsafe extern "C" fn weir_ids_free(ids: WeirIds) {
    if !ids.data.is_null() {
        drop(Vec::from_raw_parts(ids.data, ids.size, ids.capacity));
    }
}
