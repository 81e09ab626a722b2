//! The acceptance ladder: which packets are used, and why the others are not.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::guard::Guard;
use crate::config::{Auth, InstanceConfig, OldChecksum, Unicast, Version};
use crate::fsm::Heard;
use crate::input::Datagram;
use crate::rare::Rare;
use crate::time::Centis;
use crate::wire::advert::version_number;
use crate::wire::trailer::{self, Origin};
use crate::wire::{self, AdvertView, ChecksumForm, Family, GROUP_V4, TTL, ah};

/// Why a packet was not used, in the order in which it is checked.
///
/// The order is keepalived's (`vrrp_check_packet`), with one difference: nothing happens to any
/// timer before the last rung. Of two faults in one packet the earlier one is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Discard {
    /// Too short to tell which virtual router it is for.
    Truncated,
    /// No instance on this interface has that VRID.
    UnknownVrid,
    /// The instance isn't listening: it has not started, or is in fault.
    NotListening,
    /// It comes from our own address: a loop in the network, or a second router that has it.
    Own,
    /// An authentication header although we don't use `auth_type AH`, or none although we do.
    HeaderMismatch,
    /// Too short for its address count.
    Length,
    /// TTL or hop limit isn't 255: it came from another network. Not asked of unicast adverts.
    Ttl,
    /// Another protocol version than ours.
    Version,
    /// No `auth_hmac` trailer, and the mode is `enforce`.
    TrailerMissing,
    /// A trailer from somebody who isn't one of our unicast peers.
    TrailerStranger,
    /// A trailer of another type, or with something in its reserved bytes.
    TrailerMalformed,
    /// A trailer stamped outside the time window: an old advert, or a clock that is wrong.
    TrailerStale,
    /// A trailer signed with a key whose id we don't have.
    TrailerKey,
    /// A trailer whose HMAC is wrong: another key of the same id, or a forgery.
    TrailerForged,
    /// A trailer that we have seen, or an earlier one.
    TrailerReplayed,
    /// An authentication type that VRRP doesn't have.
    AuthTypeUnknown,
    /// Another authentication type than ours.
    AuthTypeMismatch,
    /// The wrong password.
    AuthFailed,
    /// An authentication header whose ICV is wrong: another password, or a forgery.
    HeaderForged,
    /// An authentication header whose SPI isn't its source address.
    HeaderSpi,
    /// An authentication header with a sequence number that was used already.
    HeaderReplayed,
    /// VRRPv2 with another interval than ours (RFC 3768 7.1 demands a discard).
    IntervalMismatch,
    /// VRRPv3 with interval zero (RFC 9568 errata 8301).
    IntervalZero,
    /// Not an advert.
    Type,
    /// Wrong checksum.
    Checksum,
    /// Sent to us alone although we talk to the group.
    Destination,
    /// Sent to the group, or to another address of ours, although we talk to peers.
    NotToUs,
    /// We own the addresses, and `owner_ignore_adverts` is on.
    OwnerIgnores,
    /// Its source isn't one of our unicast peers (`check_unicast_src`).
    NotAPeer,
    /// Its TTL is outside the peer's `min_ttl` and `max_ttl`.
    PeerTtl,
}

impl Discard {
    /// How many there are: the length of a table of counters.
    pub const COUNT: usize = 30;

