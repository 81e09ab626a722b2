//! The rarer words behind an address.

use super::{instance_with, said, usable};
use crate::config::{AddressOptions, Preferred, VirtualAddress};

/// The second address of an instance, and what is said of it.
fn read(line: &str) -> (VirtualAddress, Vec<String>) {
    let lines = format!("virtual_ipaddress_excluded {{\n{line}\n}}");
    let text = instance_with(&lines);
    let mut config = usable(&text);
    (config.instances[0].excluded.remove(0), said(&text))
}

#[test]
fn each_word_is_kept() {
    let (v6, _) =
        read("2001:db8::5/64 -nodad home mngtmpaddr noprefixroute no_track preferred_lft 30");
    let expected = AddressOptions {
        peer: None,
        detects_duplicates: true,
        home: true,
        makes_temporary: true,
        no_prefix_route: true,
        untracked: true,
        preferred: Preferred::Seconds(30),
    };
    assert_eq!(*v6.options, expected);
    let (plain, remarks) = read("2001:db8::5/64 nodad");
    assert_eq!(
        (AddressOptions::clone(&plain.options), remarks),
        (AddressOptions::default(), vec![])
    );
}

#[test]
fn a_lone_ipv6_address_is_never_chosen_as_a_source_unless_told_otherwise() {
    for (line, preferred) in [
        ("2001:db8::5/128", Some(0)),
        ("2001:db8::5/128 preferred_lft forever", None),
        ("2001:db8::5/64", None),
        ("2001:db8::5/64 preferred_lft 0", Some(0)),
        ("2001:db8::5/64 preferred_lft 30", Some(30)),
        ("192.0.2.5/32", None),
        ("192.0.2.5/32 preferred_lft 0", None),
    ] {
        assert_eq!(read(line).0.preferred(), preferred, "{line}");
    }
}

#[test]
fn beside_a_peer_the_prefix_length_is_a_host_s() {
    let (v4, remarks) = read("192.0.2.5 peer 192.0.2.6");
    assert_eq!((v4.prefix, v4.options.peer), (32, "192.0.2.6".parse().ok()));
    assert_eq!(remarks, [""; 0]);
    let (v6, remarks) = read("2001:db8::5/64 peer 2001:db8:1::1");
    assert_eq!((v6.prefix, v6.preferred()), (128, Some(0)));
    assert!(remarks[0].contains("/128 is used"), "{remarks:?}");
    let (other, remarks) = read("192.0.2.5/24 peer 2001:db8::1");
    assert_eq!((other.prefix, other.options.peer), (24, None));
    assert!(remarks[0].contains("same family"), "{remarks:?}");
}

#[test]
fn what_the_kernel_would_refuse_is_left_out() {
    for (line, part) in [
        ("2001:db8::5/80 mngtmpaddr", "needs a /64"),
        ("2001:db8::5/64 autojoin", "only a group can be joined"),
        ("192.0.2.5/24 home", "an IPv4 address has no `home`"),
        ("192.0.2.5/24 -nodad", "an IPv4 address has no `-nodad`"),
        (
            "2001:db8::5/64 preferred_lft soon",
            "a number of seconds or `forever`",
        ),
        (
            "2001:db8::5/64 preferred_lft 4294967295",
            "a number of seconds or `forever`",
        ),
    ] {
        let (address, remarks) = read(line);
        assert_eq!(*address.options, AddressOptions::default(), "{line}");
        assert!(remarks[0].contains(part), "{line}: {remarks:?}");
    }
}

#[test]
fn a_lease_and_a_time_to_be_preferred_don_t_go_together() {
    let part = "leased addresses stay preferred";
    let (_, remarks) = read("2001:db8::5/64 preferred_lft 30");
    assert!(remarks[0].contains(part), "{remarks:?}");
    let lines =
        "address_lease off\nvirtual_ipaddress_excluded {\n2001:db8::5/64 preferred_lft 30\n}";
    assert_eq!(said(&instance_with(lines)), [""; 0]);
}
