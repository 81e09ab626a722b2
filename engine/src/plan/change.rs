//! One setting that is different, in words.

use core::fmt;

/// One setting that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The keyword of keepalived.conf.
    pub keyword: &'static str,
    /// What becomes of it: `100 -> 150`, `+ 192.168.0.201/24 dev eth0`.
    pub what: String,
}

impl Change {
    /// `None` when both are equal.
    pub(super) fn between<T: PartialEq>(
        keyword: &'static str,
        old: &T,
        new: &T,
        show: impl Fn(&T) -> String,
    ) -> Option<Self> {
        (old != new).then(|| {
            let (old, new) = (show(old), show(new));
            // Secrets, for example, all look the same.
            let what = if old == new {
                "changed".to_owned()
            } else {
                format!("{old} -> {new}")
            };
            Self { keyword, what }
        })
    }

    /// Lists: what comes and what goes, or that only the order is another.
    pub(super) fn of_lists(keyword: &'static str, old: &[String], new: &[String]) -> Option<Self> {
        if old == new {
            return None;
        }
        let come = new.iter().filter(|item| !old.contains(item));
        let gone = old.iter().filter(|item| !new.contains(item));
        let come = come.map(|item| format!("+ {item}"));
        let words: Vec<String> = come.chain(gone.map(|item| format!("- {item}"))).collect();
        let what = if words.is_empty() {
            "in another order".to_owned()
        } else {
            words.join(", ")
        };
        Some(Self { keyword, what })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.keyword, self.what)
    }
}
