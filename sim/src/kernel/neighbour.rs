//! The neighbour table: which hardware address an IP address is at, with Linux's state machine, which
//! is one for ARP and for IPv6's neighbour discovery.
//!
//! The durations that clients feel come from here, so the constants are Linux's defaults:
//! `base_reachable_time` 30 s (without its randomness; clients may set their own),
//! `delay_first_probe_time` 5 s, `ucast_solicit` 3, `mcast_solicit` 3, `retrans_time` 1 s,
//! `locktime` 1 s. Traffic doesn't confirm an entry: pings don't, as the captures show (a client
//! that was answered until 0.7 s before still probed), and nothing else runs in the simulation.
//!
//! What follows for a client whose server falls silent without an announcement: a gratuitous ARP
//! makes its entry STALE, the next packet moves it to DELAY, 5 s later it probes the old server
//! three times, 1 s apart, and 3 s later gives up and asks everybody. Eight seconds after the last
//! announcement at the latest it finds the new server. In the capture `split-and-heal` the split
//! healed 4.4 s after it, and the client was without service for the rest: 3.7 s.
//!
//! Over IPv6 there is no lock time: what doesn't override never replaces another hardware address.
//!
//! Source: behaviour of `net/core/neighbour.c`, `net/ipv4/arp.c` and `net/ipv6/ndisc.c`.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::Instant;
use locum_engine::ids::MacAddr;

const DELAY_FIRST_PROBE: Duration = Duration::from_secs(5);
const RETRANS: Duration = Duration::from_secs(1);
const LOCKTIME: Duration = Duration::from_secs(1);
const SOLICIT_MAX: u8 = 3;
/// Packets that wait for an answer; the oldest is dropped for a new one.
const WAITING_MAX: usize = 3;
/// Linux's `gc_thresh3`: new neighbours beyond that are refused.
const ENTRIES_MAX: usize = 1024;

/// Linux's NUD states, without those that nothing here enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Asked for by broadcast or multicast; packets wait.
    Incomplete,
    /// Confirmed not long ago.
    Reachable,
    /// Believed, but to be verified when used.
    Stale,
    /// Used while unverified; will be verified soon.
    Delay,
    /// Being verified by unicast.
    Probe,
    /// Not there. The next packet asks again.
    Failed,
}

impl State {
    const fn is_valid(self) -> bool {
        !matches!(self, Self::Incomplete | Self::Failed)
    }
}

/// A question to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) target: IpAddr,
    /// Whom; everybody when `None`.
    pub(crate) to: Option<MacAddr>,
    /// In whose name; the host's own address when `None`.
    pub(crate) sender: Option<IpAddr>,
}

/// A frame without its destination, and the address it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) source: IpAddr,
    pub(crate) frame: Vec<u8>,
}

/// What becomes of a frame.
#[derive(Debug)]
pub(crate) enum Route {
    /// It goes there now.
    To(MacAddr, Vec<u8>),
    /// It waits, and this is to be asked.
    Ask(Ask),
    /// It waits with others, or had to be dropped.
    Wait,
}

/// What an ARP packet, a solicitation or an advertisement says about a neighbour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    pub(crate) ip: IpAddr,
    pub(crate) mac: MacAddr,
    /// A reply addressed to this host: the neighbour is there.
    pub(crate) confirms: bool,
    /// An announcement, or a question to this host: believed at once, even within the lock time.
    pub(crate) overrides: bool,
    /// A question to this host: worth a new entry.
    pub(crate) creates: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    ip: IpAddr,
    mac: MacAddr,
    state: State,
    deadline: Option<Instant>,
    asked: u8,
    used: Instant,
    updated: Instant,
    confirmed: Option<Instant>,
    waiting: Vec<Waiting>,
}

/// The table of one host. Times are the host's local time.
#[derive(Clone, Debug)]
pub(crate) struct Neighbours {
    reachable: Duration,
    entries: Vec<Entry>,
}

impl Neighbours {
    pub(crate) const fn new(reachable: Duration) -> Self {
        Self {
            reachable,
            entries: Vec::new(),
        }
    }

