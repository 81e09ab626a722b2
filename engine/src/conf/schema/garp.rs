//! When and how fast addresses are announced: the `garp_*` lines of `global_defs` and of instances,
//! and `garp_group`.

use core::time::Duration;

use super::value::{extra, number, seconds, value, without_semicolon, word};
use super::{Context, other};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;

/// Announcement settings as far as they are given, globally or in one instance.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::conf) struct GarpDraft {
    pub(in crate::conf) delay: Option<Duration>,
    pub(in crate::conf) repeat: Option<u32>,
    pub(in crate::conf) refresh: Option<Duration>,
    pub(in crate::conf) refresh_repeat: Option<u32>,
    pub(in crate::conf) contest_delay: Option<Duration>,
    pub(in crate::conf) contest_repeat: Option<u32>,
    pub(in crate::conf) elsewhere: Option<Elsewhere>,
    pub(in crate::conf) pace: PaceDraft,
}

/// The least time between two announcements.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::conf) struct PaceDraft {
    /// `garp_interval`
    pub(in crate::conf) garp: Option<Duration>,
    /// `gna_interval`
    pub(in crate::conf) gna: Option<Duration>,
}

/// `garp_extra_if`
#[derive(Clone, Copy, Debug)]
pub(in crate::conf) struct Elsewhere {
    /// `all`: also where there is no virtual MAC.
    pub(in crate::conf) all: bool,
    /// Zero turns it off.
    pub(in crate::conf) every: Duration,
    pub(in crate::conf) span: Span,
}

/// `garp_group`
#[derive(Debug, Default)]
pub(in crate::conf) struct GroupDraft {
    pub(in crate::conf) span: Span,
    pub(in crate::conf) pace: PaceDraft,
    pub(in crate::conf) interfaces: Vec<Word>,
}

/// The keywords of `garp_group`.
pub(super) const GROUP_KEYWORDS: [&str; 4] =
    ["garp_interval", "gna_interval", "interface", "interfaces"];

/// A longer distance than this between two announcements is hardly meant; keepalived warns too.
const LONG: Duration = Duration::from_secs(1);

impl GarpDraft {
    /// Reads one line, `name` being the keyword without `vrrp_`. False when there is no such keyword.
    pub(super) fn read(&mut self, name: &str, item: &Item, report: &mut Report) -> bool {
        let delay = |report: &mut Report| {
            let read = seconds(item, 3600, "the line is ignored", report);
            read.map(|(delay, _)| delay)
        };
        let count = |least, report: &mut Report| {
            let read = number(item, least..=1000, "the line is ignored", report);
            read.map(|(count, _)| count)
        };
        match name {
            "garp_master_delay" => self.delay = delay(report).or(self.delay),
            "garp_master_repeat" => self.repeat = count(1, report).or(self.repeat),
            "garp_master_refresh" => self.refresh = delay(report).or(self.refresh),
            "garp_master_refresh_repeat" => {
                self.refresh_repeat = count(1, report).or(self.refresh_repeat);
            }
            "garp_lower_prio_delay" => self.contest_delay = delay(report).or(self.contest_delay),
            "garp_lower_prio_repeat" => {
                self.contest_repeat = count(0, report).or(self.contest_repeat);
            }
            "garp_extra_if" | "vmac_garp_intvl" => {
                self.elsewhere = elsewhere(item, report).or(self.elsewhere);
            }
            _ => return self.pace.read(name, item, report),
        }
        true
    }

    /// Reads one line of an instance.
    pub(super) fn read_own(&mut self, name: &str, item: &Item, report: &mut Report) -> bool {
        if ["garp_interval", "gna_interval"].contains(&name) {
            report
                .note(
                    item.keyword.span,
                    format!("`{name}` counts for the whole interface of this instance"),
                )
                .hint(format!(
                    "keepalived doesn't know it here: `vrrp_{name}` in `global_defs` or a `garp_group` \
                     is understood by both"
                ));
        }
        self.read(name, item, report)
    }

    /// What is given here, and for the rest what is given in `outer`.
    pub(in crate::conf) fn or(self, outer: Self) -> Self {
        Self {
            delay: self.delay.or(outer.delay),
            repeat: self.repeat.or(outer.repeat),
            refresh: self.refresh.or(outer.refresh),
            refresh_repeat: self.refresh_repeat.or(outer.refresh_repeat),
            contest_delay: self.contest_delay.or(outer.contest_delay),
            contest_repeat: self.contest_repeat.or(outer.contest_repeat),
            elsewhere: self.elsewhere.or(outer.elsewhere),
            pace: self.pace.or(outer.pace),
        }
    }
}

impl PaceDraft {
    fn read(&mut self, name: &str, item: &Item, report: &mut Report) -> bool {
        let slot = match name {
            "garp_interval" => &mut self.garp,
            "gna_interval" => &mut self.gna,
            _ => return false,
        };
        let Some((gap, span)) = seconds(item, 3600, "the line is ignored", report) else {
            return true;
        };
        if gap > LONG {
            let message =
                "this is long: announcements of several addresses come seconds after a takeover";
            report
                .warning(span, message)
                .hint("it is the time between two single announcements, such as 0.01");
        }
        *slot = Some(gap);
        true
    }

    /// What is given here, and for the rest what is given in `outer`.
    pub(in crate::conf) fn or(self, outer: Self) -> Self {
        Self {
            garp: self.garp.or(outer.garp),
            gna: self.gna.or(outer.gna),
        }
    }
}

/// `[all] SECONDS`, to a day.
fn elsewhere(item: &Item, report: &mut Report) -> Option<Elsewhere> {
    let all = item
        .arguments
        .first()
        .is_some_and(|word| word.text == "all");
    let rest = Item {
        keyword: item.keyword.clone(),
        arguments: item.arguments[usize::from(all)..].to_vec(),
        block: None,
    };
    let (every, span) = seconds(&rest, 86_400, "the line is ignored", report)?;
    Some(Elsewhere { all, every, span })
}

/// Reads one `garp_group`.
pub(super) fn group(block: &Item, report: &mut Report) -> GroupDraft {
    let mut draft = GroupDraft {
        span: block.keyword.span,
        ..GroupDraft::default()
    };
    extra_words(block, report);
    for item in block.block.as_deref().unwrap_or_default() {
        let keyword = item.keyword.text.as_str();
        match keyword {
            "interface" => {
                if let Some(name) = value(item, report) {
                    draft.interfaces.push(Word {
                        text: name.text.to_owned(),
                        span: name.span,
                        quoted: false,
                    });
                }
            }
            "interfaces" => {
                for line in item.block.as_deref().unwrap_or_default() {
                    extra(line, 0, report);
                    let name = without_semicolon(word(&line.keyword), report);
                    draft.interfaces.push(Word {
                        text: name.text.to_owned(),
                        span: name.span,
                        quoted: false,
                    });
                }
            }
            _ if draft.pace.read(keyword, item, report) => {}
            _ => other(Context::GarpGroup, item, report),
        }
    }
    draft
}

fn extra_words(block: &Item, report: &mut Report) {
    if let Some(first) = block.arguments.first() {
        let message = "`garp_group` has no name: the rest of the line is ignored";
        report.warning(first.span, message);
    }
}
