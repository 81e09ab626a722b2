//! The ledger of RFC clauses: `rfc/*.toml`, each clause in our own words with the tests that show
//! it. This file only checks the books: that every must is shown, deviated from with a reason, or
//! waits for something named; and that the tests named exist. Whether a test shows its clause is for
//! the reader to judge.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One file of the ledger.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    clause: Vec<Clause>,
}

/// One clause.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clause {
    /// RFC, section and letter: unique over all files.
    id: String,
    /// Where it stands.
    section: String,
    level: Level,
    /// What it demands, in our words.
    says: String,
    /// It is about what is received: shown by what is taken, and by what is refused.
    #[serde(default)]
    reception: bool,
    /// Tests that show it.
    #[serde(default)]
    shown_by: Vec<String>,
    /// Tests that show that its opposite is refused.
    #[serde(default)]
    refuted_by: Vec<String>,
    /// Why we do otherwise, on purpose. Tests beside it show what we do instead.
    deviates: Option<String>,
    /// What it waits for.
    later: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Must,
    Should,
    May,
}

impl Clause {
    /// What is wrong with it, as far as it can be told from itself and the sources.
    fn faults(&self) -> Vec<String> {
        let (excuses, tests) = (self.excuses(), self.tests().count());
        let mut faults = vec![];
        let mut fault = |wrong: bool, what: &str| {
            if wrong {
                faults.push(format!("{}: {what}", self.id));
            }
        };
        let must = self.level == Level::Must;
        fault(
            must && tests == 0 && excuses == 0,
            "a must that nothing shows",
        );
        let unrefuted = must && self.reception && self.refuted_by.is_empty();
        fault(unrefuted && excuses == 0, "nothing shows what is refused");
        fault(excuses > 1, "it deviates or it comes later, not both");
        let id_of_section = self
            .id
            .split_once('-')
            .and_then(|(_, rest)| rest.rsplit_once('-'))
            .is_some_and(|(section, _)| section == self.section);
        fault(!id_of_section, "the id isn't RFC, section and letter");
        let texts = [
            Some(&self.says),
            self.deviates.as_ref(),
            self.later.as_ref(),
        ];
        let empty = texts
            .into_iter()
            .flatten()
            .any(|text| text.trim().len() < 10);
        fault(empty, "it says nothing");
        for path in self.tests() {
            fault(!exists(path), &format!("there is no test {path}"));
        }
        faults
    }

    fn excuses(&self) -> usize {
        usize::from(self.deviates.is_some()) + usize::from(self.later.is_some())
    }

    fn tests(&self) -> impl Iterator<Item = &String> {
        self.shown_by.iter().chain(&self.refuted_by)
    }
}

/// Everything that is wrong with these files, given as name and text.
fn check(files: &[(String, String)]) -> Vec<String> {
    let mut ids = BTreeSet::new();
    let mut faults = vec![];
    for (name, text) in files {
        let ledger: Ledger = match toml::from_str(text) {
            Ok(ledger) => ledger,
            Err(error) => {
                faults.push(format!("{name}: {error}"));
                continue;
            }
        };
        for clause in &ledger.clause {
            faults.extend(clause.faults());
            if !ids.insert(clause.id.clone()) {
                faults.push(format!("{}: there are two", clause.id));
            }
        }
    }
    faults
}

/// Whether a `#[test]` of that path stands in the sources: `election::name` in `tests/election.rs`,
/// `fsm::tests::name` in `src/fsm/tests.rs` or within `src/fsm.rs`. Another crate's name goes in front:
/// `real-net/netns::rfc::name` is in `real-net/tests/netns/rfc.rs`.
fn exists(path: &str) -> bool {
    let (folder, path) = match path.split_once('/') {
        Some((other, path)) => (format!("../{other}"), path),
        None => (".".to_owned(), path),
    };
    let Some((module, name)) = path.rsplit_once("::") else {
        return false;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let file = module.replace("::", "/");
    let mut places = vec![
        format!("tests/{file}.rs"),
        format!("src/{file}.rs"),
        format!("src/{file}/mod.rs"),
    ];
    if let Some(parent) = file.strip_suffix("/tests") {
        places.push(format!("src/{parent}.rs"));
        places.push(format!("src/{parent}/mod.rs"));
    }
    let signature = format!("fn {name}(");
    places.iter().any(|place| {
        fs::read_to_string(root.join(place)).is_ok_and(|text| {
            text.match_indices(&signature)
                .any(|(at, _)| is_test(&text[..at]))
        })
    })
}

/// Whether the attributes that end here make a test: one line each, `#[test]` the first of at most two,
/// since tests that need root are ignored by default.
fn is_test(before: &str) -> bool {
    let mut attributes = before.trim_end().rsplit('\n').take(2);
    let last = attributes.next().unwrap_or("").trim();
    let ignored = last.starts_with("#[ignore");
    last == "#[test]"
        || ignored
            && attributes
                .next()
                .is_some_and(|line| line.trim() == "#[test]")
}

/// The files of the ledger by name.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rfc");
    let entries = fs::read_dir(folder).expect("the folder is part of the crate");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().expect("a file").to_string_lossy();
        let text = fs::read_to_string(path).expect("readable");
        (name.into_owned(), text)
    };
    paths.iter().map(read).collect()
}

