//! The keywords: which there are, where each may stand, and what is made of them.
//!
//! Each block has a reader of its own that fills a draft; references between blocks are resolved
//! later, because they may point forwards. Keywords that Locum doesn't act on yet are known by name
//! (`ignored`), so that the remark about them can say what is lost.

pub(super) mod address;
pub(super) mod auth;
pub(super) mod delays;
mod encap;
pub(super) mod family;
pub(super) mod garp;
pub(super) mod global;
pub(super) mod group;
mod ignored;
pub(super) mod instance;
mod line;
pub(super) mod multicast;
pub(super) mod notify;
mod operation;
mod recording;
pub(super) mod route;
pub(super) mod rule;
pub(super) mod script;
pub(super) mod statics;
pub(super) mod track;
pub(super) mod tuning;
pub(super) mod unicast;
mod value;
pub(super) mod vmac;
pub(super) mod watch;

use std::collections::BTreeMap;

use super::source::Report;
use super::suggest;
use super::tree::Item;
use crate::config::Operation;
use global::GlobalDraft;
use group::GroupDraft;
use ignored::Ignored;
use instance::InstanceDraft;
use script::ScriptDraft;
use statics::StaticsDraft;
use watch::{FileDraft, ProcessDraft};

/// Everything read, not yet connected.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    pub(super) global: GlobalDraft,
    pub(super) operation: Operation,
    /// `garp_group`
    pub(super) garp_groups: Vec<garp::GroupDraft>,
    pub(super) statics: StaticsDraft,
    /// `interface_up_down_delays`
    pub(super) delays: Vec<delays::DelayDraft>,
    /// Names are unique.
    pub(super) scripts: Vec<ScriptDraft>,
    /// Names are unique.
    pub(super) files: Vec<FileDraft>,
    /// Names are unique.
    pub(super) processes: Vec<ProcessDraft>,
    /// Names are unique.
    pub(super) instances: Vec<InstanceDraft>,
    /// Names are unique.
    pub(super) groups: Vec<GroupDraft>,
}

/// Reads the items of the whole file.
pub(super) fn read(items: &[Item], report: &mut Report) -> Drafts {
    let mut drafts = Drafts::default();
    let mut seen = BTreeMap::new();
    for item in items {
        match item.keyword.text.as_str() {
            "interface_up_down_delays" => delays::read(item, &mut drafts.delays, report),
            "global_defs" => global::read(item, &mut drafts, report),
            "net_namespace" => operation::net_namespace(item, &mut drafts.operation, report),
            "garp_group" => drafts.garp_groups.push(garp::group(item, report)),
            "vrrp_script" | "vrrp_instance" | "vrrp_sync_group" | "track_file"
            | "vrrp_track_file" | "track_process" | "vrrp_track_process" => {
                named(item, &mut seen, &mut drafts, report);
            }
            "static_ipaddress" | "static_routes" | "static_rules" | "track_group" => {
                drafts.statics.read(item, report);
            }
            _ => other(Context::Root, item, report),
        }
    }
    drafts
}

/// Whether the keyword has a name and then a block.
pub(super) fn is_named(keyword: &str) -> bool {
    value::STRUCTURAL.contains(&keyword)
}

/// Bytes in the name of an instance or script, at most; it is repeated in many a remark.
const LONGEST_NAME: usize = 255;

/// Reads a block whose second word is its name, unless that name is taken.
fn named<'a>(
    item: &'a Item,
    seen: &mut BTreeMap<(&'a str, &'a str), u32>,
    drafts: &mut Drafts,
    report: &mut Report,
) {
    let given = item.keyword.text.as_str();
    // Two of them have an old name.
    let keyword = match given.strip_prefix("vrrp_track_") {
        Some(_) => &given["vrrp_".len()..],
        None => given,
    };
    let Some(name) = item.arguments.first() else {
        report.fatal(item.keyword.span, format!("`{keyword}` needs a name"));
        return;
    };
    if name.text.is_empty() || name.text.len() > LONGEST_NAME {
        report.fatal(name.span, "a name has 1 to 255 bytes");
        return;
    }
    if let Some(first) = seen.get(&(keyword, &name.text)) {
        let message = format!("there is already a `{keyword}` named `{}`", name.text);
        report.error(name.span, message).hint(format!(
            "the first one (line {first}) is used, this one is skipped"
        ));
        return;
    }
    seen.insert((keyword, &name.text), name.span.line);
    value::extra(item, 1, report);
    match keyword {
        "vrrp_sync_group" => drafts.groups.push(group::read(item, name, report)),
        "track_file" => drafts.files.push(watch::file(item, name, report)),
        "track_process" => drafts.processes.push(watch::process(item, name, report)),
        "vrrp_script" => drafts.scripts.push(script::read(item, name, report)),
        _ => drafts.instances.push(instance::read(item, name, report)),
    }
}

