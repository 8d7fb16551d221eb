//! Runs wrangler, which knows the account, the namespace, and the location of local state.

use std::path::Path;

use portcullis::rollout::POLICY_KEY;
use serde::Deserialize;

use super::options::TargetOptions;
use super::target::Target;
use crate::configuration::folder_of;
use crate::exit::Failure;
use crate::host::{self, Ended, Program};
use crate::output::{Output, wrap};

/// `wrangler kv key`, for one namespace.
pub(super) struct Wrangler {
    target: Target,
    options: TargetOptions,
}

impl Wrangler {
    /// Whether wrangler is in the project of the configuration, or on the path: `npx` would download any version.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn new(target: Target, options: TargetOptions) -> Result<Self, Failure> {
        let folder = std::path::absolute(folder_of(&target.configuration).join(".")).unwrap_or_default();
        let in_project = folder.ancestors().any(|folder| folder.join("node_modules/wrangler").is_dir());
        let path = std::env::var("PATH").unwrap_or_default();
        if in_project || path.split(':').any(|folder| Path::new(folder).join("wrangler").is_file()) {
            return Ok(Self { target, options });
        }
        Err(Failure::new("wrangler is not installed here: npm install --save-dev wrangler"))
    }

    /// The binding of the namespace, by which messages name it.
    pub(super) fn binding(&self) -> &str {
        &self.options.binding
    }

    /// What the namespace has. For a missing key, some versions of wrangler fail and others print a message, so the
    /// keys are listed first.
    pub(super) fn stored(&self, output: &Output) -> Result<Stored<'_>, Failure> {
        self.announce("Reading", output);
        // The candidate's key begins with that of the policy.
        let list = self.run(&["list", "--prefix", POLICY_KEY], None)?;
        let keys = serde_json::from_str(&list)
            .map_err(|error| Failure::new(format!("`wrangler kv key list` did not print a list of keys: {error}")))?;
        Ok(Stored { wrangler: self, keys })
    }

    pub(super) fn write(&self, key: &str, text: &str, output: &Output) -> Result<(), Failure> {
        self.announce(&format!("Writing {} bytes to", text.len()), output);
        // wrangler's output goes to standard error; standard output is for results.
        self.run(&["put", key, "--path", "/dev/stdin"], Some(text)).map(drop)
    }

    pub(super) fn delete(&self, key: &str, output: &Output) -> Result<(), Failure> {
        self.announce(&format!("Deleting {key} from"), output);
        self.run(&["delete", key], None).map(drop)
    }

    fn announce(&self, what: &str, output: &Output) {
        output.note(&wrap(&format!("{what} {} ...", self.target), output.width(), "  "));
    }

    /// Runs a `wrangler kv key` command, as if typed in the configuration's folder: wrangler's version, its `.env` and
    /// the account that it remembers are those of that folder. Returns what it printed, if it has nothing to read.
    fn run(&self, words: &[&str], input: Option<&str>) -> Result<String, Failure> {
        let mut args: Vec<String> =
            ["wrangler", "kv", "key"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        let mut add = |words: &[&str]| args.extend(words.iter().map(|word| (*word).to_owned()));
        add(&["--binding", &self.options.binding, if self.options.local { "--local" } else { "--remote" }]);
        // Named, so that wrangler does not look for another: a build may have left one under .wrangler/.
        let file = self.target.configuration.file_name().unwrap_or_default().to_string_lossy();
        // Always named, even the default one: otherwise wrangler would take CLOUDFLARE_ENV from a `.env` in the folder.
        add(&["--config", &file, "--env", self.target.environment.as_deref().unwrap_or_default()]);
        args.extend(self.options.options.iter().cloned());
        let folder = folder_of(&self.target.configuration);
        let program = Program { name: "npx", args, folder, without: "CLOUDFLARE_ENV", input };
        let ended = host::run(&program).map_err(|error| Failure::new(format!("cannot run `npx wrangler`: {error}")))?;
        match ended {
            Ended { is_success: true, out, .. } => Ok(String::from_utf8_lossy(&out).into_owned()),
            Ended { status, .. } => Err(Failure::new(format!("wrangler failed: {status}"))),
        }
    }
}

/// What a namespace had when it was listed.
pub(super) struct Stored<'w> {
    wrangler: &'w Wrangler,
    keys: Vec<ListedKey>,
}

impl Stored<'_> {
    /// The value of a key that begins with [`POLICY_KEY`], if it exists: its exact bytes, in which `--text` would add a
    /// newline.
    pub(super) fn read(&self, key: &str) -> Result<Option<String>, Failure> {
        if self.keys.iter().all(|listed| listed.name != key) {
            return Ok(None);
        }
        self.wrangler.run(&["get", key], None).map(Some)
    }
}

/// An entry of `wrangler kv key list`.
#[derive(Deserialize)]
struct ListedKey {
    name: String,
}
