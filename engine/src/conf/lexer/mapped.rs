//! A line as it reads after expansion, with where each of its bytes comes from.

/// Text, and the places in the file's line it comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapped {
    pub(super) text: String,
    /// In order, without gaps; each reaches to the next one.
    segments: Vec<Segment>,
}

/// A stretch of a [`Mapped`] text.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Where it starts in the text.
    at: usize,
    /// Where it starts in the file's line.
    source: usize,
    /// The length of the name it stands for; `None` when it stands for itself.
    name: Option<usize>,
    /// The definition it comes from, as the report numbers them; 0 for none.
    via: u32,
}

impl Mapped {
    /// Text that stands `offset` bytes into the file's line.
    pub(super) fn plain(text: &str, offset: usize) -> Self {
        Self {
            text: text.to_owned(),
            segments: vec![Segment {
                at: 0,
                source: offset,
                name: None,
                via: 0,
            }],
        }
    }

    /// The text from an offset on.
    pub(super) fn tail(&self, start: usize) -> Self {
        self.slice(start, self.text.len())
    }

    /// A stretch of the text.
    pub(super) fn slice(&self, start: usize, end: usize) -> Self {
        let mut slice = Self::default();
        slice.copy(self, start, end);
        slice
    }

    /// Appends a stretch of another text.
    pub(super) fn copy(&mut self, other: &Self, start: usize, end: usize) {
        let first = other.segments.partition_point(|s| s.at <= start);
        for segment in &other.segments[first.saturating_sub(1)..] {
            if segment.at >= end {
                break;
            }
            let from = segment.at.max(start);
            let skipped = if segment.name.is_some() {
                0
            } else {
                from - segment.at
            };
            self.segments.push(Segment {
                at: self.text.len() + (from - start),
                source: segment.source + skipped,
                ..*segment
            });
        }
        self.text.push_str(&other.text[start..end]);
    }

    /// Appends a value in place of the name at `start..end` of another text.
    pub(super) fn replace(&mut self, other: &Self, (start, end): (usize, usize), value: Value<'_>) {
        let (source, until, outer) = other.locate(start, end);
        if value.text.is_empty() {
            return;
        }
        self.segments.push(Segment {
            at: self.text.len(),
            source,
            name: Some(until - source),
            via: if value.via == 0 { outer } else { value.via },
        });
        self.text.push_str(value.text);
    }

    /// The bytes of the file's line that a stretch comes from, and the definition it comes from.
    pub(super) fn locate(&self, start: usize, end: usize) -> (usize, usize, u32) {
        let segment = |offset: usize| {
            let after = self.segments.partition_point(|s| s.at <= offset);
            self.segments.get(after.saturating_sub(1))
        };
        let (first, via) = segment(start).map_or((start, 0), |s| match s.name {
            Some(_) => (s.source, s.via),
            None => (s.source + (start - s.at), s.via),
        });
        let last = segment(end.saturating_sub(1).max(start));
        let (last, last_via) = last.map_or((end, 0), |s| match s.name {
            Some(name) => (s.source + name, s.via),
            None => (s.source + (end - s.at), s.via),
        });
        (
            first,
            last.max(first),
            if via == 0 { last_via } else { via },
        )
    }
}

/// What stands for a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) text: &'a str,
    /// The definition it comes from; 0 when it has none.
    pub(super) via: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `prio 4$X`, with a value of six bytes in place of `$X`.
    fn replaced() -> Mapped {
        let line = Mapped::plain("prio 4$X", 2);
        let mut out = Mapped::default();
        out.copy(&line, 0, 6);
        let value = Value {
            text: "2 and ",
            via: 7,
        };
        out.replace(&line, (6, 8), value);
        out
    }

    #[test]
    fn a_value_is_found_at_its_name() {
        let out = replaced();
        assert_eq!(out.text, "prio 42 and ");
        assert_eq!(out.locate(0, 4), (2, 6, 0));
        assert_eq!(out.locate(5, 7), (7, 10, 7));
        assert_eq!(out.locate(8, 11), (8, 10, 7));
    }

    #[test]
    fn parts_keep_their_places() {
        let tail = replaced().tail(7);
        assert_eq!((&*tail.text, tail.locate(1, 4)), (" and ", (8, 10, 7)));
        let part = replaced().slice(1, 6);
        assert_eq!((&*part.text, part.locate(0, 3)), ("rio 4", (3, 6, 0)));
        assert_eq!(Mapped::default().locate(0, 0), (0, 0, 0));
    }
}