/// What kind of block a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// No block.
    Root,
    /// `global_defs`
    Global,
    /// `vrrp_instance`
    Instance,
    /// `vrrp_script`
    Script,
    /// `track_file`
    File,
    /// `track_process`
    Process,
    /// `vrrp_sync_group`
    Group,
    /// `authentication`
    Authentication,
    /// `auth_hmac`
    Hmac,
    /// `virtual_ipaddress`, `virtual_ipaddress_excluded`, `unicast_peer`: one address a line.
    Addresses,
    /// `virtual_routes`, `virtual_rules` and their static kin: one route or rule a line.
    Objects,
    /// `track_group`, with a block of names.
    TrackGroup,
    /// `garp_group`
    GarpGroup,
    /// `track_script`, `track_interface`, `group`, `interfaces` and `interface_up_down_delays`: one
    /// name a line.
    Tracks,
    /// `notification_email`: one address a line.
    Mail,
    /// Known and skipped as a unit.
    Skipped,
    /// Unknown and skipped as a unit.
    Opaque,
}

/// The contexts that hold keywords.
const KEYWORD_CONTEXTS: [Context; 10] = [
    Context::Root,
    Context::Global,
    Context::Instance,
    Context::Script,
    Context::File,
    Context::Process,
    Context::Group,
    Context::Authentication,
    Context::Hmac,
    Context::GarpGroup,
];

/// Blocks of the root whose keywords mean nothing elsewhere.
const ROOT_BLOCKS: [&str; 5] = [
    "global_defs",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "virtual_server",
];

impl Context {
    /// What is inside the block of `keyword`.
    pub(super) fn inside(self, keyword: &str) -> Self {
        match (self, keyword) {
            (Self::Root, "global_defs") => Self::Global,
            (Self::Root, "vrrp_instance") => Self::Instance,
            (Self::Root, "vrrp_script") => Self::Script,
            (Self::Root, "vrrp_sync_group") => Self::Group,
            (Self::Root, "track_file" | "vrrp_track_file") => Self::File,
            (Self::Root, "track_process" | "vrrp_track_process") => Self::Process,
            (
                Self::Group | Self::Instance,
                "track_script" | "track_interface" | "track_file" | "track_process",
            ) => Self::Tracks,
            (Self::Root, "garp_group") => Self::GarpGroup,
            (Self::Root, "interface_up_down_delays") => Self::Tracks,
            (Self::Group | Self::TrackGroup, "group") | (Self::GarpGroup, "interfaces") => {
                Self::Tracks
            }
            (Self::Root, "static_ipaddress") => Self::Addresses,
            (Self::Root, "static_routes" | "static_rules")
            | (Self::Instance, "virtual_routes" | "virtual_rules") => Self::Objects,
            (Self::Root, "track_group") => Self::TrackGroup,
            (Self::Global, "notification_email") => Self::Mail,
            (Self::Instance, "authentication") => Self::Authentication,
            (Self::Instance, "auth_hmac") => Self::Hmac,
            (
                Self::Instance,
                "virtual_ipaddress" | "virtual_ipaddress_excluded" | "unicast_peer",
            ) => Self::Addresses,
            (Self::Skipped, _) => Self::Skipped,
            _ if ignored::find(self, keyword).is_some() => Self::Skipped,
            _ => Self::Opaque,
        }
    }

    /// Whether this keyword must be followed by a block.
    pub(super) fn opens_block(self, keyword: &str) -> bool {
        match self.inside(keyword) {
            Self::Opaque => false,
            Self::Skipped => ignored::find(self, keyword).is_some_and(|ignored| ignored.block),
            _ => true,
        }
    }