    /// The position in such a table, and in the ladder.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Truncated => "too short",
            Self::UnknownVrid => "unknown VRID",
            Self::NotListening => "not listening",
            Self::Own => "sent from our own address, by a loop or by a second router that has it",
            Self::HeaderMismatch => "AH on one side only: auth_type differs",
            Self::Length => "too short for its address count",
            Self::Ttl => "TTL is not 255",
            Self::Version => "another protocol version",
            Self::TrailerMissing => "not signed, which auth_hmac's mode demands",
            Self::TrailerStranger => "signed, but not a unicast peer",
            Self::TrailerMalformed => "malformed auth_hmac trailer",
            Self::TrailerStale => {
                "signed too long ago or in the future: an old advert, or clocks apart"
            }
            Self::TrailerKey => "signed with a key that isn't among ours",
            Self::TrailerForged => "wrong signature: another key of the same id, or a forgery",
            Self::TrailerReplayed => "a replay of a signed advert",
            Self::AuthTypeUnknown => "unknown authentication type",
            Self::AuthTypeMismatch => "another authentication type",
            Self::AuthFailed => "wrong password",
            Self::HeaderForged => "wrong AH digest: another auth_pass, or a forgery",
            Self::HeaderSpi => "AH with an SPI that isn't the source address",
            Self::HeaderReplayed => "a replay: AH with an old sequence number",
            Self::IntervalMismatch => "another advert_int",
            Self::IntervalZero => "interval zero",
            Self::Type => "not an advert",
            Self::Checksum => "wrong checksum",
            Self::Destination => "sent to us alone",
            Self::NotToUs => "not sent to our unicast address",
            Self::OwnerIgnores => "we own the addresses",
            Self::NotAPeer => "not a unicast peer",
            Self::PeerTtl => "TTL outside the peer's limits",
        })
    }
}

/// An advert that passed every rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// What the election needs.
    pub(crate) heard: Heard,
    /// It lists other addresses than ours. Tolerated, as in keepalived 2.3.3: dropping it would
    /// make two masters out of a configuration that is being rolled out.
    pub(crate) addresses_differ: bool,
    /// The form of its checksum.
    pub(crate) checksum: Form,
}

/// The form of a checksum that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One that the RFCs or today's keepalived send.
    Current(ChecksumForm),
    /// See [`OldChecksum`].
    Old,
}

impl Form {
    /// What the checksum is of.
    pub(crate) fn summed(self) -> ChecksumForm {
        match self {
            Self::Current(form) => form,
            Self::Old => ChecksumForm::PseudoHeader,
        }
    }
}

/// What a packet is held against.
#[derive(Debug)]
pub(crate) struct Ladder<'a> {
    pub(crate) config: &'a InstanceConfig,
    /// The address that our own adverts come from.
    pub(crate) us: Option<IpAddr>,
    /// The wall clock.
    pub(crate) utc: Duration,
    /// We own the addresses, and look no further.
    pub(crate) owner_ignores: bool,
    /// Remembers what was authenticated, so that it can't be used again.
    pub(crate) guard: &'a mut Rare<Guard>,
}

impl Ladder<'_> {
    /// Climbs the ladder from [`Discard::HeaderMismatch`] on; the engine has checked the rungs
    /// before.
    pub(crate) fn climb(self, datagram: &Datagram<'_>) -> Result<Accepted, Discard> {
        let config = self.config;
        let wants_header = matches!(config.auth, Auth::Header(_));
        if (datagram.protocol == ah::PROTOCOL) != wants_header {
            return Err(Discard::HeaderMismatch);
        }
        let message = wire::message(datagram.protocol, datagram.payload).ok_or(Discard::Length)?;
        let family = Family::of(datagram.source);
        let view = AdvertView::new(message, config.version, family).map_err(|_| Discard::Length)?;
        if config.unicast.is_none() && datagram.ttl != TTL {
            return Err(Discard::Ttl);
        }
        if view.version_number() != version_number(config.version) {
            return Err(Discard::Version);
        }
        let (us, owner_ignores) = (self.us, self.owner_ignores);
        self.authenticate(&view, message, datagram)?;
        judge(config, (us, owner_ignores), &view, datagram)
    }

    fn authenticate(
        self,
        view: &AdvertView<'_>,
        message: &[u8],
        datagram: &Datagram<'_>,
    ) -> Result<(), Discard> {
        let Self {
            config,
            utc,
            guard,
            us: _,
            owner_ignores: _,
        } = self;
        if let Some(hmac) = &config.hmac {
            let origin = Origin {
                version: view.version_number(),
                vrid: view.vrid(),
                source: datagram.source,
            };
            let trailer = trailer::View::behind(message, view.len());
            let peers = config.unicast.as_ref();
            guard
                .stamps
                .admit(hmac, peers, utc, (datagram.source, trailer), &origin)?;
        }
        if config.version == Version::V3 {
            return Ok(());
        }
        match (view.auth_type(), config.auth) {
            (0, Auth::None) => Ok(()),
            (1, Auth::Password(ours)) => {
                // The password goes in the clear: how long the comparison takes tells nothing new.
                // Over IPv6 keepalived says that there is one and sends none.
                let right = datagram.source.is_ipv6() || view.auth_data() == ours;
                right.then_some(()).ok_or(Discard::AuthFailed)
            }
            (2, Auth::Header(key)) => guard.check_header(&key, datagram),
            (0..=2, _) => Err(Discard::AuthTypeMismatch),
            (_, _) => Err(Discard::AuthTypeUnknown),
        }
    }
}

