//! Where the daemon is reached: `control_socket` and `metrics`.

use crate::conf::{NoIncludes, read};
use crate::config::Operation;

/// What a line of `global_defs` makes of it, and how many remarks there are.
fn operation(line: &str) -> (Operation, usize) {
    let text = format!(
        "global_defs {{\n{line}\n}}\nvrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 5\n\
         virtual_ipaddress {{\n192.0.2.9\n}}\n}}\n"
    );
    let reading = read("k.conf", &text, &mut NoIncludes);
    let quiet = read("k.conf", &text.replace(line, ""), &mut NoIncludes);
    let remarks = reading.diagnostics.len() - quiet.diagnostics.len();
    (reading.config.expect("it can be used").operation, remarks)
}

#[test]
fn places_are_paths_addresses_or_off() {
    for place in ["/run/x/control.sock", "off"] {
        let (operation, remarks) = operation(&format!("control_socket {place}"));
        assert_eq!((operation.control.as_deref(), remarks), (Some(place), 0));
    }
    for place in ["127.0.0.1:9650", "[::1]:9650", "/run/x/metrics.sock", "off"] {
        let (operation, remarks) = operation(&format!("metrics {place}"));
        assert_eq!((operation.metrics.as_deref(), remarks), (Some(place), 0));
    }
    for wrong in [
        "control_socket x.sock",
        "metrics 9650",
        "metrics localhost:9650",
    ] {
        let (operation, remarks) = operation(wrong);
        assert_eq!((operation, remarks), (Operation::default(), 1), "{wrong}");
    }
}