    /// Whether a line that starts with `keyword` can't belong to a block of this kind within
    /// `outer`, so that the block's `}` must be missing.
    pub(super) fn ends_before(self, outer: Self, keyword: &str) -> bool {
        match self {
            Self::Root | Self::Opaque => false,
            _ if ROOT_BLOCKS.contains(&keyword) => true,
            Self::Global
            | Self::Instance
            | Self::Script
            | Self::File
            | Self::Process
            | Self::Group
            | Self::GarpGroup
            | Self::Skipped => false,
            Self::Authentication | Self::Hmac => !self.knows(keyword) && outer.knows(keyword),
            Self::Addresses => outer.knows(keyword),
            Self::Tracks | Self::Mail | Self::Objects | Self::TrackGroup => {
                outer.opens_block(keyword)
            }
        }
    }

    fn knows(self, keyword: &str) -> bool {
        self.keywords().any(|known| known == keyword) || ignored::find(self, keyword).is_some()
    }

    /// The keywords that are acted on.
    fn keywords(self) -> impl Iterator<Item = &'static str> {
        let lists: &'static [&'static [&'static str]] = match self {
            Self::Root => &[&[
                "global_defs",
                "vrrp_instance",
                "vrrp_script",
                "vrrp_sync_group",
                "garp_group",
                "interface_up_down_delays",
                "net_namespace",
                "static_ipaddress",
                "static_routes",
                "static_rules",
                "track_group",
                "track_file",
                "vrrp_track_file",
                "track_process",
                "vrrp_track_process",
            ]],
            Self::Global => &[
                &global::KEYWORDS,
                &notify::GLOBAL_KEYWORDS,
                &operation::GLOBAL_KEYWORDS,
            ],
            Self::Instance => &[&instance::KEYWORDS, &notify::INSTANCE_KEYWORDS],
            Self::Script => &[&script::KEYWORDS],
            Self::File => &[&watch::FILE_KEYWORDS],
            Self::Process => &[&watch::PROCESS_KEYWORDS],
            Self::Group => &[&group::KEYWORDS, &notify::GROUP_KEYWORDS],
            Self::Authentication => &[&auth::AUTH_KEYWORDS],
            Self::Hmac => &[&auth::HMAC_KEYWORDS],
            Self::GarpGroup => &[&garp::GROUP_KEYWORDS],
            _ => &[],
        };
        lists.iter().copied().flatten().copied()
    }

    /// As a phrase: where a keyword belongs.
    fn place(self) -> &'static str {
        match self {
            Self::Root => "outside all blocks",
            Self::Global => "in `global_defs`",
            Self::Instance => "in a `vrrp_instance`",
            Self::Script => "in a `vrrp_script`",
            Self::File => "in a `track_file`",
            Self::Process => "in a `track_process`",
            Self::Group => "in a `vrrp_sync_group`",
            Self::Authentication => "in `authentication`",
            Self::Hmac => "in `auth_hmac`",
            Self::GarpGroup => "in a `garp_group`",
            _ => "in its block",
        }
    }
}

/// The one remark about an item that isn't acted on: its keyword is known and ignored, or belongs
/// elsewhere, or is unknown. Its block is skipped.
fn other(context: Context, item: &Item, report: &mut Report) {
    let word = item.keyword.text.as_str();
    if word.is_empty() {
        return; // A block without a keyword, reported when it was read.
    }
    if let Some(ignored) = ignored::find(context, word) {
        return ignored.report(item, report);
    }
    debug_assert!(
        !context.keywords().any(|known| known == word),
        "`{word}` has no reader"
    );
    let skipped = if item.block.is_some() {
        "its block is skipped"
    } else {
        "the line is ignored"
    };
    let elsewhere = KEYWORD_CONTEXTS.into_iter().find(|place| place.knows(word));
    if let Some(place) = elsewhere.filter(|&place| place != context) {
        let message = format!("`{word}` can't stand here: {skipped}");
        let help = format!("it belongs {}", place.place());
        report.warning(item.keyword.span, message).hint(help);
        return;
    }
    let known = context.keywords();
    let known = known.chain(
        ignored::of(context)
            .iter()
            .map(|ignored: &Ignored| ignored.name),
    );
    let nearest = match report.is_heard(item.keyword.span) {
        true => None, // Looking for it takes time, and nobody would see it.
        false => suggest::nearest(word, known),
    };
    let shown: String = word.chars().take(60).collect();
    let message = format!("unknown keyword `{shown}`: {skipped}");
    let diagnostic = report.warning(item.keyword.span, message);
    if let Some(nearest) = nearest {
        diagnostic.hint(format!("did you mean `{nearest}`?"));
    }
}
