//! Runs written by hand: streams of records as a correct run would produce them, and the means to
//! spoil them.
//!
//! A [`Play`] is a topology and a list of records in any order; judging it sorts them by time.
//! Times are milliseconds. The larger steps (`starts`, `takes_over`, `lets_go`, `adverts`) write what a
//! correct router does; the smaller ones write single records, to plant a bug with.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::sync::Arc;

use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::{
    CheckCommand, CheckConfig, Config, InstanceConfig, Track, VirtualAddress, Weight,
};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{CheckId, InstanceId, MacAddr, Priority};
use locum_engine::probe::{Probe, ProbeKind};
use locum_engine::{Event, Instant};

use super::{Jury, Report, Setup};
use crate::fault::Fault;
use crate::record::{DaemonChange, Observed, Record, Remover};
use crate::topology::{
    CableId, CableSpec, ClientSpec, End, HostId, HostSpec, Path, Role, RouterSpec, SwitchId,
    SwitchSpec, Topology,
};

/// The virtual address.
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 200);
/// The address of `a`; `b` and further routers follow.
pub(crate) const A: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 11);
/// The address of `b`.
pub(crate) const B: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 12);
/// The gateway's.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);

const VI: InstanceId = InstanceId(0);

/// A run in the making.
#[derive(Clone)]
pub(crate) struct Play {
    topology: Topology,
    records: Vec<Record>,
}

/// The host of that name.
pub(crate) fn host(topology: &Topology, name: &str) -> HostId {
    topology
        .host(name)
        .expect("the test names a host of its topology")
}

/// The cable between the two things of those names.
pub(crate) fn cable(topology: &Topology, a: &str, b: &str) -> CableId {
    let position = topology.cables.iter().position(|c| {
        let ends = [topology.end_name(c.a), topology.end_name(c.b)];
        ends == [a, b] || ends == [b, a]
    });
    CableId(position.expect("the test names a cable of its topology") as u16)
}

/// An instant.
pub(crate) const fn ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

/// A router's configuration: VRRPv3, one address, one second.
pub(crate) fn config(priority: u8) -> Config {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n version 3\n \
         priority {priority}\n advert_int 1\n address_lease off\n \
         virtual_ipaddress {{\n {VIP}/24\n }}\n}}\n"
    );
    let reading = conf::read("test.conf", &text, &mut NoIncludes);
    reading.config.expect("it can be read")
}

/// The same, tracking a ping of the gateway: interval 1 s, timeout 1 s, fall 3, rise 2.
pub(crate) fn arbitrating(priority: u8, weight: i16) -> Config {
    let mut config = config(priority);
    config.checks.push(CheckConfig {
        name: "gateway".into(),
        command: CheckCommand::Probe(Probe {
            kind: ProbeKind::Ping {
                targets: vec![GATEWAY.into()],
            },
            quorum: 1,
            timeout: Duration::from_secs(1),
        }),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 2,
        fall: 3,
        init_fail: false,
        user: None,
    });
    config.instances[0].tracks.push(Track {
        check: CheckId(0),
        weight: Weight {
            value: weight,
            reverse: false,
        },
    });
    config
}

impl Play {
    /// `a` and `b` with those configurations, `gw` and the client `user` on one switch.
    pub(crate) fn pair(a: Config, b: Config) -> Self {
        Self::on_switches(vec![a, b], &[0, 0])
    }

    /// Priorities 100 and 99.
    pub(crate) fn plain() -> Self {
        Self::pair(config(100), config(99))
    }

    /// `a` and `gw` on `sw1`, `b` and `user` on `sw2`, with arbitration by fault.
    pub(crate) fn founding() -> Self {
        Self::on_switches(vec![arbitrating(100, 0), arbitrating(99, 0)], &[0, 1])
    }

