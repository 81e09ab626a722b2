//! What the allocator keeps for later.
//!
//! Reading the configuration of thousands of instances takes several times the memory that running
//! them does. A daemon that runs for months gives it back.
#![expect(unsafe_code, reason = "see the argument at the blocks")]

/// Allocations from this size on have pages of their own, which go back as soon as they are freed.
/// Glibc would raise the limit with each such allocation.
#[cfg(target_env = "gnu")]
const PAGES_OF_THEIR_OWN: libc::c_int = 128 * 1024;

/// To be called once, before there are other threads: they share what is free.
pub(crate) fn prepare() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `mallopt` takes any numbers, and no other thread allocates meanwhile.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, PAGES_OF_THEIR_OWN);
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives back to the system what is free.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `malloc_trim` may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
