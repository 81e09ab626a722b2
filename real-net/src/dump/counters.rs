//! keepalived's counters, made of ours.

use locum_engine::router::accept::Discard;
use locum_engine::status::InstanceView;

/// Of one instance, since it was made or the counters were cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) became_master: u64,
    pub(super) released_master: u64,
    pub(super) length: u64,
    pub(super) interval: u64,
    pub(super) ttl: u64,
    pub(super) kind: u64,
    pub(super) addresses: u64,
    pub(super) auth_unknown: u64,
    pub(super) auth_mismatch: u64,
    pub(super) auth_failure: u64,
    pub(super) zero_received: u64,
    pub(super) zero_sent: u64,
}

impl Counters {
    /// What an instance has counted so far.
    pub(super) fn of(instance: InstanceView<'_>) -> Self {
        use Discard::*;
        let stats = instance.stats();
        let sum = |whys: &[Discard]| whys.iter().map(|why| stats.discarded[why.index()]).sum();
        Self {
            received: stats.accepted(),
            sent: stats.sent,
            became_master: stats.became_master,
            released_master: stats.released_master,
            length: sum(&[Truncated, Length]),
            interval: sum(&[IntervalMismatch, IntervalZero]),
            ttl: sum(&[Ttl, PeerTtl]),
            kind: sum(&[Type]),
            addresses: stats.addresses_differed,
            auth_unknown: sum(&[AuthTypeUnknown]),
            auth_mismatch: sum(&[AuthTypeMismatch, HeaderMismatch]),
            auth_failure: sum(&[
                AuthFailed,
                HeaderForged,
                HeaderSpi,
                HeaderReplayed,
                TrailerMissing,
                TrailerStranger,
                TrailerMalformed,
                TrailerStale,
                TrailerKey,
                TrailerForged,
                TrailerReplayed,
            ]),
            zero_received: stats.resignations,
            zero_sent: stats.resigned,
        }
    }

    /// Since they were cleared; an instance that was made anew counts from zero.
    pub(super) fn since(self, cleared: Self) -> Self {
        let less = |now: u64, then: u64| now.checked_sub(then).unwrap_or(now);
        Self {
            received: less(self.received, cleared.received),
            sent: less(self.sent, cleared.sent),
            became_master: less(self.became_master, cleared.became_master),
            released_master: less(self.released_master, cleared.released_master),
            length: less(self.length, cleared.length),
            interval: less(self.interval, cleared.interval),
            ttl: less(self.ttl, cleared.ttl),
            kind: less(self.kind, cleared.kind),
            addresses: less(self.addresses, cleared.addresses),
            auth_unknown: less(self.auth_unknown, cleared.auth_unknown),
            auth_mismatch: less(self.auth_mismatch, cleared.auth_mismatch),
            auth_failure: less(self.auth_failure, cleared.auth_failure),
            zero_received: less(self.zero_received, cleared.zero_received),
            zero_sent: less(self.zero_sent, cleared.zero_sent),
        }
    }

    /// The answer to SIGUSR2 for one instance.
    pub(super) fn text(self, name: &str) -> String {
        format!(
            "VRRP Instance: {name}
  Advertisements:
    Received: {}
    Sent: {}
  Became master: {}
  Released master: {}
  Packet Errors:
    Length: {}
    TTL: {}
    Invalid Type: {}
    Advertisement Interval: {}
    Address List: {}
  Authentication Errors:
    Invalid Type: {}
    Type Mismatch: {}
    Failure: {}
  Priority Zero:
    Received: {}
    Sent: {}
",
            self.received,
            self.sent,
            self.became_master,
            self.released_master,
            self.length,
            self.ttl,
            self.kind,
            self.interval,
            self.addresses,
            self.auth_unknown,
            self.auth_mismatch,
            self.auth_failure,
            self.zero_received,
            self.zero_sent
        )
    }
}
