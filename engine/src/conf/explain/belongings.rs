//! What a master has besides its addresses, and what belongs to no instance, in plain words.

use super::MOST_SHOWN;
use crate::config::{Config, InstanceConfig, Object};

/// At which MAC address its addresses are.
pub(super) fn virtual_mac(config: &Config, instance: &InstanceConfig) -> Option<String> {
    let vmac = instance.vmac?;
    let device = config.device(vmac.device)?;
    let name = config.interface_name(device.interface);
    let base = config.interface_name(device.base);
    let adverts = match vmac.xmit_base {
        true => format!("adverts leave from {base} with its own"),
        false => "adverts come from it too".to_owned(),
    };
    Some(format!(
        "Its addresses are on {name}, a device it makes on {base}, with the MAC address {}, which moves with them: neighbours keep their entries, switches learn the new place; {adverts}.",
        device.mac
    ))
}

/// Whether the master can be talked to.
pub(super) fn access(instance: &InstanceConfig) -> Option<String> {
    instance.refuses_access().then(|| {
        "As master it forwards for others and drops what is addressed to its virtual addresses (`no_accept`): not even ping is answered."
            .to_owned()
    })
}

/// Its routes and rules.
pub(super) fn objects(config: &Config, instance: &InstanceConfig) -> Option<String> {
    let list = list(config, &instance.objects)?;
    Some(format!(
        "The master installs {list}; what somebody removes is put back."
    ))
}

/// A paragraph on what is there for as long as the daemon runs.
pub(super) fn statics(config: &Config) -> Option<String> {
    let statics = &config.statics;
    let mut parts: Vec<String> = statics
        .addresses
        .iter()
        .take(MOST_SHOWN)
        .map(|a| {
            format!(
                "{}/{} on {}",
                a.address,
                a.prefix,
                config.interface_name(a.interface)
            )
        })
        .collect();
    if statics.addresses.len() > MOST_SHOWN {
        parts.push(format!(
            "{} more addresses",
            statics.addresses.len() - MOST_SHOWN
        ));
    }
    parts.extend(list(config, &statics.objects));
    if parts.is_empty() {
        return None;
    }
    let mut text = format!(
        "From start to stop, whoever is master: {}.\n",
        parts.join(", ")
    );
    if !statics.tracked.is_empty() {
        text +=
            "  Where one of a `track_group` is missing, the instances of the group are in fault.\n";
    }
    Some(text)
}

fn list(config: &Config, objects: &[Object]) -> Option<String> {
    if objects.is_empty() {
        return None;
    }
    let shown = objects.iter().take(MOST_SHOWN);
    let shown = shown.map(|object| format!("the {}", object.display(config)));
    let mut list = shown.collect::<Vec<_>>().join(", ");
    if objects.len() > MOST_SHOWN {
        list += &format!(" and {} more", objects.len() - MOST_SHOWN);
    }
    Some(list)
}
