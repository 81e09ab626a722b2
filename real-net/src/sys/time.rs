//! The local time of day.
#![expect(unsafe_code, reason = "see the argument at the block")]

use std::mem::MaybeUninit;

/// A moment as the machine's time zone has it, broken down; `None` beyond the calendar.
pub(crate) fn local(seconds: i64) -> Option<libc::tm> {
    let mut broken_down = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are to live values of the types that localtime_r(3) wants, and it keeps
    // neither.
    let result = unsafe { libc::localtime_r(&raw const seconds, broken_down.as_mut_ptr()) };
    if result.is_null() {
        return None;
    }
    // SAFETY: it is filled in when the result isn't null, and all zeros are a valid `tm` too.
    Some(unsafe { broken_down.assume_init() })
}
