//! The token for a gate, which is never printed.

use std::io::{self, BufRead, IsTerminal};

use portcullis::token::bearer;

use crate::exit::Failure;
use crate::host::{self, Program};
use crate::output::reason;

const VARIABLE: &str = "PORTCULLIS_TOKEN";

/// Far over what a gate accepts.
const MAX_BYTES: u64 = 1024 * 1024;

/// Prompts on the terminal, reads a line that it does not show, and prints it. In its usual mode a terminal cuts long
/// lines off. The terminal is as before even after an interrupt.
const PROMPT: &str = r#"
saved=$(stty -g </dev/tty) || exit 1
trap 'stty "$saved" </dev/tty; echo >/dev/tty' EXIT
trap 'exit 130' INT TERM
stty -echo -icanon min 1 time 0 </dev/tty || exit 1
printf 'Token: ' >/dev/tty
IFS= read -r token </dev/tty
printf %s "$token"
"#;

/// The token from the variable, else from the first line of standard input, or from a prompt if that is a terminal.
///
/// # Errors
/// There is none, or it cannot be sent as a bearer token.
pub(super) fn read() -> Result<String, Failure> {
    let text = match std::env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => text,
        _ if io::stdin().is_terminal() => ask()?,
        _ => first_line(io::stdin().lock())?,
    };
    checked(&text)
}

fn ask() -> Result<String, Failure> {
    let args = vec!["-c".to_owned(), PROMPT.to_owned()];
    let program = Program { name: "sh", args, folder: "".as_ref(), without: VARIABLE, input: None };
    let ended = host::run(&program).ok().filter(|ended| ended.is_success);
    let line = ended.and_then(|ended| String::from_utf8(ended.out).ok());
    line.ok_or_else(|| Failure::new(format!("cannot ask for a token on this terminal: set {VARIABLE}")))
}

fn first_line(input: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    let read = input.take(MAX_BYTES).read_line(&mut line);
    read.map_err(|error| Failure::new(format!("cannot read a token from standard input: {}", reason(&error))))?;
    Ok(line)
}

/// A token without what surrounds it. Messages do not quote it: it may be a secret of another kind.
fn checked(text: &str) -> Result<String, Failure> {
    match text.trim() {
        "" => Err(Failure::new(format!("expected a token in {VARIABLE} or on standard input, found nothing"))),
        token if matches!(bearer::extract(Some(&format!("Bearer {token}"))), Ok(Some(_))) => Ok(token.to_owned()),
        _ => Err(Failure::new("expected a token of letters, digits and - . _ ~ + / = (RFC 6750 §2.1)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: Result<String, Failure>) -> String {
        match result {
            Err(Failure::Message(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_is_one_line_that_fits_into_a_header() {
        assert_eq!(checked(" a.b-c_d~e+f/g== \r\n").unwrap(), "a.b-c_d~e+f/g==");
        assert_eq!(first_line(&b"a.b.c\nsecond\n"[..]).unwrap(), "a.b.c\n");
        assert!(message(checked(" \n")).contains("found nothing"));
        for bad in ["two words", "a\r\nx-evil: 1", "a,b", "é", "\"a\""] {
            let message = message(checked(bad));
            assert!(message.starts_with("expected a token of letters") && !message.contains(bad), "{message}");
        }
    }
}
