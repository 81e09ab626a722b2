//! Thousands of instances: the work for an input doesn't grow with their number, no advert waits
//! for others' takeovers, and the host works in portions in between.
//!
//! Counted, not timed: how often a router is asked to do something.

mod common;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use common::{ETH0, PEER, at_ms, centis, payload, virtual_address};
use locum_engine::config::{Config, InstanceConfig};
use locum_engine::driver::{
    Clock, Driver, Hooks, Host, HostChange, Network, Probes, Received, Turn, Watched, World,
};
use locum_engine::event::StateKind;
use locum_engine::ids::{CheckId, InstanceId, InterfaceId, MacAddr, Priority, Vrid};
use locum_engine::plan::Reloaded;
use locum_engine::{
    Command, Datagram, Effect, Engine, Event, Input, Instant, LinkState, Outcome, Output, Transmit,
};

const PER_INTERFACE: usize = 250;

fn address(n: usize) -> Ipv4Addr {
    let [high, low] = u16::try_from(n).expect("few enough").to_be_bytes();
    Ipv4Addr::new(10, 9, high, low)
}

/// As many as asked for, 250 on each interface.
fn config(count: usize) -> Config {
    let interfaces = (0..count.div_ceil(PER_INTERFACE)).map(|i| format!("eth{i}").into());
    let model = common::instance(100);
    let instances = (0..count).map(|n| {
        let interface = InterfaceId(u16::try_from(n / PER_INTERFACE).expect("few enough"));
        let vrid = u8::try_from(n % PER_INTERFACE + 1).expect("few enough");
        let mut held = virtual_address(address(n));
        held.interface = interface;
        InstanceConfig {
            name: format!("VI_{n}").into(),
            interface,
            vrid: Vrid::new(vrid).expect("not zero"),
            addresses: vec![held],
            ..model.clone()
        }
    });
    Config {
        interfaces: interfaces.collect(),
        instances: instances.collect(),
        ..Config::default()
    }
}

fn link(host: u8) -> LinkState {
    LinkState {
        up: true,
        mac: MacAddr([2, 0, 0, 0, 0, 0x10]),
        address: Some(IpAddr::from([192, 168, 0, host])),
        ..LinkState::default()
    }
}

struct Bench {
    engine: Engine,
    said: Vec<Output>,
}

impl Bench {
    /// How often routers were asked to do something because of an input.
    fn give(&mut self, now: Instant, input: Input<'_>) -> u64 {
        let before = self.engine.asked();
        self.engine.handle(now, input);
        self.said
            .extend(std::iter::from_fn(|| self.engine.poll_output()));
        self.engine.asked() - before
    }

    /// All of them started at zero, links up.
    fn started(count: usize) -> Self {
        let config = config(count);
        let interfaces = config.interfaces.len();
        let (engine, said) = (Engine::new(config), Vec::new());
        let mut bench = Self { engine, said };
        for i in 0..interfaces {
            let interface = InterfaceId(u16::try_from(i).expect("few enough"));
            let state = link(11);
            bench.give(Instant::ZERO, Input::Link { interface, state });
        }
        bench.give(Instant::ZERO, Input::Command(Command::Start));
        bench
    }

    fn masters(&self) -> usize {
        let all = self.engine.config().instances.len();
        let ids = (0..all).map(|n| InstanceId(u16::try_from(n).expect("few enough")));
        ids.filter(|id| self.engine.state(*id).0 == StateKind::Master)
            .count()
    }
}

/// What each kind of input costs with that many instances.
fn costs(count: usize) -> [u64; 4] {
    let mut bench = Bench::started(count);
    let peer = InstanceConfig {
        priority: Priority(200),
        ..bench.engine.config().instances[0].clone()
    };
    let payload = payload(PEER, &peer);
    let advert = || {
        Input::Receive(Datagram {
            interface: ETH0,
            source: PEER.into(),
            destination: locum_engine::wire::GROUP_V4.into(),
            ttl: 255,
            protocol: 112,
            id: 1,
            payload: &payload,
        })
    };
    let heard = bench.give(at_ms(1000), advert());
    let removed = Input::AddressRemoved {
        interface: ETH0,
        address: address(0).into(),
    };
    let lost = bench.give(at_ms(1100), removed);
    let changed = Input::Link {
        interface: ETH0,
        state: link(12),
    };
    let moved = bench.give(at_ms(1200), changed);
    // Nothing is due yet.
    let idle = bench.give(at_ms(1300), Input::Timeout);
    [heard, lost, moved, idle]
}

