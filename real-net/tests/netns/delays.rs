//! `interface_up_down_delays`: a change of the link counts once it has lasted; beside keepalived.

use std::time::{Duration, Instant};

use crate::lab::Lab;
use crate::process::Kind;
use crate::{SOON, VIP};

// Both below two intervals: keepalived makes longer ones shorter.
const DOWN: Duration = Duration::from_millis(1900);
const UP: Duration = Duration::from_millis(1500);

fn configuration() -> String {
    format!(
        "interface_up_down_delays {{
    eth0 {} {}
}}
vrrp_instance VI_1 {{
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    virtual_ipaddress {{
        {VIP}/24
    }}
}}
",
        DOWN.as_secs_f32(),
        UP.as_secs_f32()
    )
}

/// A blink of the link is nothing; a loss counts after its delay, and so does the return.
fn waits(kind: Kind) {
    let mut lab = Lab::new(&["A"]);
    lab.start("A", kind, &configuration());
    lab.await_holders(VIP, &["A"], SOON);
    lab.pull("A");
    std::thread::sleep(DOWN / 4);
    lab.plug("A");
    lab.stays(VIP, &["A"], DOWN * 3 / 2);

    let pulled = Instant::now();
    lab.pull("A");
    lab.await_holders(VIP, &[], SOON);
    assert!(
        pulled.elapsed() >= DOWN,
        "let go after {:?}",
        pulled.elapsed()
    );

    let plugged = Instant::now();
    lab.plug("A");
    lab.await_holders(VIP, &["A"], SOON);
    // Then it listens, for 3 s and 106/256 s.
    let least = UP + Duration::from_millis(3410);
    assert!(
        plugged.elapsed() >= least,
        "back after {:?}",
        plugged.elapsed()
    );
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_link_that_blinks_is_no_loss() {
    waits(Kind::Locum);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn nor_is_it_one_for_keepalived() {
    waits(Kind::Keepalived);
}
