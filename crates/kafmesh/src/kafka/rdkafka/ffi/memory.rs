//! Memory of librdkafka's, as slices and text.
#![allow(unsafe_code, reason = "librdkafka gives pointers")]

use std::ffi::{CStr, c_char, c_void};

/// # Safety
/// `pointer` is null, or `length` bytes are readable there during `'a`.
pub(super) unsafe fn bytes<'a>(pointer: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}

/// # Safety
/// `pointer` is null or a text that ends with a zero byte.
pub(super) unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .trim()
        .to_owned()
}
