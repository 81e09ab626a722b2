//! Backslash escapes in command lines.
//!
//! keepalived reads a command twice: the double-quoted string first, then its words as a shell
//! would. Both passes know these escapes (measured with 2.2.7). Other strings have none: there a
//! backslash is a backslash.

/// Appends what a backslash and the beginning of `rest` stand for, and returns the bytes of `rest`
/// that were used. A byte beyond ASCII is meant as it is; a zero byte, which no argument can hold,
/// is left out.
pub(super) fn push(rest: &str, out: &mut Vec<u8>) -> usize {
    let Some(c) = rest.chars().next() else {
        return 0;
    };
    let (byte, used) = match c {
        'a' => (0x07, 1),
        'b' => (0x08, 1),
        'E' => (0x1b, 1),
        'f' => (0x0c, 1),
        'n' => (b'\n', 1),
        'r' => (b'\r', 1),
        't' => (b'\t', 1),
        'v' => (0x0b, 1),
        'x' => digits(&rest[1..], 16, usize::MAX).map_or((b'x', 1), |(byte, n)| (byte, n + 1)),
        '0'..='7' => digits(rest, 8, 3).expect("the first is a digit"),
        'c' if rest[1..].starts_with(|c: char| c.is_ascii()) => (rest.as_bytes()[1] & 0x1f, 2),
        c => {
            out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            return c.len_utf8();
        }
    };
    if byte != 0 {
        out.push(byte);
    }
    used
}

/// The low byte of the number at the start of `text`, and how many digits it has; `None` without
/// any.
fn digits(text: &str, base: u32, most: usize) -> Option<(u8, usize)> {
    let digits = text.chars().take(most).map_while(|c| c.to_digit(base));
    let (value, count) = digits.fold((0_u32, 0), |(value, count), digit| {
        ((value * base + digit) & 0xff, count + 1)
    });
    (count > 0).then(|| (u8::try_from(value).expect("masked to a byte"), count))
}

#[cfg(test)]
mod tests {
    fn read(rest: &str) -> (Vec<u8>, &str) {
        let mut out = Vec::new();
        let used = super::push(rest, &mut out);
        (out, &rest[used..])
    }

    #[test]
    fn numbers_are_bytes() {
        assert_eq!(read("x41g"), (b"A".to_vec(), "g"));
        assert_eq!(read("x1234 "), (vec![0x34], " "));
        assert_eq!(read("1012"), (b"A".to_vec(), "2"));
        assert_eq!(read("777"), (vec![0xff], ""));
        assert_eq!(read("xg"), (b"x".to_vec(), "g"));
        assert_eq!(read("0q"), (Vec::new(), "q"));
    }

    #[test]
    fn letters_are_controls_and_the_rest_is_itself() {
        assert_eq!(read("t"), (b"\t".to_vec(), ""));
        assert_eq!(read("cA"), (vec![1], ""));
        assert_eq!(read("c"), (b"c".to_vec(), ""));
        assert_eq!(read("\\x"), (b"\\".to_vec(), "x"));
        assert_eq!(read("é"), ("é".as_bytes().to_vec(), ""));
        assert_eq!(read(""), (Vec::new(), ""));
    }
}
