//! What is exposed is well-formed, complete, and true of the engine it was made from.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use locum_engine::conf::{self, NoIncludes};
use locum_engine::ids::InterfaceId;
use locum_engine::{Command, Engine, Input, Instant, LinkState};

use super::*;
use crate::desk::About;

/// An engine with that many instances, at most 250 on an interface; all are master.
fn engine(instances: u16) -> Engine {
    let mut text = "vrrp_script gw {\n script \"/bin/true\"\n weight 2\n}\n".to_owned();
    for n in 1..=instances {
        let (network, vrid) = ((n - 1) / 250, (n - 1) % 250 + 1);
        let _ = write!(
            text,
            "vrrp_instance \"VI \\{n}\" {{\n interface eth{network}\n virtual_router_id {vrid}\n \
             track_script {{\n gw\n }}\n virtual_ipaddress {{\n 10.0.{network}.{vrid}\n }}\n}}\n"
        );
    }
    let reading = conf::read("k.conf", &text, &mut NoIncludes);
    let mut engine = Engine::new(reading.config.expect("it can be read"));
    let state = LinkState {
        up: true,
        address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        ..LinkState::default()
    };
    let interfaces = (0..engine.config().interfaces.len()).map(|i| InterfaceId(i as u16));
    let interfaces: Vec<_> = interfaces.collect();
    let mut give = |now, input| {
        engine.handle(now, input);
        while engine.poll_output().is_some() {}
    };
    for interface in interfaces {
        give(Instant::ZERO, Input::Link { interface, state });
    }
    give(Instant::ZERO, Input::Command(Command::Start));
    give(Instant::from_millis(10_000), Input::Timeout);
    engine
}

fn scrape(engine: &Engine) -> (String, usize) {
    let about = About::default();
    let view = View {
        status: engine.status(),
        about: &about,
        now: Instant::from_millis(20_000),
        utc: std::time::Duration::from_secs(1_000_000),
    };
    let (mut text, mut portions) = (Vec::new(), 0);
    let mut exposition = Exposition::default();
    loop {
        let portion = exposition.portion(&view);
        text.extend(portion.text);
        portions += 1;
        if portion.last {
            let text = String::from_utf8(text).expect("text");
            return (text, portions);
        }
    }
}

/// Every family once, with help and type, its samples together, and every line a sample.
#[test]
fn what_is_exposed_is_well_formed() {
    let (text, _) = scrape(&engine(3));
    let (mut family, mut seen) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap_or_default().to_owned();
            assert!(seen.insert(family.clone()), "{family} twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert!(kind.starts_with(&format!("{family} ")), "{kind}");
        } else {
            assert!(line.starts_with(&family), "{line} among {family}");
            let (name, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let labels = name.split_once('{').map(|(_, labels)| labels);
            assert!(
                labels.is_none_or(|labels| labels.ends_with("\"}")),
                "{line}"
            );
        }
    }
    let families: BTreeSet<String> = names().map(str::to_owned).collect();
    assert_eq!(seen, families);
}

#[test]
fn values_are_the_engine_s() {
    let (text, _) = scrape(&engine(2));
    let has = |line: &str| assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    let name = r#"vrrp_instance="VI \\1""#;
    has(&format!(
        r#"locum_instance_state{{{name},interface="eth0",vrid="1"}} 2"#
    ));
    has(&format!("locum_instance_priority{{{name}}} 100"));
    has(&format!("locum_instance_since_seconds{{{name}}} 999990"));
    has(&format!("locum_adverts_sent_total{{{name}}} 1"));
    has(&format!(
        r#"locum_transitions_total{{{name},to="master",reason="master_silent"}} 1"#
    ));
    has(&format!(
        r#"locum_announcement_bursts_total{{{name},occasion="takeover"}} 1"#
    ));
    has(&format!("locum_announcements_total{{{name}}} 5"));
    has(r#"locum_check_good{check="gw"} 0"#);
    has(r#"locum_interface_up{interface="eth0"} 1"#);
    has(r#"locum_timer_lateness_seconds_bucket{le="+Inf"} 2"#);
}

/// Many instances come in several portions, and none twice or never.
#[test]
fn no_instance_is_left_out_between_portions() {
    let count = 600;
    let mut many = engine(count);
    let (text, portions) = scrape(&many);
    let states = |text: &str| {
        let lines = text
            .lines()
            .filter(|l| l.starts_with("locum_instance_state{"));
        lines.map(str::to_owned).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(states(&text), usize::from(count));
    assert!(
        portions >= names().count(),
        "a portion is one family at most"
    );
    many.handle(Instant::from_millis(30_000), Input::Timeout);
    assert_eq!(states(&scrape(&many).0), usize::from(count));
}

/// The dashboard that is shipped shows nothing that isn't there.
#[test]
fn every_metric_of_the_dashboard_is_exported() {
    let text = include_str!("../../dist/grafana.json");
    let dashboard: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let mut expressions = Vec::new();
    collect(&dashboard, &mut expressions);
    assert!(expressions.len() >= 8, "{expressions:?}");
    let known: BTreeSet<&str> = names().collect();
    for expression in expressions {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let mut metrics = words.filter(|word| word.starts_with("locum_")).peekable();
        assert!(metrics.peek().is_some(), "{expression} names none");
        for metric in metrics {
            let base = metric.trim_end_matches("_bucket");
            assert!(known.contains(base), "{metric} in {expression}");
        }
    }
}

/// Every `expr` and `query` in it.
fn collect(value: &serde_json::Value, expressions: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                match value
                    .as_str()
                    .filter(|_| key == "expr" || key == "definition")
                {
                    Some(text) => expressions.push(text.to_owned()),
                    None => collect(value, expressions),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|v| collect(v, expressions)),
        _ => {}
    }
}
