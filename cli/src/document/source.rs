//! Input files: their names, their syntax and their contents.

use std::io::Read;
use std::path::Path;

use clap::ValueEnum;

use super::text::SyntaxError;
use super::value::SourceValue;
use super::{json, toml, yaml};
use crate::output::{printable, reason};

/// The syntax of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Syntax {
    Toml,
    Json,
    /// JSON with comments and trailing commas
    Jsonc,
    Yaml,
}

/// A text, and where it is from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The name for messages: the path, or `<stdin>`.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) syntax: Syntax,
}

/// A source and its parsed value.
#[derive(Clone, Debug)]
pub(crate) struct ParsedSource {
    pub(crate) source: Source,
    pub(crate) root: SourceValue,
}

/// Why a file cannot be read, in words.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) String);

impl Syntax {
    /// The syntax by the file's name.
    fn of_path(path: &Path) -> Option<Self> {
        // wrangler reads wrangler.json like wrangler.jsonc.
        if path.file_name()? == "wrangler.json" {
            return Some(Self::Jsonc);
        }
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            "jsonc" => Some(Self::Jsonc),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// The syntax that a text without a file name seems to have.
    fn of_text(text: &str) -> Self {
        let is_toml = |line: &str| line.starts_with('[') || line.split_once('=').is_some_and(|(key, _)| is_key(key));
        match text.trim_start().chars().next() {
            Some('{') => Self::Json,
            Some('/') => Self::Jsonc,
            _ if text.lines().any(is_toml) => Self::Toml,
            _ => Self::Yaml,
        }
    }
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.\"".contains(&b))
}

impl Source {
    /// Reads a file, or standard input for `-`.
    pub(crate) fn read(path: &Path, syntax: Option<Syntax>) -> Result<Self, Unreadable> {
        let is_stdin = path == Path::new("-");
        let name = if is_stdin { "<stdin>".to_owned() } else { path.display().to_string() };
        let shown = printable(&name);
        let unreadable = |error: std::io::Error| Unreadable(format!("cannot read {shown}: {}", reason(&error)));
        if !is_stdin && path.is_dir() {
            return Err(Unreadable(format!("cannot read {shown}: it is a folder")));
        }
        let bytes = if is_stdin { read_stdin() } else { std::fs::read(path) }.map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            Unreadable(format!("{shown} is not UTF-8: invalid sequence at byte {}", error.utf8_error().valid_up_to()))
        })?;
        // Some editors begin every file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let syntax = syntax.or_else(|| Syntax::of_path(path)).unwrap_or_else(|| Syntax::of_text(&text));
        Ok(Self { name, text, syntax })
    }

    /// A text that a file of this name would have.
    pub(crate) fn of(name: String, text: String) -> Self {
        let syntax = Syntax::of_path(Path::new(&name)).unwrap_or_else(|| Syntax::of_text(&text));
        Self { name, text, syntax }
    }

    /// Parses the text. The error is all syntax errors that were found.
    pub(crate) fn parse(&self) -> Result<SourceValue, Vec<SyntaxError>> {
        match self.syntax {
            Syntax::Toml => toml::parse(&self.text),
            Syntax::Json => json::parse(&self.text, json::Dialect::Strict),
            Syntax::Jsonc => json::parse(&self.text, json::Dialect::Comments),
            Syntax::Yaml => yaml::parse(&self.text),
        }
    }
}

fn read_stdin() -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}
