//! One engine on a bench: inputs by hand, outputs as values, time as we please.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses a part of it"
)]

pub mod packet;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use locum_engine::Rare;
use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::{Auth, Broadcast, Config, InstanceConfig, VirtualAddress};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{InstanceId, InterfaceId, MacAddr, Priority};
use locum_engine::wire::{self, Advert, GROUP_V4};
use locum_engine::{
    Centis, Command, Datagram, Effect, Engine, Event, Input, Instant, LinkState, Output, Transmit,
};

/// The instance under test.
pub const VI: InstanceId = InstanceId(0);
/// Its interface.
pub const ETH0: InterfaceId = InterfaceId(0);
/// The virtual address.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 200);
/// Our own address.
pub const US: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 11);
/// A peer's address, higher than ours.
pub const PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 12);
/// The password of the founding case.
pub const PASSWORD: Auth = Auth::Password(*b"1111\0\0\0\0");

/// The founding configuration with another priority, as it is read from its file.
pub fn instance(priority: u8) -> InstanceConfig {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n advert_int 1\n \
         authentication {{\n auth_type PASS\n auth_pass 1111\n }}\n \
         virtual_ipaddress {{\n {VIP}/24\n }}\n}}\n"
    );
    let reading = conf::read("founding.conf", &text, &mut NoIncludes);
    let mut instances = reading.config.expect("it can be read").instances;
    InstanceConfig {
        priority: Priority(priority), // Also 0, which no file can say.
        lease: None,                  // `lease.rs` is about it.
        ..instances.remove(0)
    }
}

/// A /24 on `eth0`.
pub fn virtual_address(address: Ipv4Addr) -> VirtualAddress {
    VirtualAddress {
        address: IpAddr::V4(address),
        prefix: 24,
        interface: ETH0,
        label: None,
        scope: 0,
        broadcast: Broadcast::None,
        options: Rare::default(),
    }
}

pub fn centis(n: u16) -> Centis {
    Centis::new(n).expect("not zero")
}

pub fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub fn at_ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

/// An engine, the time, and everything it has said since it was last asked.
pub struct Bench {
    pub engine: Engine,
    pub now: Instant,
    pub said: Vec<(Instant, Output)>,
}

impl Bench {
    /// Not started yet; the link is up.
    pub fn new(config: Config) -> Self {
        let engine = Engine::new(config);
        let mut bench = Self {
            engine,
            now: Instant::ZERO,
            said: vec![],
        };
        bench.link(true);
        bench
    }

    /// One instance, started at time zero.
    pub fn started(instance: InstanceConfig) -> Self {
        let mut bench = Self::new(config(instance));
        bench.give(Input::Command(Command::Start));
        bench
    }

    /// One instance, started and master since just now; what was said until then is forgotten.
    pub fn master(instance: InstanceConfig) -> Self {
        let mut bench = Self::started(instance);
        bench.run_until_state(StateKind::Master);
        bench.said.clear();
        bench
    }

    pub fn give(&mut self, input: Input<'_>) {
        self.engine.handle(self.now, input);
        while let Some(output) = self.engine.poll_output() {
            self.said.push((self.now, output));
        }
    }

    pub fn link(&mut self, up: bool) {
        let address = Some(IpAddr::V4(US));
        let state = LinkState {
            up,
            mac: MacAddr([2, 0, 0, 0, 0, 0x10]),
            address,
            ..LinkState::default()
        };
        self.give(Input::Link {
            interface: ETH0,
            state,
        });
    }

    /// Honours every deadline up to `until`, and ends there.
    pub fn run_to(&mut self, until: Instant) {
        while let Some(wake) = self.engine.poll_timeout().filter(|w| w.at <= until) {
            self.now = self.now.max(wake.at);
            self.give(Input::Timeout);
        }
        self.now = until;
    }

    pub fn run_for(&mut self, span: Duration) {
        self.run_to(self.now + span);
    }

    /// Honours deadlines until the state is reached.
    pub fn run_until_state(&mut self, state: StateKind) {
        for _ in 0..1000 {
            if self.state() == state {
                return;
            }
            self.now = self.engine.poll_timeout().expect("a deadline").at;
            self.give(Input::Timeout);
        }
        panic!("{state} was not reached");
    }

    pub fn state(&self) -> StateKind {
        self.engine.state(VI).0
    }

    /// An advert from the peer with our own configuration and that priority arrives.
    pub fn hear(&mut self, priority: u8) {
        let peer = instance(priority);
        self.hear_from(PEER, &peer);
    }

    /// An advert as a router of that configuration would send it arrives.
    pub fn hear_from(&mut self, source: Ipv4Addr, peer: &InstanceConfig) {
        let payload = payload(source, peer);
        self.receive(source, 255, &payload);
    }

