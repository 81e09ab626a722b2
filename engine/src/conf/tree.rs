//! Blocks: the pieces of all lines put together into items.
//!
//! An item is the words of one line and perhaps a block, whose brace may follow on the line or on
//! the next one. Missing and surplus braces are reported where the block was opened and mended the
//! way keepalived mends them, or better: a `}` that is missing is taken to stand before the first
//! line that can't belong to the block, so that one mistake doesn't spoil the blocks that follow.

use super::lexer::{Line, Piece, Word};
use super::schema::{self, Context};
use super::source::{Report, Span};

/// Blocks within blocks, at most; what is deeper is skipped.
const DEEPEST: usize = 12;

/// The words of a line with the block that belongs to them.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The keyword, or the first word of a value. Empty for a block without a keyword.
    pub(super) keyword: Word,
    /// The other words.
    pub(super) arguments: Vec<Word>,
    /// The block.
    pub(super) block: Option<Vec<Self>>,
}

/// Builds the items of the whole file.
pub(super) fn build(lines: Vec<Line>, report: &mut Report) -> Vec<Item> {
    let mut builder = Builder {
        report,
        open: vec![Level::root()],
        awaits_brace: false,
        too_deep: 0,
    };
    for line in lines {
        builder.line(line);
    }
    builder.finish()
}

/// A block that isn't closed yet.
struct Level {
    context: Context,
    /// The keyword that opened it; `None` for the file itself.
    opener: Option<Word>,
    items: Vec<Item>,
}

impl Level {
    fn root() -> Self {
        Self {
            context: Context::Root,
            opener: None,
            items: Vec::new(),
        }
    }
}

struct Builder<'a> {
    report: &'a mut Report,
    /// The file itself, then each block that is open.
    open: Vec<Level>,
    /// The last item may still get a block: no other item has followed it.
    awaits_brace: bool,
    /// Blocks open beyond [`DEEPEST`].
    too_deep: usize,
}

impl Builder<'_> {
    fn line(&mut self, line: Line) {
        let mut words: Vec<Word> = Vec::new();
        for piece in line {
            match piece {
                Piece::Word(word) => words.push(word),
                Piece::Open(span) => {
                    self.item(core::mem::take(&mut words));
                    self.brace(span);
                }
                Piece::Close(span) => {
                    self.item(core::mem::take(&mut words));
                    self.close(span);
                }
            }
        }
        self.item(words);
    }

    /// Adds an item, after mending what its keyword shows to be missing.
    fn item(&mut self, words: Vec<Word>) {
        let mut words = words.into_iter();
        let Some(keyword) = words.next() else { return };
        if self.too_deep > 0 {
            return;
        }
        self.open_missing();
        self.close_missing(&keyword);
        self.level().items.push(Item {
            keyword,
            arguments: words.collect(),
            block: None,
        });
        self.awaits_brace = true;
    }

    /// The last keyword needs a block and got none: the `{` is taken to be there.
    fn open_missing(&mut self) {
        if !self.awaits_brace {
            return;
        }
        let Level { context, items, .. } = self.level();
        let context = *context;
        let Some(item) = items.last() else { return };
        let keyword = item.keyword.clone();
        let bare = item.arguments.is_empty() || schema::is_named(&keyword.text);
        if context.opens_block(&keyword.text) && self.open.len() < DEEPEST {
            let text = &keyword.text;
            let message = format!("`{text}` needs a block: `{{` is missing");
            let hint = match bare {
                true => "read as if it were there, as keepalived does".to_owned(),
                false => format!(
                    "write `{text} {{`, what follows it here, and `}}`, each on a line of its own; what \
                     follows it on this line has no effect"
                ),
            };
            self.report.warning(keyword.span, message).hint(hint);
            self.push_level(keyword, context);
        }
    }

    /// A keyword that can't stand in the innermost block shows that a `}` is missing before it.
    fn close_missing(&mut self, keyword: &Word) {
        while let [.., outer, inner] = &self.open[..] {
            if !inner.context.ends_before(outer.context, &keyword.text) {
                return;
            }
            self.report_unclosed(Some(keyword.span.line));
            self.pop_level();
        }
    }

    /// `{`
    fn brace(&mut self, span: Span) {
        if self.too_deep > 0 || self.open.len() >= DEEPEST {
            if self.too_deep == 0 {
                self.report
                    .warning(span, "blocks are nested too deeply: this one is skipped");
            }
            self.too_deep += 1;
            return;
        }
        let awaited = core::mem::take(&mut self.awaits_brace);
        let Level { context, items, .. } = self.level();
        let context = *context;
        match items.last() {
            Some(item) if awaited => {
                let keyword = item.keyword.clone();
                self.push_level(keyword, context);
            }
            _ => {
                let keyword = Word {
                    text: String::new(),
                    span,
                    quoted: false,
                };
                items.push(Item {
                    keyword: keyword.clone(),
                    arguments: Vec::new(),
                    block: None,
                });
                self.report
                    .warning(span, "this block has no keyword and is skipped");
                self.push_level(keyword, Context::Opaque);
            }
        }
    }

    /// `}`
    fn close(&mut self, span: Span) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        self.open_missing();
        self.awaits_brace = false;
        if self.open.len() > 1 {
            self.pop_level();
        } else {
            self.report
                .warning(span, "this `}` closes nothing")
                .hint("is there one too many above, or is a `{` missing?");
        }
    }

    fn finish(mut self) -> Vec<Item> {
        while self.open.len() > 1 {
            self.report_unclosed(None);
            self.pop_level();
        }
        let root = self.open.pop().expect("the file itself is always open");
        root.items
    }

    fn report_unclosed(&mut self, before: Option<u32>) {
        let Some(opener) = self.level().opener.clone() else {
            return;
        };
        let place = match before {
            Some(line) => format!("before line {line}"),
            None => "at the end of the file".to_owned(),
        };
        let message = format!(
            "the block of `{}` is not closed: `}}` is missing",
            opener.text
        );
        self.report
            .warning(opener.span, message)
            .hint(format!("read as if it stood {place}"));
    }

    fn push_level(&mut self, opener: Word, outer: Context) {
        self.awaits_brace = false;
        self.open.push(Level {
            context: outer.inside(&opener.text),
            opener: Some(opener),
            items: Vec::new(),
        });
    }

    /// Closes the innermost block. A second block of one item is added to its first.
    fn pop_level(&mut self) {
        let Some(Level { items, .. }) = self.open.pop() else {
            return;
        };
        let owner = self.level().items.last_mut();
        let owner = owner.expect("a block is opened by an item of the level around it");
        owner.block.get_or_insert_default().extend(items);
    }

    fn level(&mut self) -> &mut Level {
        self.open
            .last_mut()
            .expect("the file itself is always open")
    }
}
