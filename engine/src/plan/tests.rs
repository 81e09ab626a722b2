use super::*;
use crate::conf::{NoIncludes, read};

fn config(text: &str) -> Config {
    let reading = read("k.conf", text, &mut NoIncludes);
    reading
        .config
        .unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn instance(name: &str, interface: &str, vrid: u8, rest: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface {interface}\nvirtual_router_id {vrid}\n{rest}\n}}\n"
    )
}

const CHECK: &str = "vrrp_script web {\nscript \"/bin/true\"\ninterval 2\n}\n";

/// The plan in words; also that its moves and its steps say the same.
fn plan(old: &str, new: &str) -> String {
    let (old, new) = (config(old), config(new));
    let plan = Plan::new(&old, &new);
    assert_eq!(
        plan.instances.iter().filter(|s| s.to.is_some()).count(),
        new.instances.len()
    );
    assert_eq!(
        plan.instances.iter().filter(|s| s.from.is_some()).count(),
        old.instances.len()
    );
    for step in &plan.instances {
        let goes_on = matches!(step.fate, Fate::Unchanged | Fate::Changed(_));
        if let Some(from) = step.from {
            assert_eq!(plan.moves.instance(from), step.to.filter(|_| goes_on));
        }
    }
    plan.to_string()
}

#[test]
fn the_same_again_is_nothing() {
    let text = instance("A", "eth0", 51, "virtual_ipaddress {\n10.0.0.1\n}");
    assert_eq!(plan(&text, &text), "nothing changes\n");
}

#[test]
fn another_order_is_nothing() {
    let a = instance(
        "A",
        "eth0",
        51,
        "virtual_ipaddress {\n10.0.0.1\n10.0.0.9 dev eth1\n}",
    );
    let track = "track_script {\nweb\n}\ntrack_interface {\neth2\n}";
    let b = instance("B", "eth1", 52, track);
    let other = "vrrp_script other {\nscript \"/bin/false\"\n}\n";
    let c = instance("C", "eth3", 53, "track_script {\nother\n}");
    let one = format!("{CHECK}{other}{a}{b}{c}");
    let two = format!("{other}{CHECK}{c}{b}{a}");
    assert_eq!(plan(&one, &two), "nothing changes\n");
}

#[test]
fn what_changes_is_named() {
    let old = instance(
        "A",
        "eth0",
        51,
        "priority 100\nvirtual_ipaddress {\n10.0.0.1\n10.0.0.2\n}",
    );
    let new = instance(
        "A",
        "eth0",
        51,
        "priority 150\nadvert_int 2\nnopreempt\nvirtual_ipaddress {\n10.0.0.2\n10.0.0.3/24 label eth0:1\n}",
    );
    let expected = "\
vrrp_instance A: changed while it runs
    priority 100 -> 150
    advert_int 1 s -> 2 s
    preempt always -> never
    virtual_ipaddress + 10.0.0.3/24 dev eth0 label eth0:1, - 10.0.0.1/32 dev eth0
    address_lease 5 s -> 8 s
";
    assert_eq!(plan(&old, &new), expected);
}

#[test]
fn passwords_are_not_shown() {
    let with = |password: &str| {
        instance(
            "A",
            "eth0",
            51,
            &format!("authentication {{\nauth_type PASS\nauth_pass {password}\n}}"),
        )
    };
    let said = plan(&with("first"), &with("second"));
    assert_eq!(
        said,
        "vrrp_instance A: changed while it runs\n    authentication changed\n"
    );
}

#[test]
fn the_wire_says_who_is_who() {
    let old = format!(
        "{}{}",
        instance("A", "eth0", 51, ""),
        instance("B", "eth0", 52, "")
    );
    let renamed = format!(
        "{}{}",
        instance("B", "eth0", 52, ""),
        instance("Z", "eth0", 51, "")
    );
    let said = plan(&old, &renamed);
    assert!(
        said.contains("Z: changed while it runs\n    vrrp_instance A -> Z"),
        "{said}"
    );
    assert!(said.contains("B: unchanged"), "{said}");
    // Two that swap their numbers swap their names and addresses, and both go on.
    let swapped = format!(
        "{}{}",
        instance("A", "eth0", 52, ""),
        instance("B", "eth0", 51, "")
    );
    let said = plan(&old, &swapped);
    assert_eq!(said.matches("changed while it runs").count(), 2, "{said}");
}

#[test]
fn another_number_or_interface_is_another_router() {
    let old = instance("A", "eth0", 51, "");
    let said = plan(&old, &instance("A", "eth0", 52, ""));
    assert_eq!(
        said,
        "vrrp_instance A: restarted\n    virtual_router_id 51 -> 52\n"
    );
    let said = plan(&old, &instance("A", "eth1", 51, ""));
    assert_eq!(
        said,
        "vrrp_instance A: restarted\n    interface eth0 -> eth1\n"
    );
    let said = plan(&old, &instance("B", "eth1", 52, ""));
    assert_eq!(said, "vrrp_instance B: added\nvrrp_instance A: removed\n");
}

#[test]
fn checks_are_known_by_name() {
    let track = instance("A", "eth0", 51, "track_script {\nweb\n}");
    let old = format!("{CHECK}{track}");
    let slower = old.replace("interval 2", "interval 5");
    let said = plan(&old, &slower);
    assert!(said.contains("vrrp_instance A: unchanged"), "{said}");
    assert!(
        said.contains("vrrp_script web: changed while it runs\n    interval 2 s -> 5 s"),
        "{said}"
    );
    let said = plan(&old, &old.replace("/bin/true", "/bin/false"));
    assert!(
        said.contains("vrrp_script web: restarted\n    script /bin/true -> /bin/false"),
        "{said}"
    );
    let said = plan(&old, &instance("A", "eth0", 51, ""));
    assert!(said.contains("    track_script - web weight 0"), "{said}");
    assert!(said.contains("vrrp_script web: removed"), "{said}");
}

#[test]
fn the_start_delay_waits_for_a_start() {
    let text = instance("A", "eth0", 51, "");
    let delayed = format!("global_defs {{\nvrrp_startup_delay 5\n}}\n{text}");
    let said = plan(&text, &delayed);
    assert!(
        said.starts_with("vrrp_startup_delay (at the next start) 0 s -> 5 s\n"),
        "{said}"
    );
    assert!(said.contains("A: unchanged"), "{said}");
}

/// Of many, those that change aren't lost among the others.
#[test]
fn many_that_stay_as_they_are_are_counted() {
    let many = |n: u8| -> String {
        let one = |n| instance(&format!("A{n}"), "eth0", n, "");
        (1..=n).map(one).collect()
    };
    let said = plan(&many(40), &many(41));
    assert_eq!(
        said,
        "vrrp_instance A41: added\nvrrp_instance: 40 others unchanged\n"
    );
}
