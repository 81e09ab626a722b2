//! "Did you mean": the known word nearest to an unknown one.

/// Words longer than this are not typing mistakes of a keyword.
const LONGEST: usize = 40;

/// The candidate that `word` is most likely a mistyping of, if any is near enough. Case doesn't
/// count. Of equally near ones the first.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: Vec<u8> = word.to_ascii_lowercase().into_bytes();
    if word.len() > LONGEST {
        return None;
    }
    let allowed = match word.len() {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    candidates
        .map(|candidate| (distance(&word, candidate.as_bytes()), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string
/// alignment).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut current = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            current[j] = replaced.min(previous[j] + 1).min(current[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                current[j] = current[j].min(before[j - 2] + 1);
            }
        }
        before = core::mem::replace(&mut previous, current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggest(word: &str) -> Option<&'static str> {
        let known = [
            "priority",
            "preempt",
            "nopreempt",
            "rise",
            "fall",
            "state",
            "interface",
        ];
        nearest(word, known.into_iter())
    }

    #[test]
    fn finds_what_was_meant() {
        assert_eq!(suggest("raise"), Some("rise"));
        assert_eq!(suggest("pirority"), Some("priority"));
        assert_eq!(suggest("Priority"), Some("priority"));
        assert_eq!(suggest("no_preempt"), Some("nopreempt"));
        assert_eq!(suggest("sate"), Some("state"));
    }

    #[test]
    fn stays_silent_when_nothing_is_near() {
        assert_eq!(suggest("virtual_weather"), None);
        assert_eq!(suggest("x"), None);
        assert_eq!(suggest(&"p".repeat(100_000)), None);
    }

    #[test]
    fn a_swap_is_one_step() {
        assert_eq!(distance(b"ab", b"ba"), 1);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }
}
