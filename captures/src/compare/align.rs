//! Which frame of one list belongs to which of the other.
//!
//! Both are walked together; where they part, the nearest place at which they meet again decides
//! whether frames were changed, are missing, or are more. Adverts are numbered (IP identification),
//! so that places are hard to confuse. Linear but for what is looked ahead at differences.

/// So many frames are looked ahead in each list. A burst of announcements is some tens.
const AHEAD: usize = 64;

/// One step through both lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// These belong together, equal or not.
    Both(usize, usize),
    /// Only the first list has it.
    OnlyA(usize),
    /// Only the second list has it.
    OnlyB(usize),
}

/// Walks lists of these lengths. `same` says whether two frames are equal, `alike` whether one may
/// be the other, changed.
pub(super) fn align(
    a: usize,
    b: usize,
    same: impl Fn(usize, usize) -> bool,
    alike: impl Fn(usize, usize) -> bool,
) -> Vec<Step> {
    let mut steps = Vec::with_capacity(a.max(b));
    let (mut i, mut j) = (0, 0);
    while i < a && j < b {
        let (skip_a, skip_b) = meet((i, a), (j, b), &same, &alike);
        let changed = skip_a.min(skip_b);
        for k in 0..changed {
            match alike(i + k, j + k) {
                true => steps.push(Step::Both(i + k, j + k)),
                false => steps.extend([Step::OnlyA(i + k), Step::OnlyB(j + k)]),
            }
        }
        steps.extend((changed..skip_a).map(|k| Step::OnlyA(i + k)));
        steps.extend((changed..skip_b).map(|k| Step::OnlyB(j + k)));
        (i, j) = (i + skip_a, j + skip_b);
        if i < a && j < b && same(i, j) {
            steps.push(Step::Both(i, j));
            (i, j) = (i + 1, j + 1);
        }
    }
    steps.extend((i..a).map(Step::OnlyA));
    steps.extend((j..b).map(Step::OnlyB));
    steps
}

/// How many frames of each list come before the nearest pair of equal ones; one of each when
/// there is none near.
fn meet(
    (i, a): (usize, usize),
    (j, b): (usize, usize),
    same: &impl Fn(usize, usize) -> bool,
    alike: &impl Fn(usize, usize) -> bool,
) -> (usize, usize) {
    let meets = |skip_a: usize, skip_b: usize| {
        let inside = i + skip_a < a && j + skip_b < b;
        let changed = skip_a.min(skip_b);
        inside && same(i + skip_a, j + skip_b) && (0..changed).all(|k| alike(i + k, j + k))
    };
    for most in 0..=AHEAD {
        // Equal numbers first: changed frames are likelier than lost and additional ones.
        for least in (0..=most).rev() {
            for (skip_a, skip_b) in [(most, least), (least, most)] {
                if meets(skip_a, skip_b) {
                    return (skip_a, skip_b);
                }
            }
        }
    }
    (1, 1)
}

#[cfg(test)]
mod tests {
    use super::Step::{Both, OnlyA, OnlyB};
    use super::*;

    fn steps(a: &str, b: &str) -> Vec<Step> {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        let alike = |i: usize, j: usize| a[i].is_ascii_uppercase() == b[j].is_ascii_uppercase();
        align(a.len(), b.len(), |i, j| a[i] == b[j], alike)
    }

    #[test]
    fn equal_lists_go_together() {
        assert_eq!(steps("abc", "abc"), [Both(0, 0), Both(1, 1), Both(2, 2)]);
        assert_eq!(steps("", ""), []);
    }

    #[test]
    fn one_changed_one_missing_one_more() {
        assert_eq!(steps("abc", "axc"), [Both(0, 0), Both(1, 1), Both(2, 2)]);
        assert_eq!(steps("abc", "ac"), [Both(0, 0), OnlyA(1), Both(2, 1)]);
        assert_eq!(steps("ac", "abc"), [Both(0, 0), OnlyB(1), Both(1, 2)]);
        assert_eq!(steps("ab", "a"), [Both(0, 0), OnlyA(1)]);
        assert_eq!(steps("", "a"), [OnlyB(0)]);
    }

    #[test]
    fn what_isnt_alike_is_not_a_change() {
        assert_eq!(
            steps("aXb", "acb"),
            [Both(0, 0), OnlyA(1), OnlyB(1), Both(2, 2)]
        );
        assert_eq!(
            steps("aXXb", "XXb"),
            [OnlyA(0), Both(1, 0), Both(2, 1), Both(3, 2)]
        );
    }

    #[test]
    fn every_frame_is_in_one_step() {
        for (a, b) in [
            ("aaabbb", "ababab"),
            ("abcdef", "uvwxyz"),
            ("abcdef", "def"),
            ("x", "abcx"),
        ] {
            let steps = steps(a, b);
            let of_a: Vec<usize> = steps
                .iter()
                .filter_map(|s| match s {
                    Both(i, _) | OnlyA(i) => Some(*i),
                    OnlyB(_) => None,
                })
                .collect();
            let of_b: Vec<usize> = steps
                .iter()
                .filter_map(|s| match s {
                    Both(_, j) | OnlyB(j) => Some(*j),
                    OnlyA(_) => None,
                })
                .collect();
            assert_eq!(of_a, (0..a.len()).collect::<Vec<_>>(), "{a} {b}");
            assert_eq!(of_b, (0..b.len()).collect::<Vec<_>>(), "{a} {b}");
        }
    }
}
