//! The event runner: no async, no ticks; it jumps to whatever happens next.
//!
//! Each router's driver is polled by hand with a waker that does nothing, because the runner knows
//! by itself when there is something to do.

use core::task::{Context, Poll, Waker};
use std::cell::RefCell;
use std::rc::Rc;

use locum_engine::Instant;
use locum_engine::driver::Turn;
use locum_engine::time::nanos;

use super::net::{Net, Process};
use super::seat::{Daemon, Seat};
use super::{Options, Run, Setup, Watch};
use crate::record::DaemonChange;
use crate::topology::HostId;

/// Carries out a run.
pub fn run(setup: &Setup, options: &Options) -> Run {
    let net = Rc::new(RefCell::new(Net::new(setup, options)));
    let routers: Vec<_> = setup.topology.routers().map(|(host, _)| host).collect();
    let daemons = setup.topology.hosts.iter().map(|_| None).collect();
    let quantum = nanos(options.quantum).max(1);
    let mut runner = EventRunner {
        net,
        daemons,
        routers,
        quantum,
    };
    let mut watch = Watch::new(setup, options, options.quantum);
    let end = Instant::ZERO + setup.plan.duration;
    while let Some(tick) = runner.next_tick(end) {
        runner.act(tick);
        watch.take(&mut runner.net.borrow_mut());
    }
    let mut net = runner.net.borrow_mut();
    net.fabric.advance(end);
    watch.finish(&mut net)
}

struct EventRunner {
    net: Rc<RefCell<Net>>,
    /// By [`HostId`].
    daemons: Vec<Option<Daemon>>,
    routers: Vec<HostId>,
    quantum: u64,
}

impl EventRunner {
    /// The next point of the grid at which the plan or a router has something to do, with the
    /// fabric advanced no further than there. `None` when nothing happens before the end.
    fn next_tick(&self, end: Instant) -> Option<Instant> {
        let mut net = self.net.borrow_mut();
        let wakes = self.routers.iter().filter_map(|&host| net.wakes_at(host));
        let planned = wakes
            .chain(net.next_action())
            .min()
            .unwrap_or(Instant::FAR_FUTURE);
        let limit = self.ceil(planned);
        loop {
            if self
                .routers
                .iter()
                .any(|&host| net.runs(host) && net.has_input(host))
            {
                let now = self.ceil(net.fabric.now());
                return (now <= end).then_some(now);
            }
            match net
                .fabric
                .next_event()
                .filter(|&at| at <= limit && at <= end)
            {
                Some(at) => net.fabric.advance(at),
                None => return (limit <= end).then_some(limit),
            }
        }
    }

    fn act(&mut self, tick: Instant) {
        self.net.borrow_mut().fabric.advance(tick);
        let processes = self.net.borrow_mut().act();
        for process in processes {
            match process {
                Process::Begin(host) => {
                    self.daemons[host.index()] = Some(Seat::new(&self.net, host).daemon());
                }
                Process::End(host) => self.daemons[host.index()] = None,
            }
        }
        for i in 0..self.routers.len() {
            self.run_router(self.routers[i]);
        }
    }

    fn run_router(&mut self, host: HostId) {
        if !self.net.borrow().is_ready(host) {
            return;
        }
        let Some(daemon) = &mut self.daemons[host.index()] else {
            return;
        };
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match daemon.poll_turn(&mut cx) {
                Poll::Ready(Turn::Handled) => {}
                Poll::Ready(Turn::Stopped) => {
                    self.net.borrow_mut().ended(host, DaemonChange::Stopped);
                    self.daemons[host.index()] = None;
                    return;
                }
                Poll::Pending => return,
            }
        }
    }

    /// The first point of the grid that isn't before `at`.
    fn ceil(&self, at: Instant) -> Instant {
        Instant::from_nanos(
            at.as_nanos()
                .div_ceil(self.quantum)
                .saturating_mul(self.quantum),
        )
    }
}
