//! The whole state of an engine in some bytes, and an engine made of them that goes on from there.
//!
//! What follows from the configuration alone (tables, queues of deadlines) isn't saved but made anew,
//! so that the two can't disagree. The bytes are postcard's, without names: they are read by the
//! version that wrote them, and [`layout`](Engine::layout) tells whether that is so.

use core::fmt::{self, Write};
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Deadlines, Engine, Holders};
use crate::addressees::Addressees;
use crate::config::Config;
use crate::event::StateKind;
use crate::fixtures::Fixtures;
use crate::group::Groups;
use crate::ids::{InterfaceId, Vrid};
use crate::lateness::Lateness;
use crate::lease::Refreshes;
use crate::links::Links;
use crate::pacing::{Job, Pacer};
use crate::router::{Entered, Router};
use crate::status::Strays;
use crate::time::Instant;
use crate::track::Checks;
use crate::utc::Utc;

/// What is saved, borrowed.
#[derive(Serialize)]
struct Saved<'a> {
    routers: &'a [Router],
    groups: &'a [(StateKind, Entered)],
    checks: &'a Checks,
    fixtures: &'a Fixtures,
    lanes: Vec<(Instant, &'a VecDeque<Job>)>,
    links: &'a Links,
    now: Instant,
    utc: Utc,
    running: bool,
    starts_at: Option<Instant>,
    strays: Strays,
    lateness: &'a Lateness,
    reloads: u64,
    unknown: &'a BTreeSet<(InterfaceId, Vrid)>,
    uptime: Duration,
}

/// The same, owned; in the same order.
#[derive(Deserialize)]
struct Restored {
    routers: Vec<Router>,
    groups: Vec<(StateKind, Entered)>,
    checks: Checks,
    fixtures: Fixtures,
    lanes: Vec<(Instant, VecDeque<Job>)>,
    links: Links,
    now: Instant,
    utc: Utc,
    running: bool,
    starts_at: Option<Instant>,
    strays: Strays,
    lateness: Lateness,
    reloads: u64,
    unknown: BTreeSet<(InterfaceId, Vrid)>,
    uptime: Duration,
}

/// Why no engine can be made of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrestorable {
    /// The bytes mean something else, or end too early.
    #[error("the state isn't one of this version's engine")]
    Garbled,
    /// It has other instances, checks or interfaces.
    #[error("the state belongs to another configuration")]
    OtherConfiguration,
}

impl Engine {
    /// Appends the state to `bytes`. Only between two inputs, when everything is drained; a
    /// configuration isn't part of it.
    ///
    /// # Panics
    /// In debug builds, when there is something to drain.
    pub fn checkpoint(&self, bytes: &mut Vec<u8>) {
        // Every field is named: whoever adds one decides here whether it is saved.
        let Self {
            config: _,
            routers,
            groups,
            checks,
            fixtures,
            pacer,
            refreshes: _,
            links,
            addressees: _,
            holders: _,
            deadlines: _,
            now,
            utc,
            stamps: _,
            running,
            starts_at,
            strays,
            lateness,
            reloads,
            unknown,
            uptime,
            asked: _,
            out,
        } = self;
        debug_assert!(out.is_empty(), "drained before the next input");
        let saved = Saved {
            routers,
            groups: groups.save(),
            checks,
            fixtures,
            lanes: pacer.save(),
            links,
            now: *now,
            utc: *utc,
            running: *running,
            starts_at: *starts_at,
            strays: *strays,
            lateness,
            reloads: *reloads,
            unknown,
            uptime: *uptime,
        };
        let taken = core::mem::take(bytes);
        *bytes = postcard::to_extend(&saved, taken).expect("plain data, and a Vec that grows");
    }

    /// The engine that [`Engine::checkpoint`] was asked of: told the same from here on, it says the
    /// same. `config` has to be the same too.
    ///
    /// # Errors
    /// When the bytes come from another configuration or another version.
    pub fn restore(config: Config, bytes: &[u8]) -> Result<Self, Unrestorable> {
        let saved: Restored = postcard::from_bytes(bytes).map_err(|_| Unrestorable::Garbled)?;
        let other = Unrestorable::OtherConfiguration;
        let positions = saved.routers.iter().map(|router| router.id().index());
        let instances = saved.routers.len() == config.instances.len();
        let fits = saved.links.fit(&config)
            && positions.eq(0..config.instances.len())
            && saved.checks.fit(&config);
        let alike = |(router, config): (&Router, _)| router.fits(config);
        if !fits || !instances || !saved.routers.iter().zip(&config.instances).all(alike) {
            return Err(other);
        }
        let groups = Groups::restored(&config, saved.groups).ok_or(other)?;
        let pacer = Pacer::restored(&config, saved.lanes).ok_or(other)?;
        let deadlines = Deadlines::of_all(&saved.routers);
        let mut refreshes = Refreshes::new(saved.routers.len());
        for router in &saved.routers {
            refreshes.keep(router.id(), router.refresh_at());
        }
        Ok(Self {
            routers: saved.routers,
            groups,
            checks: saved.checks,
            fixtures: saved.fixtures,
            pacer,
            refreshes,
            links: saved.links,
            addressees: Addressees::new(&config),
            holders: Holders::new(&config),
            deadlines,
            now: saved.now,
            utc: saved.utc,
            stamps: config.instances.iter().any(|i| i.hmac.is_some()),
            running: saved.running,
            starts_at: saved.starts_at,
            strays: saved.strays,
            lateness: saved.lateness,
            reloads: saved.reloads,
            unknown: saved.unknown,
            uptime: saved.uptime,
            asked: 0,
            out: VecDeque::new(),
            config: Arc::new(config),
        })
    }

    /// A number that is another for an engine whose state has other parts: a hash of the names of
    /// what the first router and everything beside the routers are made of, with their values. An
    /// engine that was restored has that of the one it comes from, or the bytes were misread.
    pub fn layout(&self) -> u64 {
        let mut hash = Names(0xcbf2_9ce4_8422_2325);
        let beside = (&self.checks, &self.fixtures, &self.utc, self.starts_at);
        let first = (self.routers.first(), &self.links, self.uptime);
        // A hash takes everything that is written to it.
        let _ = write!(hash, "{first:?} {beside:?}");
        hash.0
    }
}

/// FNV-1a over what is written.
struct Names(u64);

impl Write for Names {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}
