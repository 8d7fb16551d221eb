//! What is said of wrong policies, held to a file for each test: `tests/snapshots/policy/<test>.txt`, which
//! `UPDATE_SNAPSHOTS=1` writes anew.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use portcullis::policy::PolicyError;

thread_local! {
    /// How many policies the test has looked at so far.
    static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
}

/// Compares what is said of a test's next wrong policy with what its file has.
pub fn check(policy: &str, errors: &[PolicyError]) {
    let index = LOOKED_AT.replace(LOOKED_AT.get() + 1);
    let words: Vec<&str> = policy.split_whitespace().collect();
    let said: String = errors.iter().map(|error| format!("{error}\n")).collect();
    let entry = format!("== {}\n{said}", words.join(" "));
    let path = file();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        let before = if index == 0 { String::new() } else { fs::read_to_string(&path).unwrap() };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, before + &entry).unwrap();
        return;
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    let known =
        known.split_inclusive("\n== ").nth(index).map(|text| text.trim_end_matches("== ").trim_start_matches("== "));
    assert_eq!(known, Some(entry.trim_start_matches("== ")), "{}", path.display());
}

fn file() -> PathBuf {
    let thread = std::thread::current();
    let name = thread.name().expect("a test has a name").replace("::", "-");
    [env!("CARGO_MANIFEST_DIR"), "tests/snapshots/policy", &format!("{name}.txt")].iter().collect()
}