    pub fn receive(&mut self, source: Ipv4Addr, ttl: u8, payload: &[u8]) {
        self.receive_at(GROUP_V4, source, ttl, payload);
    }

    pub fn receive_at(&mut self, to: Ipv4Addr, source: Ipv4Addr, ttl: u8, payload: &[u8]) {
        self.give(Input::Receive(Datagram {
            interface: ETH0,
            source: IpAddr::V4(source),
            destination: IpAddr::V4(to),
            ttl,
            protocol: 112,
            id: 1,
            payload,
        }));
    }

    /// What was said since the last call, in words.
    pub fn words(&mut self) -> Vec<String> {
        let config = self.engine.config().clone();
        self.said
            .drain(..)
            .map(|(_, output)| words(&config, &output))
            .collect()
    }

    /// The priorities of the adverts said since the last call.
    pub fn adverts(&mut self) -> Vec<(Instant, u8)> {
        let adverts = self.said.drain(..).filter_map(|(at, output)| match output {
            Output::Transmit(Transmit::Advert { priority, .. }) => Some((at, priority.get())),
            _ => None,
        });
        adverts.collect()
    }

    /// The reasons of the transitions said since the last call.
    pub fn transitions(&mut self) -> Vec<(StateKind, Reason)> {
        let reasons = self.said.drain(..).filter_map(|(_, output)| match output {
            Output::Event(Event::StateChanged { to, why, .. }) => Some((to, why)),
            _ => None,
        });
        reasons.collect()
    }
}

/// A daemon with one instance on `eth0`.
pub fn config(instance: InstanceConfig) -> Config {
    Config {
        interfaces: vec!["eth0".into()],
        instances: vec![instance],
        ..Config::default()
    }
}

/// The VRRP payload a router of that configuration would send.
pub fn payload(source: Ipv4Addr, peer: &InstanceConfig) -> Vec<u8> {
    payload_to(source, GROUP_V4, peer)
}

/// The same with a checksum for that destination.
pub fn payload_to(source: Ipv4Addr, to: Ipv4Addr, peer: &InstanceConfig) -> Vec<u8> {
    let addresses: Vec<_> = peer.addresses.iter().map(|a| a.address).collect();
    let advert = Advert {
        version: peer.version,
        vrid: peer.vrid,
        priority: peer.priority,
        interval: peer.advert_interval,
        auth: peer.auth,
        addresses: &addresses,
    };
    let mut packet = vec![];
    wire::advert_packet(1, 255, source, to, &advert, &mut packet);
    packet.split_off(wire::ipv4::LEN)
}

fn words(config: &Config, output: &Output) -> String {
    match output {
        Output::Transmit(Transmit::Advert { priority, .. }) => format!("advert {priority}"),
        Output::Transmit(Transmit::GratuitousArp { address, .. }) => format!("garp {address}"),
        Output::Transmit(Transmit::NeighbourAdvert { address, .. }) => format!("na {address}"),
        Output::Effect(Effect::AddAddress { address, .. }) => format!("add {}", address.address),
        Output::Effect(Effect::RefreshAddress { address, .. }) => {
            format!("refresh {}", address.address)
        }
        Output::Effect(Effect::RemoveAddress { address, .. }) => {
            format!("remove {}", address.address)
        }
        Output::Effect(Effect::AddStaticAddress { address, .. }) => {
            format!("add static {}", address.address)
        }
        Output::Effect(Effect::RemoveStaticAddress { address, .. }) => {
            format!("remove static {}", address.address)
        }
        Output::Effect(Effect::Install { object, .. }) => {
            format!("install {}", object.display(config))
        }
        Output::Effect(Effect::Uninstall { object, .. }) => {
            format!("uninstall {}", object.display(config))
        }
        Output::Effect(Effect::CreateDevice { device }) => {
            format!("create {}", config.interface_name(device.interface))
        }
        Output::Effect(Effect::RemoveDevice { device }) => {
            format!("delete {}", config.interface_name(device.interface))
        }
        Output::Effect(Effect::Shut { addresses, .. }) => format!("shut {addresses:?}"),
        Output::Effect(Effect::Unshut { addresses, .. }) => format!("unshut {addresses:?}"),
        Output::Effect(Effect::StartCheck { check, .. }) => format!("check {}", check.index()),
        Output::Effect(Effect::CancelCheck { check }) => format!("cancel {}", check.index()),
        Output::Event(event) => event.display(config).to_string(),
        Output::Reloaded(_) => "reloaded".into(),
        Output::Stopped => "stopped".into(),
    }
}