    /// Routers `a`, `b`, `c`... on the switches of those numbers; `gw` on the first switch, the
    /// client on the last; switches in a row.
    pub(crate) fn on_switches(configs: Vec<Config>, switches: &[u16]) -> Self {
        let last = switches.iter().copied().max().unwrap_or(0);
        let mut topology = Topology::default();
        for i in 0..=last {
            topology.switches.push(SwitchSpec {
                name: format!("sw{}", i + 1).into(),
                ageing: Duration::from_secs(300),
                flush_on_carrier_loss: true,
            });
            if i > 0 {
                wire(
                    &mut topology,
                    End::Switch(SwitchId(i - 1)),
                    End::Switch(SwitchId(i)),
                );
            }
        }
        for (i, config) in configs.into_iter().enumerate() {
            let role = Role::Router(RouterSpec {
                config: Arc::new(config),
                starts_at: Some(Duration::ZERO),
                wall_error: 0,
            });
            let name = char::from(b'a' + i as u8).to_string();
            let last_octet = 11 + i as u8;
            let end = place(&mut topology, &name, last_octet, role);
            wire(&mut topology, end, End::Switch(SwitchId(switches[i])));
        }
        let gateway = place(&mut topology, "gw", 1, Role::Plain);
        wire(&mut topology, gateway, End::Switch(SwitchId(0)));
        let user = Role::Client(ClientSpec {
            target: VIP.into(),
            every: Duration::from_millis(10),
            arp_lifetime: Duration::from_secs(30),
            from: Duration::ZERO,
        });
        let user = place(&mut topology, "user", 50, user);
        wire(&mut topology, user, End::Switch(SwitchId(last)));
        Self {
            topology,
            records: Vec::new(),
        }
    }

    /// `a` and `b` start at 0; `a` becomes master at 3.61 s and advertises until `until`.
    pub(crate) fn with_master(mut self, until: u64) -> Self {
        self.starts(0, "a");
        self.starts(0, "b");
        self.takes_over(3610, "a", silent(None));
        self.adverts("a", 4610, until);
        self.second_burst(8610, "a");
        self
    }

    /// What it is played on.
    pub(crate) fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The host of that name.
    pub(crate) fn host(&self, name: &str) -> HostId {
        host(&self.topology, name)
    }

    /// The cable between those two.
    pub(crate) fn cable(&self, a: &str, b: &str) -> CableId {
        cable(&self.topology, a, b)
    }

    fn spec(&self, name: &str) -> InstanceConfig {
        let Role::Router(spec) = &self.topology.hosts[self.host(name).index()].role else {
            panic!("{name} is not a router");
        };
        spec.config.instances[0].clone()
    }

    /// Any record.
    pub(crate) fn record(&mut self, at: u64, what: Observed) -> &mut Self {
        let at = ms(at);
        self.records.push(Record { at, what });
        self
    }

    /// Any event of the engine.
    pub(crate) fn event(&mut self, at: u64, name: &str, event: Event) -> &mut Self {
        self.record(at, Observed::Engine(self.host(name), event))
    }

    /// A fault.
    pub(crate) fn fault(&mut self, at: u64, fault: Fault) -> &mut Self {
        self.record(at, Observed::Fault(fault))
    }

    /// Life and death of the daemon.
    pub(crate) fn daemon(&mut self, at: u64, name: &str, change: DaemonChange) -> &mut Self {
        self.record(at, Observed::Daemon(self.host(name), change))
    }

    /// A change of state, and nothing else.
    pub(crate) fn state(
        &mut self,
        at: u64,
        name: &str,
        from: StateKind,
        to: StateKind,
        why: Reason,
    ) -> &mut Self {
        let instance = VI;
        let event = Event::StateChanged {
            instance,
            from,
            to,
            why,
        };
        self.event(at, name, event)
    }

    /// One advert.
    pub(crate) fn advert(&mut self, at: u64, name: &str, priority: u8) -> &mut Self {
        let advert = Observed::Advert {
            host: self.host(name),
            instance: VI,
            priority: Priority(priority),
        };
        self.record(at, advert)
    }

    /// One round of announcements, repeated.
    pub(crate) fn announces(&mut self, at: u64, name: &str, rounds: u32) -> &mut Self {
        let host = self.host(name);
        for _ in 0..rounds {
            for address in v4(&self.spec(name)) {
                let announcement = Observed::Announcement {
                    host,
                    instance: VI,
                    address: address.into(),
                };
                self.record(at, announcement);
            }
        }
        self
    }

    /// All addresses appear.
    pub(crate) fn adds(&mut self, at: u64, name: &str) -> &mut Self {
        let host = self.host(name);
        for address in v4(&self.spec(name)) {
            self.record(
                at,
                Observed::AddressAdded {
                    host,
                    address: address.into(),
                },
            );
        }
        self
    }

    /// All addresses go.
    pub(crate) fn removes(&mut self, at: u64, name: &str, by: Remover) -> &mut Self {
        let host = self.host(name);
        for address in v4(&self.spec(name)) {
            self.record(
                at,
                Observed::AddressRemoved {
                    host,
                    address: address.into(),
                    by,
                },
            );
        }
        self
    }

