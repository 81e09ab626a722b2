//! What the daemon may do once it runs, and that everything still works with that.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP, founding};

const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
const KILL: u64 = 1 << 5;
const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;

/// A line of `/proc/PID/status`, as a number.
fn field(lab: &mut Lab, node: &str, name: &str) -> u64 {
    let pid = lab.daemon(node).pid();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.expect("the kernel tells").trim_matches([':', '\t']);
    let radix = if name.starts_with("Cap") { 16 } else { 10 };
    u64::from_str_radix(value, radix).expect("a number")
}

/// Waits until a file holds this.
fn holds(lab: &mut Lab, file: &str, wanted: &str) {
    let path = lab.file(file);
    let start = Instant::now();
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.contains(wanted) {
            return;
        }
        assert!(start.elapsed() < SOON, "{file} is {text:?}, not {wanted:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn everything_works_with_what_is_kept() {
    let mut lab = Lab::new(&["A"]);
    // The script runs as nobody and writes where nobody may.
    let told = lab.file("told");
    fs::write(&told, "").expect("written");
    fs::set_permissions(&told, fs::Permissions::from_mode(0o666)).expect("ours");
    let script = lab.file("notify.sh");
    let text = format!("#!/bin/sh\necho \"$3 $(id -un)\" >>{}\n", told.display());
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("ours");
    let more = format!(
        "notify {} nobody nogroup\n    virtual_routes {{\n        10.9.0.0/16 via 192.168.0.1\n    }}\n\
         \x20   track_script {{\n        up\n    }}\n    use_vmac\n    no_accept\n    advert_int 1\n",
        script.display()
    );
    let check = "vrrp_script up {\n    script \"/bin/true\"\n    user nobody\n}\n";
    let conf = founding("A").replace("    advert_int 1\n", &more);
    let conf = conf.replace("vrrp_instance", &format!("{check}\nvrrp_instance"));
    lab.start("A", Kind::Locum, &conf);
    lab.await_holders(VIP, &["A"], SOON);
    let kept = NET_ADMIN | NET_RAW | KILL | SETGID | SETUID;
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(field(&mut lab, "A", set), kept, "{set}");
    }
    assert_eq!(field(&mut lab, "A", "CapAmb"), 0);
    assert_eq!(field(&mut lab, "A", "NoNewPrivs"), 1);
    holds(&mut lab, "told", "MASTER nobody");
    let namespace = lab.namespace("A");
    let routes = must(&format!("ip -n {namespace} route show 10.9.0.0/16"));
    assert!(routes.contains("via 192.168.0.1"), "{routes}");
    let address = must(&format!("ip -n {namespace} addr show to {VIP}"));
    assert!(
        address.contains("vrrp.51") && !address.contains("forever"),
        "{address}"
    );
    let table = must(&format!(
        "ip netns exec {namespace} nft list table inet locum"
    ));
    assert!(table.contains(VIP), "{table}");
    lab.daemon("A").signal(Signal::SIGTERM);
    assert!(lab.daemon("A").await_end(SOON).success());
    holds(&mut lab, "told", "STOP nobody");
    let links = must(&format!("ip -n {namespace} link show"));
    assert!(!links.contains("vrrp.51"), "{links}");
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn a_reload_can_t_take_back_what_was_given_up() {
    let mut lab = Lab::new(&["A"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);
    assert_eq!(field(&mut lab, "A", "CapPrm"), NET_ADMIN | NET_RAW);
    let reload = |lab: &mut Lab, conf: &str| {
        fs::write(lab.daemon("A").configuration(), conf).expect("written");
        lab.daemon("A").signal(Signal::SIGHUP);
    };
    let script = founding("A").replace("advert_int 1", "advert_int 1\n    notify /bin/true nobody");
    reload(&mut lab, &script);
    holds(&mut lab, "A.log", "a script runs as another user now");
    let second = founding("A").replace(
        &format!("        {VIP}/24\n"),
        &format!("        {VIP}/24\n        192.168.0.201/24\n"),
    );
    reload(&mut lab, &second);
    lab.await_holders("192.168.0.201", &["A"], SOON);
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn another_user_with_two_capabilities_is_enough() {
    let mut lab = Lab::new(&["A"]);
    let folder = lab.file("");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("ours");
    let under = "setpriv --reuid 65534 --regid 65534 --clear-groups \
                 --inh-caps +net_admin,+net_raw --ambient-caps +net_admin,+net_raw";
    let under: Vec<&str> = under.split_whitespace().collect();
    // The namespace's own files below /proc/sys are root's: its capabilities open them.
    let conf = founding("A").replace("advert_int 1", "use_vmac\n    no_accept\n    advert_int 1");
    lab.start_under(&under, "A", Kind::Locum, &conf);
    lab.await_holders(VIP, &["A"], SOON);
    assert_eq!(field(&mut lab, "A", "CapEff"), NET_ADMIN | NET_RAW);
    assert_eq!(field(&mut lab, "A", "CapAmb"), 0);
    let namespace = lab.namespace("A");
    let table = must(&format!(
        "ip netns exec {namespace} nft list table inet locum"
    ));
    assert!(table.contains(VIP), "{table}");
    lab.daemon("A").signal(Signal::SIGTERM);
    assert!(lab.daemon("A").await_end(SOON).success());
    lab.await_holders(VIP, &[], SOON);
    // Without them it says what is missing.
    let without: Vec<&str> = under.iter().copied().take(6).collect();
    lab.start_under(&without, "A", Kind::Locum, &conf);
    assert_eq!(lab.daemon("A").await_end(SOON).code(), Some(4));
    assert!(
        lab.daemon("A").log().contains("CAP_NET_ADMIN"),
        "it says so"
    );
}
