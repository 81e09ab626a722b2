//! Values of flags that are neither paths nor names.

/// `-S`: the number of a syslog facility, as it stands in a message (daemon is 3, local0 is 16).
pub(super) fn facility(text: &str) -> Result<u8, String> {
    let local = |number: &str| number.parse().ok().filter(|n| *n < 8).map(|n: u8| 16 + n);
    let number = match text {
        "user" => Some(1),
        "daemon" => Some(3),
        _ => local(text.strip_prefix("local").unwrap_or(text)),
    };
    number.ok_or_else(|| "a facility is 0 to 7, local0 to local7, user or daemon".to_owned())
}

/// `-u`: a number as C writes it.
pub(super) fn mask(text: &str) -> Result<u32, String> {
    let (digits, radix) = match text {
        "0" => ("0", 10),
        _ => match text.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => match text.strip_prefix('0') {
                Some(digits) => (digits, 8),
                None => (text, 10),
            },
        },
    };
    let number = u32::from_str_radix(digits, radix).ok();
    let number = number.filter(|mask| *mask <= 0o777);
    number
        .ok_or_else(|| "a mask is a number from 0 to 0777, octal when it begins with 0".to_owned())
}

/// `--signum`: the signal that asks a running daemon for this.
pub fn signal_number(name: &str) -> Option<i32> {
    Some(match name {
        "STOP" => libc::SIGTERM,
        "RELOAD" => libc::SIGHUP,
        "DATA" => libc::SIGUSR1,
        "STATS" => libc::SIGUSR2,
        "STATS_CLEAR" => libc::SIGRTMAX() - 1,
        "JSON" => libc::SIGRTMIN() + 2,
        "TDUMP" => libc::SIGRTMAX(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facilities_are_numbers_and_names() {
        assert_eq!(facility("7"), Ok(23));
        assert_eq!(facility("local0"), Ok(16));
        assert_eq!(facility("daemon"), Ok(3));
        assert!(facility("8").is_err() && facility("mail").is_err());
    }

    #[test]
    fn masks_are_written_as_in_c() {
        assert_eq!(mask("077"), Ok(0o77));
        assert_eq!(mask("63"), Ok(0o77));
        assert_eq!(mask("0x3f"), Ok(0o77));
        assert_eq!(mask("0"), Ok(0));
        assert!(mask("07777").is_err() && mask("-1").is_err() && mask("09").is_err());
    }

    #[test]
    fn signals_have_the_numbers_that_keepalived_prints() {
        let numbers = [
            "STOP",
            "RELOAD",
            "DATA",
            "STATS",
            "STATS_CLEAR",
            "JSON",
            "TDUMP",
        ];
        let numbers = numbers.map(|name| signal_number(name).expect("a name"));
        assert_eq!(numbers, [15, 1, 10, 12, 63, 36, 64]);
        assert_eq!(signal_number("stop"), None);
    }
}
