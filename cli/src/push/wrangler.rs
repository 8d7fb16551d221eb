//! Runs wrangler, which knows the account, the namespace, and the location of local state.

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use portcullis::rollout::POLICY_KEY;
use serde::Deserialize;

use super::options::PushOptions;
use super::target::Target;
use crate::configuration::folder_of;
use crate::exit::Failure;

/// `wrangler kv key`, for one namespace.
pub(super) struct Wrangler<'t> {
    target: &'t Target,
    options: &'t PushOptions,
}

impl<'t> Wrangler<'t> {
    pub(super) fn new(target: &'t Target, options: &'t PushOptions) -> Self {
        Self { target, options }
    }

    /// The value of the key, if it exists. For a missing key, some versions of wrangler fail and others print a
    /// message, so the keys are listed first.
    pub(super) fn read(&self) -> Result<Option<String>, Failure> {
        let list = said(self.command(&["list", "--prefix", POLICY_KEY]))?;
        let keys: Vec<ListedKey> = serde_json::from_str(&list)
            .map_err(|error| Failure::new(format!("`wrangler kv key list` did not print a list of keys: {error}")))?;
        if keys.iter().all(|key| key.name != POLICY_KEY) {
            return Ok(None);
        }
        said(self.command(&["get", POLICY_KEY, "--text"])).map(Some)
    }

    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        let mut command = self.command(&["put", POLICY_KEY]);
        // wrangler's output goes to standard error; standard output is for results.
        command.args(["--path", "/dev/stdin"]).stdin(Stdio::piped()).stdout(std::io::stderr());
        let mut child = command.spawn().map_err(|error| cannot_run(&error))?;
        // If wrangler does not read its input, it has failed and has reported why.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
        succeeded(child.wait().map_err(|error| cannot_run(&error))?)
    }

    /// A `wrangler kv key` command, as if typed in the configuration's folder: wrangler's version, its `.env` and the
    /// account that it remembers are those of that folder.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("npx");
        let folder = folder_of(&self.target.configuration);
        if folder != Path::new("") {
            command.current_dir(folder);
        }
        command.args(["wrangler", "kv", "key"]).args(words).args(["--binding", &self.options.binding]);
        command.arg(if self.options.local { "--local" } else { "--remote" });
        // Named, so that wrangler does not look for another: a build may have left one under .wrangler/.
        command.arg("--config").arg(self.target.configuration.file_name().unwrap_or_default());
        // Always named, even the default one: otherwise wrangler would take CLOUDFLARE_ENV from a `.env` in the folder.
        command.env_remove("CLOUDFLARE_ENV").args(["--env", self.target.environment.as_deref().unwrap_or_default()]);
        command.args(&self.options.options);
        command
    }
}

/// An entry of `wrangler kv key list`.
#[derive(Deserialize)]
struct ListedKey {
    name: String,
}

/// Runs a command and returns its standard output.
fn said(mut command: Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| cannot_run(&error))?;
    succeeded(output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn succeeded(status: ExitStatus) -> Result<(), Failure> {
    if status.success() { Ok(()) } else { Err(Failure::new(format!("wrangler failed: {status}"))) }
}

fn cannot_run(error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot run `npx wrangler`: {error}"))
}