    /// Forgets everything, as Linux does when the NIC loses carrier.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Where an address is believed to be, and how firmly.
    pub(crate) fn lookup(&self, ip: IpAddr) -> Option<(MacAddr, State)> {
        let entry = self.entries.iter().find(|entry| entry.ip == ip)?;
        Some((entry.mac, entry.state))
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|entry| entry.deadline).min()
    }

    /// Finds the way of a frame to a neighbour.
    pub(crate) fn route(&mut self, now: Instant, ip: IpAddr, packet: Waiting) -> Route {
        let Some(entry) = self.find_or_create(now, ip) else {
            return Route::Wait;
        };
        entry.used = now;
        match entry.state {
            State::Reachable | State::Delay | State::Probe => {
                return Route::To(entry.mac, packet.frame);
            }
            State::Stale => {
                entry.enter(State::Delay, Some(now + DELAY_FIRST_PROBE));
                entry.updated = now;
                return Route::To(entry.mac, packet.frame);
            }
            State::Incomplete | State::Failed => {}
        }
        let sender = Some(packet.source);
        if entry.waiting.len() == WAITING_MAX {
            entry.waiting.remove(0);
        }
        entry.waiting.push(packet);
        if entry.state == State::Incomplete {
            return Route::Wait;
        }
        entry.enter(State::Incomplete, Some(now + RETRANS));
        entry.asked = 1;
        entry.updated = now;
        Route::Ask(Ask {
            target: ip,
            to: None,
            sender,
        })
    }

    /// Takes in what an ARP packet says; hands out the frames that waited for it.
    pub(crate) fn learn(&mut self, now: Instant, news: News) -> Vec<Waiting> {
        let reachable = self.reachable;
        let entry = if news.creates {
            self.find_or_create(now, news.ip)
        } else {
            self.entries.iter_mut().find(|entry| entry.ip == news.ip)
        };
        match entry {
            Some(entry) => entry.learn(now, news, reachable),
            None => Vec::new(),
        }
    }

    /// Does what is due; `asks` takes the questions.
    pub(crate) fn run_timers(&mut self, now: Instant, asks: &mut Vec<Ask>) {
        for entry in &mut self.entries {
            if entry.deadline.is_some_and(|deadline| deadline <= now) {
                asks.extend(entry.expire(now, self.reachable));
            }
        }
    }

    fn find_or_create(&mut self, now: Instant, ip: IpAddr) -> Option<&mut Entry> {
        if let Some(at) = self.entries.iter().position(|entry| entry.ip == ip) {
            return Some(&mut self.entries[at]);
        }
        if self.entries.len() >= ENTRIES_MAX {
            return None;
        }
        self.entries.push(Entry {
            ip,
            mac: MacAddr::default(),
            state: State::Failed,
            deadline: None,
            asked: 0,
            used: now,
            updated: now,
            confirmed: None,
            waiting: Vec::new(),
        });
        self.entries.last_mut()
    }
}

impl Entry {
    const fn enter(&mut self, state: State, deadline: Option<Instant>) {
        self.state = state;
        self.deadline = deadline;
    }

    fn learn(&mut self, now: Instant, news: News, reachable: Duration) -> Vec<Waiting> {
        let moved = news.mac != self.mac;
        let locked = now.saturating_since(self.updated) <= LOCKTIME;
        if self.state.is_valid() {
            if moved && !news.overrides && (locked || news.ip.is_ipv6()) {
                return Vec::new();
            }
            if !moved && !news.confirms {
                return Vec::new();
            }
        }
        let (state, deadline) = if news.confirms {
            self.confirmed = Some(now);
            (State::Reachable, Some(now + reachable))
        } else {
            self.confirmed = None;
            (State::Stale, None)
        };
        if moved || state != self.state {
            self.updated = now;
        }
        self.mac = news.mac;
        self.enter(state, deadline);
        core::mem::take(&mut self.waiting)
    }

    fn expire(&mut self, now: Instant, reachable: Duration) -> Option<Ask> {
        match self.state {
            State::Reachable => {
                if now.saturating_since(self.used) <= DELAY_FIRST_PROBE {
                    self.enter(State::Delay, Some(now + DELAY_FIRST_PROBE));
                } else {
                    self.enter(State::Stale, None);
                }
                self.updated = now;
                None
            }
            State::Delay => {
                let fresh = |at| now.saturating_since(at) <= DELAY_FIRST_PROBE;
                if self.confirmed.is_some_and(fresh) {
                    self.enter(State::Reachable, Some(now + reachable));
                    return None;
                }
                self.enter(State::Probe, None);
                self.asked = 0;
                self.solicit(now)
            }
            State::Incomplete | State::Probe => self.solicit(now),
            State::Stale | State::Failed => {
                self.deadline = None;
                None
            }
        }
    }

    /// Asks once more, or gives up; packets that waited are then lost.
    fn solicit(&mut self, now: Instant) -> Option<Ask> {
        if self.asked == SOLICIT_MAX {
            self.enter(State::Failed, None);
            self.waiting.clear();
            self.updated = now;
            return None;
        }
        self.asked += 1;
        self.deadline = Some(now + RETRANS);
        Some(Ask {
            target: self.ip,
            to: (self.state == State::Probe).then_some(self.mac),
            sender: self.waiting.first().map(|packet| packet.source),
        })
    }
}
