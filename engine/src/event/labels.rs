//! Short names for reasons, which don't change from version to version: for metrics and machines.

use super::{Announcement, Reason};
use crate::plan::Moves;
use crate::router::accept::Discard;

/// By [`Reason::index`].
const LABELS: [&str; 27] = [
    "started",
    "owner",
    "master_silent",
    "master_resigned",
    "preempted",
    "higher_priority",
    "equal_priority_higher_address",
    "link_down",
    "no_source_address",
    "tracked_link",
    "no_peers",
    "check_failed",
    "check_pending",
    "file_fault",
    "file_pending",
    "process_fault",
    "process_pending",
    "static_missing",
    "partner_fault",
    "partner_yielded",
    "address_refused",
    "recovered",
    "held_up",
    "drained",
    "stopping",
    "removed",
    "source_gone",
];

impl Reason {
    /// The reason as one word in the manner of `master_silent`, without its particulars.
    pub const fn label(&self) -> &'static str {
        LABELS[self.index() as usize]
    }

    /// The position among the labels.
    pub(crate) const fn index(&self) -> u8 {
        match self {
            Self::Started => 0,
            Self::Owner => 1,
            Self::MasterSilent { .. } => 2,
            Self::MasterResigned { .. } => 3,
            Self::Preempted { .. } => 4,
            Self::HigherPriority { .. } => 5,
            Self::EqualPriorityHigherAddress { .. } => 6,
            Self::LinkDown => 7,
            Self::NoSourceAddress => 8,
            Self::TrackedLink { .. } => 9,
            Self::NoPeers => 10,
            Self::CheckFailed { .. } => 11,
            Self::CheckPending { .. } => 12,
            Self::FileFault { .. } => 13,
            Self::FilePending { .. } => 14,
            Self::ProcessFault { .. } => 15,
            Self::ProcessPending { .. } => 16,
            Self::StaticMissing { .. } => 17,
            Self::PartnerFault { .. } => 18,
            Self::PartnerYielded { .. } => 19,
            Self::AddressRefused { .. } => 20,
            Self::Recovered => 21,
            Self::HeldUp { .. } => 22,
            Self::Drained => 23,
            Self::Stopping => 24,
            Self::Removed => 25,
            Self::SourceGone { .. } => 26,
        }
    }

    /// The label at such a position.
    pub(crate) fn label_at(index: u8) -> &'static str {
        LABELS.get(usize::from(index)).copied().unwrap_or("unknown")
    }

    /// The reason in terms of the new configuration; `None` when it speaks of what isn't there any
    /// more.
    pub(crate) fn moved(self, moves: &Moves) -> Option<Self> {
        Some(match self {
            Self::TrackedLink { interface, up } => Self::TrackedLink {
                interface: moves.interface(interface)?,
                up,
            },
            Self::CheckFailed { check } => Self::CheckFailed {
                check: moves.check(check)?,
            },
            Self::CheckPending { check } => Self::CheckPending {
                check: moves.check(check)?,
            },
            Self::FileFault { file, value } => Self::FileFault {
                file: (*moves.files.get(file.index())?)?,
                value,
            },
            Self::FilePending { file } => Self::FilePending {
                file: (*moves.files.get(file.index())?)?,
            },
            Self::ProcessFault { process } => Self::ProcessFault {
                process: (*moves.processes.get(process.index())?)?,
            },
            Self::ProcessPending { process } => Self::ProcessPending {
                process: (*moves.processes.get(process.index())?)?,
            },
            Self::PartnerFault { partner } => Self::PartnerFault {
                partner: moves.instance(partner)?,
            },
            Self::PartnerYielded { partner } => Self::PartnerYielded {
                partner: moves.instance(partner)?,
            },
            // Positions of static items aren't translated.
            Self::StaticMissing { .. } => return None,
            Self::Started
            | Self::Owner
            | Self::MasterSilent { .. }
            | Self::MasterResigned { .. }
            | Self::Preempted { .. }
            | Self::HigherPriority { .. }
            | Self::EqualPriorityHigherAddress { .. }
            | Self::LinkDown
            | Self::NoSourceAddress
            | Self::SourceGone { .. }
            | Self::NoPeers
            | Self::AddressRefused { .. }
            | Self::Recovered
            | Self::HeldUp { .. }
            | Self::Drained
            | Self::Stopping
            | Self::Removed => self,
        })
    }
}

