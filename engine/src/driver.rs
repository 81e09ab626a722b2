//! The one loop: wait for one input, hand it to the engine, drain the outputs.
//!
//! It is generic over five small traits and knows no runtime. The daemon implements the traits on
//! sockets and netlink, the simulator on its hosts; the loop that runs in production is the loop
//! that is rehearsed. All waiting is by polling, in a fixed order, so that a run is a function of
//! what the traits answer.

use core::future::poll_fn;
use core::net::IpAddr;
use core::ops::Range;
use core::task::{Context, Poll};
use core::time::Duration;

use crate::config::ObjectId;
use crate::engine::Engine;
use crate::event::Event;
use crate::ids::{CheckId, FileId, InterfaceId, ProcessId};
use crate::input::{Command, Datagram, Input, LinkState, Outcome};
use crate::output::{Effect, Output, Transmit};
use crate::plan::Reloaded;
use crate::time::Instant;

/// Time. Steps of the wall clock show in [`Clock::utc`] only.
pub trait Clock {
    /// The time now; never goes back.
    fn now(&self) -> Instant;

    /// What the wall clock says, since 1970 (UTC). It may be set at any time, also back; nothing but
    /// the stamps of `auth_hmac` depends on it.
    fn utc(&self) -> Duration;

    /// Ready once `now() >= until`. Called again with another instant, it forgets the earlier one.
    fn poll_sleep(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()>;
}

/// The network: VRRP in, adverts and announcements out.
pub trait Network {
    /// Ready with the next packet, its payload written to `buffer`.
    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received>;

    /// The same for packets that a deadline needn't wait for: what can't be for us, and in a flood what
    /// comes from strangers.
    fn poll_stray(&mut self, _cx: &mut Context<'_>, _buffer: &mut [u8]) -> Poll<Received> {
        Poll::Pending
    }

    /// The configuration is another from here on; so are the positions of interfaces and instances.
    /// What of the old one is still under way has to be translated or dropped.
    fn reload(&mut self, reloaded: &Reloaded);

    /// Sends now or never: an advert that can't be sent is worth nothing later. Errors are the
    /// implementation's to count and report.
    ///
    /// What must not be heard before the host has done its part, an announcement of an address or
    /// the resignation that follows a removal, may be put off until [`Network::release`].
    fn send(&mut self, transmit: Transmit);

    /// The host has worked: what was waiting for it may leave.
    fn release(&mut self) {}

    /// More comes than can be read, and it wants to know whom to [`prefer`](Network::prefer). Asked
    /// after each input.
    fn is_crowded(&mut self) -> bool {
        false
    }

    /// What comes from these on these interfaces has been good: it is read before the rest.
    fn prefer(&mut self, _senders: &mut dyn Iterator<Item = (InterfaceId, IpAddr)>) {}
}

/// A packet whose payload lies in the buffer given to [`Network::poll_receive`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where it came in.
    pub interface: InterfaceId,
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// TTL or hop limit on arrival.
    pub ttl: u8,
    /// IP protocol.
    pub protocol: u8,
    /// IPv4 identification; zero over IPv6.
    pub id: u16,
    /// Where in the buffer the bytes behind the IP header are.
    pub payload: Range<usize>,
}

/// The host's kernel: links and addresses.
pub trait Host {
    /// Ready with the next change. At start, the state of every configured interface comes first, and
    /// whether each of [`Config::watched_sources`](crate::config::Config::watched_sources) is there.
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<HostChange>;

    /// See [`Network::reload`]; called first of the four. The state of interfaces that are new is
    /// reported as at start.
    fn reload(&mut self, reloaded: &Reloaded);

    /// Adds or removes an address, a route, a rule, a device or a filter. Must not wait for the kernel's answer in a way that delays
    /// adverts; a refusal comes back as [`HostChange::AddressRefused`].
    ///
    /// It may be put off until [`Host::work`]; the order of all effects is kept.
    fn apply(&mut self, effect: Effect);

    /// Does a part of what was put off, small enough that no advert is late because of it, and says
    /// whether there is more.
    fn work(&mut self) -> bool {
        false
    }
}

