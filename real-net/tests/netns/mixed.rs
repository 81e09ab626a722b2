//! `locum` and keepalived on one segment, from the founding configuration.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::{SOON, VIP, founding};

/// Cable, orderly stop, return: with `master` on A and `backup` on B.
fn plays_along(master: Kind, backup: Kind) {
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("A", master, &founding("A"));
    lab.start("B", backup, &founding("B"));
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(3));

    lab.pull("A");
    lab.await_holders(VIP, &["B"], SOON);
    lab.plug("A");
    lab.await_holders(VIP, &["A"], SOON);

    // An orderly stop hands over within the skew, 0.613 s, not within three seconds.
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["B"], Duration::from_millis(2500));
    lab.daemon("A").await_end(SOON);
    lab.start("A", master, &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);

    // A backup that stops changes nothing.
    lab.daemon("B").signal(Signal::SIGTERM);
    lab.daemon("B").await_end(SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(1));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn locum_is_master_and_keepalived_backup() {
    plays_along(Kind::Locum, Kind::Keepalived);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn keepalived_is_master_and_locum_backup() {
    plays_along(Kind::Keepalived, Kind::Locum);
}