impl Announcement {
    /// All of them, by [`Announcement::index`].
    pub const ALL: [Self; 9] = [
        Self::Takeover,
        Self::Delayed,
        Self::Refresh,
        Self::Elsewhere,
        Self::Contest,
        Self::Settled,
        Self::Late,
        Self::PutBack,
        Self::Configured,
    ];

    /// The position in a table of counters.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// As one word.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Takeover => "takeover",
            Self::Delayed => "delayed",
            Self::Refresh => "refresh",
            Self::Elsewhere => "elsewhere",
            Self::Contest => "contest",
            Self::Settled => "settled",
            Self::Late => "late",
            Self::PutBack => "put_back",
            Self::Configured => "configured",
        }
    }
}

impl Discard {
    /// All of them, by [`Discard::index`].
    pub const ALL: [Self; Self::COUNT] = [
        Self::Truncated,
        Self::UnknownVrid,
        Self::NotListening,
        Self::Own,
        Self::HeaderMismatch,
        Self::Length,
        Self::Ttl,
        Self::Version,
        Self::TrailerMissing,
        Self::TrailerStranger,
        Self::TrailerMalformed,
        Self::TrailerStale,
        Self::TrailerKey,
        Self::TrailerForged,
        Self::TrailerReplayed,
        Self::AuthTypeUnknown,
        Self::AuthTypeMismatch,
        Self::AuthFailed,
        Self::HeaderForged,
        Self::HeaderSpi,
        Self::HeaderReplayed,
        Self::IntervalMismatch,
        Self::IntervalZero,
        Self::Type,
        Self::Checksum,
        Self::Destination,
        Self::NotToUs,
        Self::OwnerIgnores,
        Self::NotAPeer,
        Self::PeerTtl,
    ];

    /// As one word in the manner of `auth_failed`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::UnknownVrid => "unknown_vrid",
            Self::NotListening => "not_listening",
            Self::Own => "own",
            Self::HeaderMismatch => "header_mismatch",
            Self::Length => "length",
            Self::Ttl => "ttl",
            Self::Version => "version",
            Self::TrailerMissing => "trailer_missing",
            Self::TrailerStranger => "trailer_stranger",
            Self::TrailerMalformed => "trailer_malformed",
            Self::TrailerStale => "trailer_stale",
            Self::TrailerKey => "trailer_key",
            Self::TrailerForged => "trailer_forged",
            Self::TrailerReplayed => "trailer_replayed",
            Self::AuthTypeUnknown => "auth_type_unknown",
            Self::AuthTypeMismatch => "auth_type_mismatch",
            Self::AuthFailed => "auth_failed",
            Self::HeaderForged => "header_forged",
            Self::HeaderSpi => "header_spi",
            Self::HeaderReplayed => "header_replayed",
            Self::IntervalMismatch => "interval_mismatch",
            Self::IntervalZero => "interval_zero",
            Self::Type => "type",
            Self::Checksum => "checksum",
            Self::Destination => "destination",
            Self::NotToUs => "not_to_us",
            Self::OwnerIgnores => "owner_ignores",
            Self::NotAPeer => "not_a_peer",
            Self::PeerTtl => "peer_ttl",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_the_order_of_their_indices() {
        for (index, why) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(why.index(), index, "{}", why.label());
        }
        for (index, why) in Announcement::ALL.into_iter().enumerate() {
            assert_eq!(why.index(), index, "{}", why.label());
        }
    }
}