/// What the host can report; each becomes the [`Input`] of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostChange {
    /// See [`Input::Link`].
    Link(InterfaceId, LinkState),
    /// See [`Input::Source`].
    Source(IpAddr, bool),
    /// See [`Input::AddressRemoved`].
    AddressRemoved(InterfaceId, IpAddr),
    /// See [`Input::ObjectRemoved`].
    ObjectRemoved(ObjectId),
    /// See [`Input::ObjectRefused`].
    ObjectRefused(ObjectId),
    /// See [`Input::StaticAddressRefused`].
    StaticAddressRefused(u16),
    /// See [`Input::AddressRefused`].
    AddressRefused(crate::ids::InstanceId, IpAddr),
}

/// Health checks.
pub trait Probes {
    /// Ready with the next result.
    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<(CheckId, Outcome)>;

    /// Ready with the next thing to know about tracked files and processes. At start, each of
    /// them comes once, before any command is taken.
    fn poll_watched(&mut self, cx: &mut Context<'_>) -> Poll<Watched>;

    /// See [`Network::reload`]. Runs of unchanged checks go on; the engine has cancelled the others.
    fn reload(&mut self, reloaded: &Reloaded);

    /// Starts a run. At most one run of a check is under way at a time.
    fn start(&mut self, check: CheckId, timeout: Duration);

    /// Ends a run that has taken too long.
    fn cancel(&mut self, check: CheckId);
}

/// What was seen of a tracked file or process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// See [`Input::FileValue`].
    File(FileId, i32),
    /// See [`Input::ProcessCount`].
    Process(ProcessId, u32),
}

/// The operator's side: commands in, events out.
pub trait Hooks {
    /// Ready with the next command. The first is [`Command::Start`]; the host's links are known by
    /// then, because changes of the host come before commands.
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Command>;

    /// See [`Network::reload`]; events speak of the new configuration from here on.
    fn reload(&mut self, now: Instant, reloaded: &Reloaded);

    /// Something happened. Must not block.
    fn event(&mut self, now: Instant, event: Event);
}

/// Somebody who listens to everything that goes into the engine and comes out of it, and has no say
/// in it. Must not block, and must not take long: adverts wait meanwhile.
pub trait Tap: core::fmt::Debug {
    /// The engine is about to be told this. Nothing of what it said before is left undone.
    fn input(&mut self, engine: &Engine, now: Instant, input: &Input<'_>);

    /// It wants this done; it isn't yet.
    fn output(&mut self, output: &Output);

    /// It has said everything that follows from the last input, and all of it is done.
    fn settled(&mut self, engine: &Engine);
}

/// The five together.
#[derive(Debug)]
pub struct World<C, N, H, P, K> {
    /// Time.
    pub clock: C,
    /// Packets.
    pub network: N,
    /// Kernel.
    pub host: H,
    /// Checks.
    pub probes: P,
    /// Operator.
    pub hooks: K,
}

/// How many inputs are taken while a deadline has already passed, before the deadline is honoured.
///
/// After a stall the packets that queued up meanwhile must be seen before a takeover is decided on
/// their absence; but a flood must not starve the timers (keepalived's does: one readable socket
/// holds up every instance on it).
pub const LATE_INPUTS_MAX: u32 = 256;

/// How many inputs are taken before the host goes on with what it has put off. Without any, it goes
/// on at once.
const INPUTS_BETWEEN_WORK: u32 = 32;

/// The largest payload that is looked at; VRRP's own limit is 20 + 255 x 16 bytes.
const PAYLOAD_MAX: usize = 8192;

/// An engine in its world.
#[derive(Debug)]
pub struct Driver<C, N, H, P, K> {
    engine: Engine,
    world: World<C, N, H, P, K>,
    buffer: Vec<u8>,
    late_inputs: u32,
    tap: Option<Box<dyn Tap>>,
    /// The host has put something off.
    unfinished: bool,
    inputs_since_work: u32,
}

/// What became of one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// One input was handled; there may be more.
    Handled,
    /// The engine has let go of everything and stopped.
    Stopped,
}

