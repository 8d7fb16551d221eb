//! Prompts on a terminal.

use std::io::BufRead;

use crate::exit::Failure;

/// Asks questions and reads the answers.
pub(super) struct Asker<R, S> {
    input: R,
    say: S,
}

impl<R: BufRead, S: FnMut(&str)> Asker<R, S> {
    pub(super) fn new(input: R, say: S) -> Self {
        Self { input, say }
    }

    /// The given value, or else an answer that `check` accepts. Asks again until it does.
    pub(super) fn ask(
        &mut self,
        given: &Option<String>,
        question: &str,
        check: impl Fn(&str) -> Result<String, String>,
    ) -> Result<String, Failure> {
        if let Some(given) = given {
            return Ok(given.clone());
        }
        loop {
            (self.say)(question);
            let mut line = String::new();
            let read = self.input.read_line(&mut line).map_err(|error| Failure::new(format!("no answer: {error}")))?;
            if read == 0 {
                return Err(Failure::new("no answer"));
            }
            match check(line.trim()) {
                Ok(answer) => return Ok(answer),
                Err(problem) => (self.say)(&problem),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(text: &str) -> Result<String, String> {
        if text.len().is_multiple_of(2) { Ok(text.to_owned()) } else { Err("odd".to_owned()) }
    }

    #[test]
    fn asks_until_the_answer_is_one() {
        let mut said = Vec::new();
        let mut asker = Asker::new(&b"abc\n ab \nabcd\n"[..], |line: &str| said.push(line.to_owned()));
        assert_eq!(asker.ask(&Some("xyz".to_owned()), "0?", even).unwrap(), "xyz", "what was given was checked before");
        assert_eq!(asker.ask(&None, "1?", even).unwrap(), "ab");
        assert_eq!(asker.ask(&None, "2?", even).unwrap(), "abcd");
        assert!(asker.ask(&None, "3?", even).is_err(), "there is nothing more to read");
        assert_eq!(said, ["1?", "odd", "1?", "2?", "3?"]);
    }
}