#[test]
fn an_input_concerns_those_whom_it_concerns() {
    let few = costs(PER_INTERFACE);
    assert_eq!(few, [1, 1, PER_INTERFACE as u64, 0]);
    assert_eq!(costs(16 * PER_INTERFACE), few);
}

/// Everybody's deadline is the same: they take turns, and whoever has become master before advertises
/// before the others take over.
#[test]
fn takeovers_come_in_portions_and_adverts_before_them() {
    let mut bench = Bench::started(1000);
    let due = bench.engine.poll_timeout().expect("a deadline").at;
    let asked = bench.give(due, Input::Timeout);
    let portion = usize::try_from(asked).expect("few enough");
    assert!((1..=64).contains(&portion), "{portion}");
    assert_eq!(bench.masters(), portion);
    assert_eq!(bench.engine.poll_timeout().map(|w| w.at), Some(due));
    // A second later, by some delay, the first ones have to advertise.
    bench.said.clear();
    bench.give(due + Duration::from_secs(1), Input::Timeout);
    let adverts = bench.said.iter().filter_map(|output| match output {
        Output::Transmit(Transmit::Advert { instance, .. }) => Some(instance.index()),
        _ => None,
    });
    assert_eq!(
        adverts.collect::<Vec<_>>(),
        (0..portion).collect::<Vec<_>>()
    );
    while bench.masters() < 1000 {
        let asked = bench.give(due + Duration::from_secs(1), Input::Timeout);
        assert!((1..=64).contains(&asked), "{asked}");
    }
}

/// A world in which time stands still, everything is there, and the host puts off what it is asked.
#[derive(Default)]
struct Fake {
    now: Instant,
    links: Vec<InterfaceId>,
    commands: Vec<Command>,
    packets: usize,
    put_off: usize,
    /// What happened, in order.
    seen: Vec<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Packet,
    Advert,
    Work,
    Release,
}

#[derive(Clone)]
struct Side(Rc<RefCell<Fake>>);

/// So much in one go.
const PORTION: usize = 10;

impl Clock for Side {
    fn now(&self) -> Instant {
        self.0.borrow().now
    }

    fn utc(&self) -> Duration {
        Duration::ZERO
    }

