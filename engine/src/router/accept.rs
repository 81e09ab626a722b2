//! The acceptance ladder: which packets are used, and why the others are not.

use core::fmt;

/// Why a packet was not used, in the order in which it is checked.
///
/// The order is keepalived's (`vrrp_check_packet`), with one difference: nothing happens to any
/// timer before the last rung. Of two faults in one packet the earlier one is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Discard {
    /// Too short to tell which virtual router it is for.
    Truncated,
    /// No instance on this interface has that VRID.
    UnknownVrid,
    /// The instance isn't listening: it has not started, or is in fault.
    NotListening,
    /// Our own advert came back to us.
    Own,
    /// Length and address count don't agree.
    Length,
    /// TTL or hop limit isn't 255: it came from another network.
    Ttl,
    /// Another protocol version than ours.
    Version,
    /// An authentication type that VRRP doesn't have.
    AuthTypeUnknown,
    /// Another authentication type than ours.
    AuthTypeMismatch,
    /// The wrong password.
    AuthFailed,
    /// VRRPv2 with another interval than ours (RFC 3768 7.1 demands a discard).
    IntervalMismatch,
    /// VRRPv3 with interval zero (errata 8301).
    IntervalZero,
    /// Not an advert.
    Type,
    /// Wrong checksum.
    Checksum,
    /// Sent to us alone although we talk to the group.
    Destination,
    /// An owner hears another owner: a configuration error that can't be resolved by yielding.
    TwoOwners,
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Truncated => "too short",
            Self::UnknownVrid => "unknown VRID",
            Self::NotListening => "not listening",
            Self::Own => "our own advert",
            Self::Length => "length and address count disagree",
            Self::Ttl => "TTL is not 255",
            Self::Version => "another protocol version",
            Self::AuthTypeUnknown => "unknown authentication type",
            Self::AuthTypeMismatch => "another authentication type",
            Self::AuthFailed => "wrong password",
            Self::IntervalMismatch => "another advert_int",
            Self::IntervalZero => "interval zero",
            Self::Type => "not an advert",
            Self::Checksum => "wrong checksum",
            Self::Destination => "sent to us alone",
            Self::TwoOwners => "another owner (priority 255)",
        })
    }
}
