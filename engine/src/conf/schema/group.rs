//! `vrrp_sync_group`: virtual routers that change state together.

use super::track::{self, TrackDraft};
use super::value::{bare, without_semicolon, word};
use super::{Context, notify, other};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::Notify;

/// One block.
#[derive(Debug)]
pub(in crate::conf) struct GroupDraft {
    pub(in crate::conf) name: Word,
    /// Where `group` stands.
    pub(in crate::conf) list: Option<Span>,
    /// The names in `group`.
    pub(in crate::conf) members: Vec<Word>,
    /// `track_script`
    pub(in crate::conf) tracks: Vec<TrackDraft>,
    /// `track_interface`
    pub(in crate::conf) links: Vec<TrackDraft>,
    /// `track_file`
    pub(in crate::conf) files: Vec<TrackDraft>,
    /// `track_process`
    pub(in crate::conf) processes: Vec<TrackDraft>,
    /// `sync_group_tracking_weight`
    pub(in crate::conf) weights: bool,
    pub(in crate::conf) notify: Notify,
}

/// The keywords that are acted on.
pub(super) const KEYWORDS: [&str; 7] = [
    "group",
    "track_script",
    "track_interface",
    "track_file",
    "track_process",
    "sync_group_tracking_weight",
    "global_tracking",
];

/// Reads one block.
pub(super) fn read(block: &Item, name: &Word, report: &mut Report) -> GroupDraft {
    let mut draft = GroupDraft {
        name: Word {
            text: name.text.clone(),
            span: name.span,
            quoted: false,
        },
        list: None,
        members: Vec::new(),
        tracks: Vec::new(),
        links: Vec::new(),
        files: Vec::new(),
        processes: Vec::new(),
        weights: false,
        notify: Notify::default(),
    };
    for item in block.block.as_deref().unwrap_or_default() {
        match item.keyword.text.as_str() {
            "group" => members(item, &mut draft, report),
            "track_script" => track::read(item, &mut draft.tracks, report),
            "track_interface" => track::read(item, &mut draft.links, report),
            "track_file" => track::read(item, &mut draft.files, report),
            "track_process" => track::read(item, &mut draft.processes, report),
            // The second is the first's old name, and does the same (measured with 2.2.7).
            "sync_group_tracking_weight" | "global_tracking" => {
                bare(item, report);
                draft.weights = true;
            }
            _ if notify::read(item, &notify::GROUP_KEYWORDS, &mut draft.notify, report) => {}
            _ => other(Context::Group, item, report),
        }
    }
    draft
}

/// The names in the block, one or several a line.
fn members(item: &Item, draft: &mut GroupDraft, report: &mut Report) {
    if let Some(first) = draft.list {
        let message = format!(
            "`{}` has its members already: this list is skipped",
            draft.name.text
        );
        report
            .error(item.keyword.span, message)
            .hint(format!("write them into the list in line {}", first.line));
        return;
    }
    draft.list = Some(item.keyword.span);
    for line in item.block.as_deref().unwrap_or_default() {
        if line.keyword.text.is_empty() {
            continue;
        }
        for name in core::iter::once(&line.keyword).chain(&line.arguments) {
            let name = without_semicolon(word(name), report);
            draft.members.push(Word {
                text: name.text.to_owned(),
                span: name.span,
                quoted: false,
            });
        }
    }
}
