//! The turmoil runner: every router is a turmoil host that awaits the production driver loop.
//!
//! turmoil supplies one async runtime per router, the tick, crash and restart. It doesn't carry the
//! frames: its network has no Ethernet, no carrier and no multicast over switches, so that is the
//! fabric's. Nor does it wake the routers: a sleep that ends exactly at the end of a tick may be
//! seen in this tick or in the next, so the runner wakes them itself, at the tick in which their
//! deadline falls. Nothing is spawned inside a host, so no panic can get lost in a task that
//! nobody awaits: the host's only future is the driver, and its panic ends the run.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use locum_engine::Instant;
use rand::RngCore;

use super::net::{Net, Process};
use super::seat::Seat;
use super::{Options, Run, Setup, Watch};
use crate::fabric::noise::{Purpose, stream};
use crate::record::DaemonChange;
use crate::topology::HostId;

/// turmoil's clocks are only exact at whole milliseconds.
const TICK: Duration = Duration::from_millis(1);

/// Carries out a run.
///
/// # Panics
/// When a router's driver panics: that is a bug in the engine, never a property of the run.
pub fn run(setup: &Setup, options: &Options) -> Run {
    let net = Rc::new(RefCell::new(Net::new(setup, options)));
    let mut sim = build(setup);
    let routers: Vec<_> = setup.topology.routers().map(|(host, _)| host).collect();
    let name = |host: HostId| setup.topology.hosts[host.index()].name.to_string();
    for &host in &routers {
        let seat = Seat::new(&net, host);
        let net = Rc::clone(&net);
        sim.host(name(host), move || {
            live(Rc::clone(&net), host, seat.clone())
        });
        // turmoil starts hosts at once; ours start when the plan says so.
        sim.crash(name(host));
    }
    let mut watch = Watch::new(setup, options, TICK);
    let mut tick = Instant::ZERO;
    let end = Instant::ZERO + setup.plan.duration;
    while tick <= end {
        net.borrow_mut().fabric.advance(tick);
        let processes = net.borrow_mut().act();
        for process in processes {
            match process {
                Process::Begin(host) => sim.bounce(name(host)),
                Process::End(host) => sim.crash(name(host)),
            }
        }
        wake(&net, &routers);
        if let Err(error) = sim.step() {
            panic!("a router failed at {tick}: {error}");
        }
        watch.take(&mut net.borrow_mut());
        tick = tick + TICK;
        let elapsed = Instant::ZERO + sim.elapsed();
        assert_eq!(
            elapsed, tick,
            "turmoil's clock and the fabric's have parted"
        );
    }
    let mut net = net.borrow_mut();
    net.fabric.advance(end);
    watch.finish(&mut net)
}

fn build(setup: &Setup) -> ::turmoil::Sim<'static> {
    // turmoil takes no generator of ours, only a seed. Nothing in a run depends on its dice; they
    // are cast from our stream all the same, so that nothing ever can by accident.
    let seed = stream(setup.plan.seed, Purpose::Turmoil).next_u64();
    ::turmoil::Builder::new()
        .rng_seed(seed)
        .epoch(UNIX_EPOCH)
        .tick_duration(TICK)
        .min_message_latency(TICK)
        .max_message_latency(TICK)
        .simulation_duration(setup.plan.duration + 2 * TICK)
        .build()
}

/// The life of one process, to its orderly end. A crash drops it wherever it is.
async fn live(net: Rc<RefCell<Net>>, host: HostId, seat: Seat) -> ::turmoil::Result {
    let mut daemon = seat.daemon();
    let mut run = pin!(daemon.run());
    // A process that hangs isn't polled, whoever wakes it.
    poll_fn(|cx| {
        if net.borrow().runs(host) {
            return run.as_mut().poll(cx);
        }
        net.borrow_mut().node(host).waker = Some(cx.waker().clone());
        Poll::Pending
    })
    .await;
    net.borrow_mut().ended(host, DaemonChange::Stopped);
    Ok(())
}

fn wake(net: &Rc<RefCell<Net>>, routers: &[HostId]) {
    for &host in routers {
        let mut net = net.borrow_mut();
        if net.is_ready(host)
            && let Some(waker) = net.node(host).waker.take()
        {
            waker.wake();
        }
    }
}