#[test]
fn every_must_is_accounted_for() {
    let files = files();
    assert!(files.len() >= 3, "the ledger was found");
    let faults = check(&files);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The numbers that are quoted elsewhere.
#[test]
#[expect(clippy::print_stdout, reason = "printing is what it is for")]
fn counts() {
    let mut all = [0; 5];
    let line = |name: &str, [clauses, shown, deviates, later, musts]: [usize; 5]| {
        println!(
            "{name}: {clauses} clauses ({musts} musts), {shown} with tests, {deviates} deviate, \
             {later} wait"
        );
    };
    for (name, text) in files() {
        let ledger: Ledger = toml::from_str(&text).expect("checked by the other test");
        let count = |holds: fn(&Clause) -> bool| ledger.clause.iter().filter(|c| holds(c)).count();
        let counts = [
            count(|_| true),
            count(|c| c.tests().next().is_some()),
            count(|c| c.deviates.is_some()),
            count(|c| c.later.is_some()),
            count(|c| c.level == Level::Must),
        ];
        line(&name, counts);
        all = std::array::from_fn(|i| all[i] + counts[i]);
    }
    line("all", all);
    let quoted = format!("Clauses in the ledger with tests: {} of {}", all[1], all[0]);
    println!("{quoted}");
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("there is one");
    assert!(readme.contains(&quoted), "README.md lacks \"{quoted}\"");
    assert!(all[1] > all[0] / 2, "most clauses are shown by a test");
}

/// The check can fail: each fault planted once, beside a clause without any.
#[test]
fn planted_faults_are_found() {
    let sound = "id = '1-2.3-a'\nsection = '2.3'\nlevel = 'must'\nsays = 'something or other'\n";
    let test = "shown_by = ['ledger::planted_faults_are_found']\n";
    let found = |text: String| check(&[("planted".into(), text)]);
    let clause = |rest: &str| format!("[[clause]]\n{sound}{rest}");
    assert_eq!(found(clause(test)), [""; 0]);
    assert_eq!(found(clause("later = 'IPv6, for example'")), [""; 0]);
    let elsewhere = "real-net/netns::rfc::proxy_arp_answers_with_the_virtual_mac_address";
    let elsewhere = format!("shown_by = ['{elsewhere}']");
    assert_eq!(found(clause(&elsewhere)), [""; 0]);
    let cases = [
        (clause(""), "a must that nothing shows"),
        (clause("shown_by = ['ledger::no_such']"), "there is no test"),
        (clause("shown_by = ['no_such::counts']"), "there is no test"),
        (clause("shown_by = ['ledger::files']"), "there is no test"),
        (clause("shown_by = ['counts']"), "there is no test"),
        (
            clause("shown_by = ['real-net/netns::rfc::no_such']"),
            "there is no test",
        ),
        (
            clause("shown_by = ['real-net/netns::rfc::reaches']"),
            "there is no test",
        ),
        (
            clause("shown_by = ['no-such/netns::rfc::reaches']"),
            "there is no test",
        ),
        (clause(test) + "reception = true", "what is refused"),
        (clause(test) + &clause(test), "there are two"),
        (clause(test) + "shwon_by = []", "unknown field"),
        (clause("later = ''"), "it says nothing"),
        (
            clause("later = 'later, later'\ndeviates = 'because of it'"),
            "not both",
        ),
        (clause(test).replace("'2.3'", "'2.4'"), "the id isn't"),
        (clause(test).replace("must", "shall"), "unknown variant"),
        (clause(test).replace("says", "#"), "missing field"),
    ];
    for (text, expected) in cases {
        let faults = found(text.clone());
        assert!(
            faults.len() == 1 && faults[0].contains(expected),
            "{expected}: {faults:?} in\n{text}"
        );
    }
}
