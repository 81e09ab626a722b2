//! Whole configurations in the style of those in the field: what becomes of each of them.
//!
//! They were written here after the habits of the generators, roles and tutorials that most
//! configurations come from (which keywords, which layout, which mistakes), none copied. What must
//! hold is asserted; the snapshots show what an operator is told, diagnostics first.

use crate::conf::{Reading, Severity, SourceText, Sources, explain, read};
use crate::config::{Config, Preempt, Version};

/// Node `lb-a` with an empty folder of further files.
struct Node(&'static str);

impl Sources for Node {
    fn read(&mut self, _: &str, _: &str) -> Result<Vec<SourceText>, String> {
        Ok(Vec::new())
    }

    fn config_id(&self) -> Option<&str> {
        Some(self.0)
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name == "VIP").then(|| "192.0.2.200".to_owned())
    }
}

fn on(node: &'static str, text: &str) -> Reading {
    read("keepalived.conf", text, &mut Node(node))
}

/// What an operator sees of a reading.
fn shown(reading: &Reading) -> String {
    let diagnostics = reading.diagnostics.iter();
    let diagnostics: Vec<String> = diagnostics.map(|d| format!("{d}\n")).collect();
    let explained = reading.config.as_ref().map(explain);
    let explained = explained.unwrap_or_else(|| "It can't be used.\n".to_owned());
    format!("{}\n{explained}", diagnostics.join("\n"))
}

fn config(reading: &Reading) -> &Config {
    match &reading.config {
        Some(config) => config,
        None => panic!("not usable:\n{}", shown(reading)),
    }
}

fn has(reading: &Reading, severity: Severity, part: &str) -> bool {
    let mut diagnostics = reading.diagnostics.iter();
    diagnostics.any(|d| d.severity == severity && d.message.contains(part))
}

#[test]
fn octavia() {
    let reading = on("lb-a", include_str!("corpus/octavia.conf"));
    let instance = &config(&reading).instances[0];
    assert_eq!(
        (instance.priority.get(), instance.garp.refresh_repeat),
        (100, 2)
    );
    assert_eq!(instance.tracks.len(), 1);
    assert!(!has(&reading, Severity::Error, ""), "{}", shown(&reading));
    insta::assert_snapshot!(shown(&reading));
}

#[test]
fn neutron() {
    let reading = on("lb-a", include_str!("corpus/neutron.conf"));
    let instance = &config(&reading).instances[0];
    assert_eq!((instance.vrid.get(), instance.preempt), (7, Preempt::Never));
    assert_eq!(
        instance.addresses.len(),
        1,
        "the advertised address never changes"
    );
    assert!(instance.excluded.len() >= 3);
    insta::assert_snapshot!(shown(&reading));
}

#[test]
fn kube_keepalived_vip() {
    let reading = on("lb-a", include_str!("corpus/kube-keepalived-vip.conf"));
    let instance = &config(&reading).instances[0];
    assert_eq!(
        (instance.version, instance.addresses.len()),
        (Version::V3, 2)
    );
    let balancer = reading
        .diagnostics
        .iter()
        .filter(|d| d.message.contains("load balancing"));
    assert_eq!(balancer.count(), 1, "a block is skipped as a unit");
    insta::assert_snapshot!(shown(&reading));
}

#[test]
fn ansible_role() {
    let reading = on("lb-a", include_str!("corpus/ansible-role.conf"));
    let [external, internal] = &config(&reading).instances[..] else {
        panic!("two instances")
    };
    assert_eq!(external.addresses[0].label.as_deref(), Some("ens192:vip"));
    assert_eq!(
        internal.preempt,
        Preempt::After(core::time::Duration::from_secs(30))
    );
    // A member's own weight doesn't count, as in keepalived.
    assert_eq!(external.tracks, []);
    assert_eq!(config(&reading).groups[0].members.len(), 2);
    let raise = reading
        .diagnostics
        .iter()
        .find(|d| d.message.contains("`raise`"));
    assert_eq!(
        raise.and_then(|d| d.help.as_deref()),
        Some("did you mean `rise`?")
    );
    insta::assert_snapshot!(shown(&reading));
}

#[test]
fn operator() {
    let text = include_str!("corpus/operator.conf");
    let (first, other) = (on("lb-a", text), on("lb-b", text));
    let priority = |reading: &Reading| config(reading).instances[0].priority.get();
    assert_eq!((priority(&first), priority(&other)), (200, 100));
    let address = &config(&other).instances[0].addresses[0].address;
    assert_eq!(address.to_string(), "192.0.2.200");
    insta::assert_snapshot!(shown(&other));
}

#[test]
fn tutorial_nginx() {
    let text = include_str!("corpus/tutorial-nginx.conf");
    let reading = on("lb-a", text);
    // keepalived gives up on the value that is only a comment; so the mistakes show one by one.
    let text = text.replace("unicast_src_ip #10.0.0.2\n", "\n");
    let mended = on("lb-a", &text);
    let instance = &config(&mended).instances[0];
    assert_eq!(instance.tracks, [], "nothing is tracked under that name");
    assert!(has(
        &mended,
        Severity::Warning,
        "there is no `vrrp_script chk_ngnix`"
    ));
    assert!(has(
        &mended,
        Severity::Warning,
        "`#` starts a comment even within a word"
    ));
    assert_eq!(
        instance.garp.delay.as_secs(),
        3,
        "the last value, git's marks notwithstanding"
    );
    assert_eq!(instance.addresses.len(), 2);
    insta::assert_snapshot!(format!("{}\n\n{}", shown(&reading), shown(&mended)));
}

#[test]
fn fleet() {
    let text = include_str!("corpus/fleet.conf");
    let (first, other) = (on("lb-a", text), on("lb-b", text));
    let priorities = |reading: &Reading| -> Vec<u8> {
        let instances = config(reading).instances.iter();
        instances.map(|instance| instance.priority.get()).collect()
    };
    assert_eq!(priorities(&first), [150, 150, 100, 100]);
    assert_eq!(priorities(&other), [100, 100, 150, 150]);
    let last = &config(&first).instances[3];
    assert_eq!((&*last.name, last.vrid.get()), ("tenant2_net2", 12));
    assert_eq!(last.addresses[0].address.to_string(), "10.2.2.1");
    assert_eq!(config(&first).router_id.as_deref(), Some("lb-a"));
    insta::assert_snapshot!(shown(&first));
}

#[test]
fn broken() {
    let reading = on("lb-a", include_str!("corpus/broken.conf"));
    let instance = &config(&reading).instances[0];
    assert_eq!(instance.addresses.len(), 1);
    assert_eq!(instance.tracks[0].weight.value, 5);
    assert_eq!(instance.priority.get(), 100, "its line is misspelt");
    assert!(instance.auth != crate::config::Auth::None);
    insta::assert_snapshot!(shown(&reading));
}
