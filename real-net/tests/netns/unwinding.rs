//! A daemon that dies of its own bug lets go of its addresses.

use std::rc::Rc;
use std::thread;

use locum_engine::Effect;
use locum_engine::conf::{self, NoIncludes};
use locum_engine::driver::Host;
use locum_engine::ids::InstanceId;
use locum_real_net::host::KernelHost;
use locum_real_net::links::Links;
use nix::sched::{CloneFlags, unshare};

use crate::VIP;
use crate::tool::{must, require};

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_panic_removes_the_addresses() {
    require();
    // A namespace of its own, gone with the thread; commands started from it run there too.
    let inside = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
        must("ip link add eth0 type veth peer name other");
        must("ip link set eth0 up");
        let reading = conf::read("A.conf", &crate::founding("A"), &mut NoIncludes);
        let config = reading.config.expect("a configuration");
        let runtime = locum_real_net::runtime().expect("a runtime");
        let _inside = runtime.enter();
        let links = Rc::new(Links::new(&config.interfaces));
        let mut host = KernelHost::new(&config, links).expect("netlink");
        let address = config.instances[0].addresses[0].clone();
        host.apply(Effect::AddAddress {
            instance: InstanceId(0),
            address,
            lifetime: None,
        });
        while host.work() {}
        assert!(must("ip addr show eth0").contains(VIP), "it was added");
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _host = host;
            panic!("a bug");
        }));
        assert!(died.is_err());
        assert!(!must("ip addr show eth0").contains(VIP), "it was removed");
    });
    inside.join().expect("the namespace's thread");
}
