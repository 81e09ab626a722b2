//! What was needed to start, and isn't any more.
//!
//! Reading the configuration of thousands of instances takes several times the memory that running
//! them does, and most of the program is for starting. A daemon that runs for months gives it back.
#![expect(unsafe_code, reason = "see the argument at the blocks")]

/// Allocations from this size on have pages of their own, which go back as soon as they are freed.
/// Glibc would raise the limit with each such allocation.
#[cfg(target_env = "gnu")]
const PAGES_OF_THEIR_OWN: libc::c_int = 128 * 1024;

/// Where pages are larger, the kernel may refuse, and nothing is gained.
const PAGE: usize = 4096;

/// To be called once, before there are other threads: they share what is free.
pub(crate) fn prepare() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `mallopt` takes any numbers, and no other thread allocates meanwhile.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, PAGES_OF_THEIR_OWN);
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Lets go of the program's code. What is still needed is there again when it is next called: it is
/// in the file, and in the system's cache of it.
pub(crate) fn give_back_code() {
    // SAFETY: the callback is called for each object while this lasts, and uses no data.
    unsafe {
        libc::dl_iterate_phdr(Some(release_code), core::ptr::null_mut());
    }
}

/// For [`give_back_code`], with one loaded object.
extern "C" fn release_code(
    object: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    _data: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: the linker hands over an object that it has loaded, with so many headers of segments.
    let (base, segments) = unsafe {
        let object = &*object;
        let count = usize::from(object.dlpi_phnum);
        let segments = core::slice::from_raw_parts(object.dlpi_phdr, count);
        (object.dlpi_addr, segments)
    };
    for segment in segments {
        let access = segment.p_flags & (libc::PF_R | libc::PF_W | libc::PF_X);
        if segment.p_type != libc::PT_LOAD || access != libc::PF_R | libc::PF_X {
            continue;
        }
        let begin = base.wrapping_add(segment.p_vaddr) as usize;
        let start = begin & !(PAGE - 1);
        let length = begin - start + segment.p_memsz as usize;
        // SAFETY: the pages of a segment that can't be written are as in the file, so that reading
        // them again changes nothing; the kernel gives those of the vdso again, too.
        unsafe {
            libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED);
        }
    }
    0
}

/// Gives back to the system what is free.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `malloc_trim` may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In KiB.
    fn resident_code() -> u64 {
        let (mut code, mut sum) = (false, 0);
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("every Linux has it");
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("Rss:"), Some(kib)) if code => sum += kib.parse::<u64>().expect("a number"),
                (Some(word), Some(access)) if !word.ends_with(':') => code = access == "r-xp",
                _ => {}
            }
        }
        sum
    }

    #[test]
    fn code_is_let_go_of_and_comes_back() {
        // Other tests call theirs back at the same time.
        let shrinks = |_| {
            let before = resident_code();
            give_back_code();
            resident_code() < before
        };
        assert!((0..100).any(shrinks));
    }
}