/// The rungs after authentication.
fn judge(
    config: &InstanceConfig,
    (us, owner_ignores): (Option<IpAddr>, bool),
    view: &AdvertView<'_>,
    datagram: &Datagram<'_>,
) -> Result<Accepted, Discard> {
    let interval = match config.version {
        Version::V2 => check_v2(config, view)?,
        Version::V3 => Centis::new(view.interval()).ok_or(Discard::IntervalZero)?,
    };
    if view.kind() != 1 {
        return Err(Discard::Type);
    }
    let checksum = check_sum(config, view, datagram).ok_or(Discard::Checksum)?;
    match &config.unicast {
        None if datagram.destination != config.group() => return Err(Discard::Destination),
        Some(_) if us != Some(datagram.destination) => return Err(Discard::NotToUs),
        None | Some(_) => {}
    }
    if owner_ignores {
        return Err(Discard::OwnerIgnores);
    }
    if let Some(unicast) = &config.unicast {
        check_peer(unicast, datagram)?;
    }
    let heard = Heard {
        source: datagram.source,
        priority: view.priority(),
        interval,
    };
    Ok(Accepted {
        heard,
        addresses_differ: !same_addresses(config, view),
        checksum,
    })
}

/// The checksum's form, if it is right in one that is allowed here.
fn check_sum(
    config: &InstanceConfig,
    view: &AdvertView<'_>,
    datagram: &Datagram<'_>,
) -> Option<Form> {
    let (from, to) = (datagram.source, datagram.destination);
    let old = match (&config.unicast, config.version, Family::of(from)) {
        (Some(unicast), Version::V3, Family::V4) if !to.is_multicast() => unicast.old_checksum,
        _ => OldChecksum::Never,
    };
    let current = || view.checksum_form(from, to).map(Form::Current);
    let old_form = || {
        let form = view.checksum_form(from, GROUP_V4.into());
        (form == Some(ChecksumForm::PseudoHeader)).then_some(Form::Old)
    };
    match old {
        OldChecksum::Never => current(),
        OldChecksum::Always => old_form(),
        OldChecksum::Detect => current().or_else(old_form),
    }
}

fn check_peer(unicast: &Unicast, datagram: &Datagram<'_>) -> Result<(), Discard> {
    match unicast.peer(datagram.source) {
        None if unicast.check_source => Err(Discard::NotAPeer),
        Some(peer) if !peer.ttl.contains(&datagram.ttl) => Err(Discard::PeerTtl),
        _ => Ok(()),
    }
}

fn check_v2(config: &InstanceConfig, view: &AdvertView<'_>) -> Result<Centis, Discard> {
    if view.interval() != u16::from(config.advert_interval.to_seconds()) * 100 {
        return Err(Discard::IntervalMismatch);
    }
    Ok(config.advert_interval)
}

/// The same set of addresses; the order doesn't matter.
fn same_addresses(config: &InstanceConfig, view: &AdvertView<'_>) -> bool {
    usize::from(view.count()) == config.addresses.len()
        && view
            .addresses()
            .all(|theirs| config.addresses.iter().any(|a| a.address == theirs))
}