    /// The daemon is started and becomes a backup.
    pub(crate) fn starts(&mut self, at: u64, name: &str) -> &mut Self {
        self.daemon(at, name, DaemonChange::Started).state(
            at,
            name,
            StateKind::Init,
            StateKind::Backup,
            Reason::Started,
        )
    }

    /// A backup becomes master, as it should, with its configured priority.
    pub(crate) fn takes_over(&mut self, at: u64, name: &str, why: Reason) -> &mut Self {
        let spec = self.spec(name);
        self.advert(at, name, spec.priority.get())
            .adds(at, name)
            .announces(at, name, spec.garp.repeat)
            .state(at, name, StateKind::Backup, StateKind::Master, why)
    }

    /// The burst that follows a takeover five seconds later.
    pub(crate) fn second_burst(&mut self, at: u64, name: &str) -> &mut Self {
        let repeat = self.spec(name).garp.repeat;
        self.announces(at, name, repeat)
    }

    /// A master lets go, as it should.
    pub(crate) fn lets_go(&mut self, at: u64, name: &str, to: StateKind, why: Reason) -> &mut Self {
        self.removes(at, name, Remover::Daemon)
            .advert(at, name, 0)
            .state(at, name, StateKind::Master, to, why)
    }

    /// Adverts with the configured priority every second, from and up to those times.
    pub(crate) fn adverts(&mut self, name: &str, from: u64, until: u64) -> &mut Self {
        let priority = self.spec(name).priority.get();
        let mut at = from;
        while at <= until {
            self.advert(at, name, priority);
            at += 1000;
        }
        self
    }

    /// Forgets the records that `which` points out.
    pub(crate) fn without(&mut self, which: impl Fn(&Record) -> bool) -> &mut Self {
        self.records.retain(|r| !which(r));
        self
    }

    /// What the oracles say of it, on a grid of 1 ms.
    pub(crate) fn judge(&mut self, until: u64) -> Report {
        self.records.sort_by_key(|r| r.at);
        let mut jury = Jury::new(Setup {
            topology: &self.topology,
            faults: &[],
            quantum: Duration::from_millis(1),
            until: ms(until),
        });
        for record in &self.records {
            jury.observe(record);
        }
        jury.finish()
    }

    /// Asserts that nothing is wrong with it.
    pub(crate) fn passes(&mut self, until: u64) -> Report {
        let report = self.judge(until);
        assert!(report.holds(), "{report}");
        report
    }

    /// Asserts that this oracle finds something whose text contains `words`.
    pub(crate) fn fails(&mut self, until: u64, oracle: &str, words: &str) -> Report {
        let report = self.judge(until);
        let found = report
            .violations()
            .iter()
            .any(|(name, v)| *name == oracle && v.what.contains(words));
        assert!(found, "{oracle} did not say {words:?}:\n{report}");
        report
    }
}

/// A takeover because of silence.
pub(crate) fn silent(master: Option<Ipv4Addr>) -> Reason {
    Reason::MasterSilent {
        master: master.map(Into::into),
        silence: Duration::ZERO,
    }
}

/// A takeover after a resignation.
pub(crate) fn resigned(master: Ipv4Addr) -> Reason {
    Reason::MasterResigned {
        master: master.into(),
    }
}

/// A takeover from a weaker master.
pub(crate) fn preempted(master: Ipv4Addr, priority: u8) -> Reason {
    Reason::Preempted {
        master: master.into(),
        priority: Priority(priority),
    }
}

/// A master gives in to a stronger one.
pub(crate) fn outranked(master: Ipv4Addr, priority: u8) -> Reason {
    Reason::HigherPriority {
        master: master.into(),
        priority: Priority(priority),
    }
}

fn v4(spec: &InstanceConfig) -> Vec<Ipv4Addr> {
    let v4 = |a: &VirtualAddress| match a.address {
        core::net::IpAddr::V4(address) => Some(address),
        core::net::IpAddr::V6(_) => None,
    };
    spec.held_addresses().filter_map(v4).collect()
}

fn place(topology: &mut Topology, name: &str, octet: u8, role: Role) -> End {
    topology.hosts.push(HostSpec {
        name: name.into(),
        mac: MacAddr([2, 0, 0, 0, 0, octet]),
        address: Ipv4Addr::new(192, 168, 0, octet),
        prefix: 24,
        ipv6: None,
        role,
    });
    End::Host(HostId(topology.hosts.len() as u16 - 1))
}

fn wire(topology: &mut Topology, a: End, b: End) {
    topology.cables.push(CableSpec {
        a,
        b,
        a_to_b: Path::default(),
        b_to_a: Path::default(),
    });
}
