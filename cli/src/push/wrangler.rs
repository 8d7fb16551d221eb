//! Runs wrangler, which knows the account, the namespace, and the location of local state.

use std::io::Write;
use std::process::{Command, ExitStatus, Stdio};

use portcullis::rollout::POLICY_KEY;
use serde::Deserialize;

use crate::exit::Failure;

/// Which namespace, and how wrangler finds it.
#[derive(clap::Args, Debug)]
pub(crate) struct Wrangler {
    /// The binding of the namespace in wrangler's configuration
    #[arg(long, default_value = "POLICY_KV", value_name = "NAME")]
    binding: String,

    /// Use the storage of `wrangler dev`, not the deployed Worker's
    #[arg(long)]
    local: bool,

    /// Further options for `wrangler kv key`
    #[arg(last = true, value_name = "OPTIONS")]
    options: Vec<String>,
}

impl Wrangler {
    pub(crate) fn binding(&self) -> &str {
        &self.binding
    }

    /// The value of the key, if it exists. For a missing key, some versions of wrangler fail and others print a
    /// message, so the keys are listed first.
    pub(crate) fn read(&self, environment: Option<&str>) -> Result<Option<String>, Failure> {
        let list = said(self.command(&["list", "--prefix", POLICY_KEY], environment))?;
        let keys: Vec<ListedKey> = serde_json::from_str(&list)
            .map_err(|error| Failure::new(format!("`wrangler kv key list` did not print a list of keys: {error}")))?;
        if keys.iter().all(|key| key.name != POLICY_KEY) {
            return Ok(None);
        }
        said(self.command(&["get", POLICY_KEY, "--text"], environment)).map(Some)
    }

    pub(crate) fn write(&self, environment: Option<&str>, text: &str) -> Result<(), Failure> {
        let mut command = self.command(&["put", POLICY_KEY], environment);
        // wrangler's output goes to standard error; standard output is for results.
        command.args(["--path", "/dev/stdin"]).stdin(Stdio::piped()).stdout(std::io::stderr());
        let mut child = command.spawn().map_err(|error| cannot_run(&error))?;
        // If wrangler does not read its input, it has failed and has reported why.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
        succeeded(child.wait().map_err(|error| cannot_run(&error))?)
    }

    /// A `wrangler kv key` command. The policy of an environment is stored in that environment's namespace.
    fn command(&self, words: &[&str], environment: Option<&str>) -> Command {
        let mut command = Command::new("npx");
        command.args(["wrangler", "kv", "key"]).args(words).args(["--binding", &self.binding]);
        command.arg(if self.local { "--local" } else { "--remote" });
        if let Some(name) = environment {
            command.args(["--env", name]);
        }
        command.args(&self.options);
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
