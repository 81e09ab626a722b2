//! The words scenario files use: "did you mean", and names for what the engine counts in enums.

use locum_engine::event::{Reason, StateKind};

/// `did you mean ...?`, when a candidate is near enough to be a typing mistake.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let allowed = match word.chars().count() {
        0 | 1 => 0,
        2..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&word, &c.to_lowercase()), c))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

/// The words for [`StateKind`], and for a daemon that isn't running.
pub const STATES: [(&str, Option<StateKind>); 5] = [
    ("init", Some(StateKind::Init)),
    ("backup", Some(StateKind::Backup)),
    ("master", Some(StateKind::Master)),
    ("fault", Some(StateKind::Fault)),
    ("down", None),
];

/// The words for [`Reason`] in expectations.
pub const REASONS: [&str; 27] = [
    "started",
    "owner",
    "master silent",
    "master resigned",
    "preempted",
    "higher priority",
    "equal priority",
    "link down",
    "no source address",
    "source gone",
    "no peers",
    "check failed",
    "check pending",
    "file fault",
    "file pending",
    "process fault",
    "process pending",
    "tracked link",
    "partner fault",
    "partner yielded",
    "static missing",
    "address refused",
    "recovered",
    "held up",
    "drained",
    "stopping",
    "removed",
];

/// The word for a reason; one of [`REASONS`].
pub fn reason(why: Reason) -> &'static str {
    match why {
        Reason::Started => "started",
        Reason::Owner => "owner",
        Reason::MasterSilent { .. } => "master silent",
        Reason::MasterResigned { .. } => "master resigned",
        Reason::Preempted { .. } => "preempted",
        Reason::HigherPriority { .. } => "higher priority",
        Reason::EqualPriorityHigherAddress { .. } => "equal priority",
        Reason::LinkDown => "link down",
        Reason::SourceGone { .. } => "source gone",
        Reason::NoSourceAddress => "no source address",
        Reason::TrackedLink { .. } => "tracked link",
        Reason::NoPeers => "no peers",
        Reason::CheckFailed { .. } => "check failed",
        Reason::CheckPending { .. } => "check pending",
        Reason::FileFault { .. } => "file fault",
        Reason::FilePending { .. } => "file pending",
        Reason::ProcessFault { .. } => "process fault",
        Reason::ProcessPending { .. } => "process pending",
        Reason::StaticMissing { .. } => "static missing",
        Reason::PartnerFault { .. } => "partner fault",
        Reason::PartnerYielded { .. } => "partner yielded",
        Reason::AddressRefused { .. } => "address refused",
        Reason::Recovered => "recovered",
        Reason::HeldUp { .. } => "held up",
        Reason::Drained => "drained",
        Reason::Stopping => "stopping",
        Reason::Removed => "removed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let suggest = |word| did_you_mean(word, ["pull", "plug", "partition"]);
        assert_eq!(suggest("pul").as_deref(), Some("did you mean `pull`?"));
        assert_eq!(
            suggest("parttion").as_deref(),
            Some("did you mean `partition`?")
        );
        assert_eq!(suggest("explode"), None);
    }
}