    fn poll_sleep(&mut self, _cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        match self.now() >= until {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Network for Side {
    fn poll_receive(&mut self, _cx: &mut Context<'_>, _buffer: &mut [u8]) -> Poll<Received> {
        let mut fake = self.0.borrow_mut();
        if fake.packets == 0 {
            return Poll::Pending;
        }
        fake.packets -= 1;
        fake.seen.push(Seen::Packet);
        Poll::Ready(Received {
            interface: ETH0,
            source: PEER.into(),
            destination: locum_engine::wire::GROUP_V4.into(),
            ttl: 255,
            protocol: 112,
            id: 0,
            payload: 0..0,
        })
    }

    fn reload(&mut self, _reloaded: &Reloaded) {}

    fn send(&mut self, transmit: Transmit) {
        if let Transmit::Advert { .. } = transmit {
            self.0.borrow_mut().seen.push(Seen::Advert);
        }
    }

    fn release(&mut self) {
        self.0.borrow_mut().seen.push(Seen::Release);
    }
}

impl Host for Side {
    fn poll_change(&mut self, _cx: &mut Context<'_>) -> Poll<HostChange> {
        match self.0.borrow_mut().links.pop() {
            Some(interface) => Poll::Ready(HostChange::Link(interface, link(11))),
            None => Poll::Pending,
        }
    }

    fn reload(&mut self, _reloaded: &Reloaded) {
        let fake = self.0.borrow();
        assert_eq!(fake.put_off, 0, "it speaks of the old configuration");
        assert_eq!(fake.seen.last(), Some(&Seen::Release));
    }

    fn apply(&mut self, _effect: Effect) {
        self.0.borrow_mut().put_off += 1;
    }

    fn work(&mut self) -> bool {
        let mut fake = self.0.borrow_mut();
        fake.put_off = fake.put_off.saturating_sub(PORTION);
        fake.seen.push(Seen::Work);
        fake.put_off > 0
    }
}

impl Probes for Side {
    fn poll_result(&mut self, _cx: &mut Context<'_>) -> Poll<(CheckId, Outcome)> {
        Poll::Pending
    }

    fn poll_watched(&mut self, _cx: &mut Context<'_>) -> Poll<Watched> {
        Poll::Pending
    }

    fn reload(&mut self, _reloaded: &Reloaded) {}

    fn start(&mut self, _check: CheckId, _timeout: Duration) {}

    fn cancel(&mut self, _check: CheckId) {}
}

impl Hooks for Side {
    fn poll_command(&mut self, _cx: &mut Context<'_>) -> Poll<Command> {
        match self.0.borrow_mut().commands.pop() {
            Some(command) => Poll::Ready(command),
            None => Poll::Pending,
        }
    }

    fn reload(&mut self, _now: Instant, _reloaded: &Reloaded) {}

    fn event(&mut self, _now: Instant, _event: Event) {}
}

fn turn(driver: &mut Driver<Side, Side, Side, Side, Side>, side: &Side) -> (Poll<Turn>, Vec<Seen>) {
    let turned = driver.poll_turn(&mut Context::from_waker(Waker::noop()));
    (turned, std::mem::take(&mut side.0.borrow_mut().seen))
}

#[test]
fn the_host_works_between_inputs_and_before_a_reload_and_the_end() {
    let side = Side(Rc::new(RefCell::new(Fake::default())));
    let mut instance = common::instance(100);
    instance.advert_interval = centis(100);
    let config = Config {
        interfaces: vec!["eth0".into()],
        instances: vec![instance],
        ..Config::default()
    };
    let world = World {
        clock: side.clone(),
        network: side.clone(),
        host: side.clone(),
        probes: side.clone(),
        hooks: side.clone(),
    };
    let again = Command::Reload(Box::new(config.clone()));
    let mut driver = Driver::new(Engine::new(config), world);
    side.0.borrow_mut().links.push(ETH0);
    side.0.borrow_mut().commands.push(Command::Start);
    while turn(&mut driver, &side).0.is_ready() {}
    // Packets without end: the host works, though rarely.
    side.0.borrow_mut().packets = usize::MAX;
    side.0.borrow_mut().put_off = 10 * PORTION;
    side.0.borrow_mut().now = at_ms(4000);
    let mut seen = Vec::new();
    for _ in 0..1000 {
        seen.extend(turn(&mut driver, &side).1);
    }
    let first = seen.iter().position(|s| *s == Seen::Advert);
    let first = first.expect("the takeover, after a bounded number of packets");
    let works: Vec<_> = seen[first..]
        .split(|s| *s == Seen::Work)
        .map(|between| between.iter().filter(|s| **s == Seen::Packet).count())
        .collect();
    assert!(works.len() > 8, "{works:?}");
    assert!(works[..9].iter().all(|packets| *packets <= 33), "{works:?}");
    // Nothing else to do: it goes on at once, and the wire hears of it.
    side.0.borrow_mut().packets = 0;
    side.0.borrow_mut().put_off = 5 * PORTION;
    side.0.borrow_mut().now = at_ms(5000);
    let (turned, seen) = turn(&mut driver, &side);
    assert_eq!(turned, Poll::Ready(Turn::Handled), "an advert is due");
    assert_eq!(
        seen,
        [Seen::Advert],
        "and nothing has to be asked of the host"
    );
    // Another configuration waits for what was asked under the old one.
    side.0.borrow_mut().commands.push(again);
    assert!(turn(&mut driver, &side).0.is_ready());
    assert_eq!(side.0.borrow().put_off, 0);
    // The end waits for everything.
    side.0.borrow_mut().put_off = 5 * PORTION;
    side.0.borrow_mut().commands.push(Command::Stop);
    let (turned, seen) = turn(&mut driver, &side);
    assert_eq!(turned, Poll::Ready(Turn::Stopped));
    assert_eq!(side.0.borrow().put_off, 0);
    assert_eq!(seen.iter().filter(|s| **s == Seen::Work).count(), 6);
    assert_eq!(seen.last(), Some(&Seen::Release));
}
