//! Golden frames, and what must hold for any bytes.
use core::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::wire::GROUP_V4;

#[test]
fn encodes_as_keepalived() {
    let addresses = [Ipv4Addr::new(192, 168, 0, 200).into()];
    let advert = Advert {
        version: Version::V2,
        vrid: Vrid::new(51).unwrap(),
        priority: Priority(100),
        interval: Centis::from_seconds(1).unwrap(),
        auth: Auth::Password(*b"1111\0\0\0\0"),
        addresses: &addresses,
    };
    let source = Ipv4Addr::new(192, 168, 0, 11);
    let mut packet = Vec::new();
    advert_packet(1, 255, source, GROUP_V4, &advert, &mut packet);
    let hex: String = packet.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        hex,
        "45c0002800010000ff7019dfc0a8000be0000012\
         21336401010155f7c0a800c83131313100000000"
    );
    let view = AdvertView::new(&packet[20..], Version::V2, Family::V4).unwrap();
    assert_eq!(
        view.checksum_form(IpAddr::V4(source), GROUP_V4.into()),
        Some(ChecksumForm::Message)
    );
}