/// One input, before it borrows the buffer.
enum Next {
    Timeout,
    Command(Command),
    Change(HostChange),
    Packet(Received),
    Check(CheckId, Outcome),
    Watched(Watched),
}

impl<C: Clock, N: Network, H: Host, P: Probes, K: Hooks> Driver<C, N, H, P, K> {
    /// Brings both together; nothing happens yet.
    pub fn new(engine: Engine, world: World<C, N, H, P, K>) -> Self {
        Self {
            engine,
            world,
            buffer: vec![0; PAYLOAD_MAX],
            late_inputs: 0,
            tap: None,
            unfinished: false,
            inputs_since_work: 0,
        }
    }

    /// Lets somebody listen.
    #[must_use]
    pub fn with_tap(self, tap: Box<dyn Tap>) -> Self {
        Self {
            tap: Some(tap),
            ..self
        }
    }

    /// The world, when the engine has stopped.
    pub fn into_world(self) -> World<C, N, H, P, K> {
        self.world
    }

    /// The engine, to look at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Runs until the engine has stopped.
    pub async fn run(&mut self) {
        while poll_fn(|cx| self.poll_turn(cx)).await == Turn::Handled {}
    }

    /// Takes the next input, if there is one, and carries out everything that follows from it.
    ///
    /// The order is fixed: changes of the host and of what is watched, commands, packets, results of checks, and the timer
    /// last but for strays, so that what has already arrived is known before a deadline is honoured. Bounded by
    /// [`LATE_INPUTS_MAX`].
    pub fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let looked = self.world.clock.now();
        let next = core::task::ready!(self.poll_next(cx, looked));
        // What it takes to read a packet is no delay of its sender's.
        let now = if matches!(next, Next::Packet(_)) {
            looked
        } else {
            self.world.clock.now()
        };
        let input = match next {
            Next::Timeout => Input::Timeout,
            Next::Command(command) => Input::Command(command),
            Next::Change(HostChange::Link(interface, state)) => Input::Link { interface, state },
            Next::Change(HostChange::Source(address, present)) => {
                Input::Source { address, present }
            }
            Next::Change(HostChange::AddressRemoved(interface, address)) => {
                Input::AddressRemoved { interface, address }
            }
            Next::Change(HostChange::AddressRefused(instance, address)) => {
                Input::AddressRefused { instance, address }
            }
            Next::Change(HostChange::ObjectRemoved(id)) => Input::ObjectRemoved(id),
            Next::Change(HostChange::ObjectRefused(id)) => Input::ObjectRefused(id),
            Next::Change(HostChange::StaticAddressRefused(n)) => Input::StaticAddressRefused(n),
            Next::Packet(Received {
                interface,
                source,
                destination,
                ttl,
                protocol,
                id,
                payload,
            }) => {
                let payload = &self.buffer[payload];
                Input::Receive(Datagram {
                    interface,
                    source,
                    destination,
                    ttl,
                    protocol,
                    id,
                    payload,
                })
            }
            Next::Watched(Watched::File(file, value)) => Input::FileValue { file, value },
            Next::Watched(Watched::Process(process, count)) => {
                Input::ProcessCount { process, count }
            }
            Next::Check(check, outcome) => Input::CheckDone { check, outcome },
        };
        if self.engine.wants_utc() {
            let utc = Input::Utc(self.world.clock.utc());
            tell(&mut self.engine, self.tap.as_deref_mut(), now, utc);
        }
        tell(&mut self.engine, self.tap.as_deref_mut(), now, input);
        let turn = self.drain(now);
        if let Some(tap) = &mut self.tap {
            tap.settled(&self.engine);
        }
        if self.world.network.is_crowded() {
            self.world.network.prefer(&mut self.engine.senders());
        }
        Poll::Ready(turn)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Next> {
        let wake = self.engine.poll_timeout();
        let deadline = wake.map_or(Instant::FAR_FUTURE, |wake| wake.at);
        let late = now >= deadline;
        if late && self.late_inputs >= LATE_INPUTS_MAX {
            self.late_inputs = 0;
            return Poll::Ready(Next::Timeout);
        }
        self.late_inputs = if late { self.late_inputs + 1 } else { 0 };
        self.inputs_since_work += 1;
        if self.unfinished && self.inputs_since_work > INPUTS_BETWEEN_WORK {
            self.let_work();
        }
        let World {
            clock,
            network,
            host,
            probes,
            hooks,
        } = &mut self.world;
        if let Poll::Ready(change) = host.poll_change(cx) {
            return Poll::Ready(Next::Change(change));
        }
        if let Poll::Ready(watched) = probes.poll_watched(cx) {
            return Poll::Ready(Next::Watched(watched));
        }
        if let Poll::Ready(command) = hooks.poll_command(cx) {
            return Poll::Ready(Next::Command(command));
        }
        if let Poll::Ready(received) = network.poll_receive(cx, &mut self.buffer) {
            return Poll::Ready(Next::Packet(received));
        }
        if let Poll::Ready((check, outcome)) = probes.poll_result(cx) {
            return Poll::Ready(Next::Check(check, outcome));
        }
        if !late && let Poll::Ready(received) = network.poll_stray(cx, &mut self.buffer) {
            return Poll::Ready(Next::Packet(received));
        }
        self.late_inputs = 0;
        if !late && self.unfinished {
            self.let_work();
            // Back here soon, after a look at what has arrived meanwhile.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        clock.poll_sleep(cx, deadline).map(|()| Next::Timeout)
    }

    /// Carries out every output, in order; then the host does the first part of what it has put off,
    /// or all of it before the end.
    fn drain(&mut self, now: Instant) -> Turn {
        let World {
            network,
            host,
            probes,
            hooks,
            ..
        } = &mut self.world;
        let (mut turn, mut applied) = (Turn::Handled, false);
        while let Some(output) = self.engine.poll_output() {
            if let Some(tap) = &mut self.tap {
                tap.output(&output);
            }
            match output {
                Output::Transmit(transmit) => network.send(transmit),
                Output::Effect(Effect::StartCheck { check, timeout }) => {
                    probes.start(check, timeout);
                }
                Output::Effect(Effect::CancelCheck { check }) => probes.cancel(check),
                Output::Effect(effect @ Effect::RemoveDevice { .. }) => {
                    // A resignation that waits for the host has to leave through it.
                    catch_up(host, network);
                    host.apply(effect);
                    applied = true;
                }
                Output::Effect(
                    effect @ (Effect::AddAddress { .. }
                    | Effect::RefreshAddress { .. }
                    | Effect::RemoveAddress { .. }
                    | Effect::AddStaticAddress { .. }
                    | Effect::RemoveStaticAddress { .. }
                    | Effect::Install { .. }
                    | Effect::Uninstall { .. }
                    | Effect::CreateDevice { .. }
                    | Effect::Shut { .. }
                    | Effect::Unshut { .. }),
                ) => {
                    host.apply(effect);
                    applied = true;
                }
                Output::Event(event) => hooks.event(now, event),
                Output::Reloaded(reloaded) => {
                    // What was put off speaks of the old configuration.
                    catch_up(host, network);
                    host.reload(&reloaded);
                    network.reload(&reloaded);
                    probes.reload(&reloaded);
                    hooks.reload(now, &reloaded);
                }
                Output::Stopped => turn = Turn::Stopped,
            }
        }
        if applied {
            self.let_work();
        }
        while turn == Turn::Stopped && self.unfinished {
            self.let_work();
        }
        turn
    }

    fn let_work(&mut self) {
        self.inputs_since_work = 0;
        self.unfinished = self.world.host.work();
        self.world.network.release();
    }
}

/// The host does all that was put off, and what waited for it leaves.
fn catch_up(host: &mut impl Host, network: &mut impl Network) {
    while host.work() {}
    network.release();
}

fn tell(
    engine: &mut Engine,
    tap: Option<&mut (dyn Tap + 'static)>,
    now: Instant,
    input: Input<'_>,
) {
    if let Some(tap) = tap {
        tap.input(engine, now, &input);
    }
    engine.handle(now, input);
}
