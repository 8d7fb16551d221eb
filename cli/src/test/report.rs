//! The results of tests: for people, for programs, for CI servers.

use std::fmt::Write;

use serde::Serialize;

use super::judge::{Mismatch, TestResult};
use super::run::FileResult;
use crate::output::{BOLD, DIM, GREEN, Output, RED, printable};

/// Changes when the meaning of a field of the JSON changes. New fields may be added without a change.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct TestReport<'r> {
    version: u32,
    passed: usize,
    failed: usize,
    filtered: usize,
    files: Vec<FileReport<'r>>,
}

#[derive(Serialize)]
struct FileReport<'r> {
    file: &'r str,
    tests: &'r [TestResult],
}

pub(super) fn human(ran: &[FileResult], output: &Output) {
    for file in ran {
        let s = if file.tests.len() == 1 { "" } else { "s" };
        output.line(&format!("running {} test{s} of {}", file.tests.len(), file.name));
        for test in &file.tests {
            let end = if test.passed { output.paint(GREEN, "ok") } else { output.paint(RED, "FAILED") };
            output.line(&format!("test {} ... {end}", printable(&test.name)));
        }
        output.line("");
    }
    for file in ran {
        for test in file.tests.iter().filter(|test| !test.passed) {
            failure(&file.name, test, output);
        }
    }
    let (passed, failed, filtered) = counts(ran);
    let result = if failed == 0 { output.paint(GREEN, "ok") } else { output.paint(RED, "FAILED") };
    output.line(&format!("test result: {result}. {passed} passed; {failed} failed; {filtered} filtered out"));
}

fn failure(file: &str, test: &TestResult, output: &Output) {
    output.line(&output.paint(BOLD, &format!("{file}:{}: {}", test.line, printable(&test.name))));
    output.line(&format!("  {} {}", test.method, test.url));
    for Mismatch { what, expected, found } in &test.mismatches {
        output.line(&format!("  {what}"));
        line("    expected  ", GREEN, expected, output);
        line("    found     ", RED, found, output);
    }
    if let Some(check) = &test.refused_by {
        let found = check.found.as_ref().map(|found| format!(", found {found}")).unwrap_or_default();
        let why = format!("refused at step {}, {}: expected {}{found}", check.step, check.name, check.expected);
        line("  ", DIM, &why, output);
    }
    output.line("");
}

fn line(head: &str, style: annotate_snippets::renderer::Style, text: &str, output: &Output) {
    output.line(&format!("{head}{}", output.paint(style, &output.hanging(head.len(), text))));
}

fn counts(ran: &[FileResult]) -> (usize, usize, usize) {
    let tests = || ran.iter().flat_map(|file| &file.tests);
    let passed = tests().filter(|test| test.passed).count();
    (passed, tests().count() - passed, ran.iter().map(|file| file.filtered).sum())
}

pub(super) fn data(ran: &[FileResult]) -> impl Serialize {
    let (passed, failed, filtered) = counts(ran);
    let files = ran.iter().map(|file| FileReport { file: &file.name, tests: &file.tests }).collect();
    TestReport { version: VERSION, passed, failed, filtered, files }
}

/// JUnit XML, which most CI servers read: a suite for each file, a case for each test.
pub(super) fn junit(ran: &[FileResult], output: &Output) {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for file in ran {
        let (tests, failures) = (file.tests.len(), file.tests.iter().filter(|test| !test.passed).count());
        let name = escaped(&file.name);
        // Writing to a String cannot fail.
        let _ = writeln!(xml, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">");
        for test in &file.tests {
            xml.push_str(&case(&name, test));
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>");
    output.line(&xml);
}

fn case(file: &str, test: &TestResult) -> String {
    let TestResult { name, line, mismatches, .. } = test;
    let name = escaped(name);
    let case = format!("    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\"");
    if test.passed {
        return format!("{case}/>\n");
    }
    let words = |Mismatch { what, expected, found }: &Mismatch| format!("{what}: expected {expected}, found {found}");
    let message: Vec<String> = mismatches.iter().map(words).collect();
    let message = escaped(&message.join("; "));
    format!("{case}>\n      <failure message=\"{message}\"/>\n    </testcase>\n")
}

/// Escaped text for XML. Characters that XML 1.0 (§2.2) cannot represent are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
