//! Addresses, routes and rules that belong to no instance, and the groups of instances that depend
//! on them.

use super::address::{self, AddressesDraft};
use super::route::{self, RouteDraft};
use super::rule::{self, RuleDraft};
use super::value::{self, without_semicolon, word};
use crate::conf::lexer::Word;
use crate::conf::source::Report;
use crate::conf::tree::Item;

/// Everything static, not yet connected.
#[derive(Debug, Default)]
pub(in crate::conf) struct StaticsDraft {
    pub(in crate::conf) addresses: AddressesDraft,
    pub(in crate::conf) routes: Vec<RouteDraft>,
    pub(in crate::conf) rules: Vec<RuleDraft>,
    groups: Vec<GroupDraft>,
}

/// One `track_group`.
#[derive(Debug)]
pub(in crate::conf) struct GroupDraft {
    name: String,
    /// Names of instances.
    pub(in crate::conf) members: Vec<Word>,
}

impl StaticsDraft {
    /// Reads one block of the root.
    pub(super) fn read(&mut self, item: &Item, report: &mut Report) {
        match item.keyword.text.as_str() {
            "static_ipaddress" => address::read_static(item, &mut self.addresses, report),
            "static_routes" => route::read(item, true, &mut self.routes, report),
            "static_rules" => rule::read(item, true, &mut self.rules, report),
            _ => self.group_block(item, report),
        }
    }

    /// The group of that name.
    pub(in crate::conf) fn group(&self, name: &str) -> Option<&GroupDraft> {
        self.groups.iter().find(|group| group.name == name)
    }

    fn group_block(&mut self, block: &Item, report: &mut Report) {
        let Some(name) = block.arguments.first() else {
            report.fatal(block.keyword.span, "`track_group` needs a name");
            return;
        };
        if self.group(&name.text).is_some() {
            let message = format!("there is already a `track_group` named `{}`", name.text);
            report
                .error(name.span, message)
                .hint("the first one is used, this one is skipped");
            return;
        }
        let mut members = Vec::new();
        for item in block.block.as_deref().unwrap_or_default() {
            match (&*item.keyword.text, &item.block) {
                ("", _) => {}
                ("group", Some(lines)) => {
                    for line in lines {
                        let words = core::iter::once(&line.keyword).chain(&line.arguments);
                        for name in words.filter(|w| !w.text.is_empty()) {
                            let name = without_semicolon(word(name), report);
                            members.push(Word {
                                text: name.text.to_owned(),
                                span: name.span,
                                quoted: false,
                            });
                        }
                    }
                }
                _ => {
                    let shown: String = item.keyword.text.chars().take(60).collect();
                    let message = format!("`{shown}` is not understood here and ignored");
                    report
                        .warning(item.keyword.span, message)
                        .hint("a `track_group` has a block `group`, one instance a line");
                }
            }
        }
        value::extra(block, 1, report);
        let name = name.text.clone();
        self.groups.push(GroupDraft { name, members });
    }
}
