//! The options about the namespace, among them those that wrangler calls the same.

use std::path::{Path, PathBuf};

use crate::exit::Failure;
use crate::policy::ReadOptions;

/// Which namespace, and how wrangler reaches it.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TargetOptions {
    /// The binding of the namespace in the configuration
    #[arg(long, default_value = "POLICY_KV", value_name = "NAME")]
    pub(super) binding: String,

    /// The configuration of wrangler with the namespace [default: FILE, or the one that wrangler finds from its folder]
    #[arg(short, long, value_name = "CONFIGURATION")]
    pub(super) config: Option<PathBuf>,

    /// Use the storage of `wrangler dev`, not the deployed Worker's
    #[arg(long)]
    pub(super) local: bool,

    /// Further options for `wrangler kv key`
    #[arg(last = true, value_name = "OPTIONS")]
    pub(super) options: Vec<String>,

    /// The environment; `None` for the default one.
    #[arg(skip)]
    pub(super) environment: Option<String>,

    /// Whether the environment is that of the variable `CLOUDFLARE_ENV`.
    #[arg(skip)]
    pub(super) is_of_variable: bool,
}

/// Options of wrangler that would make it use another namespace than the one that is announced, and what to use
/// instead. The names are in lower case and without dashes: wrangler also takes `--namespaceId` and `--no-preview`.
const REFUSED: [(&str, &str); 6] = [
    ("namespaceid", BY_BINDING),
    ("preview", BY_BINDING),
    ("binding", "name the binding before `--`: --binding NAME"),
    ("local", "write --local before `--`"),
    ("remote", "without --local, the storage is the deployed Worker's"),
    ("cwd", "name the configuration with --config"),
];

const BY_BINDING: &str = "the binding names the namespace: use --binding NAME";

impl TargetOptions {
    /// Takes `--config` and `--env` from the options for wrangler, since the tool must know them, and makes paths in
    /// the others absolute, since wrangler runs in another folder.
    ///
    /// # Errors
    /// An option is given twice, has no value, or is not one for wrangler.
    pub(super) fn with_those_of_wrangler(&self, reading: &ReadOptions) -> Result<Self, Failure> {
        let mut all = self.clone();
        let config = take(&mut all.options, &["--config", "-c"])?.map(PathBuf::from);
        let env = take(&mut all.options, &["--env", "-e"])?;
        if (config.is_some() && self.config.is_some()) || (env.is_some() && reading.env.is_some()) {
            return Err(Failure::new("--config and --env have one value, before or behind `--`"));
        }
        all.config = config.or(all.config);
        all.is_of_variable = env.is_none() && reading.is_of_variable();
        all.environment = env.or_else(|| reading.environment()).filter(|name| !name.is_empty());
        for name in ["--persist-to", "--env-file"] {
            if let Some(path) = take(&mut all.options, &[name])? {
                let path = std::path::absolute(Path::new(&path)).map_or(path, |path| path.display().to_string());
                all.options.extend([name.to_owned(), path]);
            }
        }
        all.options.iter().try_for_each(|option| refuse(option))?;
        Ok(all)
    }
}

/// Refuses an option that contradicts the tool's own.
fn refuse(option: &str) -> Result<(), Failure> {
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    let Some(bare) = name.strip_prefix("--") else { return Ok(()) };
    let plain = bare.strip_prefix("no-").unwrap_or(bare).replace('-', "").to_ascii_lowercase();
    match REFUSED.iter().find(|(refused, _)| *refused == plain) {
        Some((_, instead)) => Err(Failure::new(format!("{name} is not for wrangler here: {instead}"))),
        None => Ok(()),
    }
}

/// Removes an option with a value, `--name VALUE` or `--name=VALUE`, and returns the value.
fn take(options: &mut Vec<String>, names: &[&str]) -> Result<Option<String>, Failure> {
    let (mut value, mut others) = (None, Vec::new());
    let mut rest = std::mem::take(options).into_iter();
    while let Some(option) = rest.next() {
        let (name, own) = option.split_once('=').map_or((option.as_str(), None), |(name, own)| (name, Some(own)));
        if !names.contains(&name) {
            others.push(option);
            continue;
        }
        let found = own.map(str::to_owned).or_else(|| rest.next());
        let found = found.ok_or_else(|| Failure::new(format!("{name} has no value")))?;
        if value.replace(found).is_some() {
            return Err(Failure::new(format!("{name} is given twice")));
        }
    }
    *options = others;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> TargetOptions {
        TargetOptions {
            binding: "B".to_owned(),
            config: None,
            local: false,
            options: words.iter().map(|word| (*word).to_owned()).collect(),
            environment: None,
            is_of_variable: false,
        }
    }

    fn reading(env: Option<&str>) -> ReadOptions {
        ReadOptions { env: env.map(str::to_owned), syntax: None }
    }

    #[test]
    fn options_that_wrangler_has_too_count_wherever_they_are() {
        for words in [
            &["--config", "a/wrangler.toml", "--env", "staging", "-v"][..],
            &["-c=a/wrangler.toml", "-v", "-e", "staging"],
        ] {
            let all = options(words).with_those_of_wrangler(&reading(None)).unwrap();
            assert_eq!(all.config.as_deref(), Some(Path::new("a/wrangler.toml")));
            assert_eq!((all.environment.as_deref(), all.options.as_slice()), (Some("staging"), &["-v".to_owned()][..]));
        }
        let none = options(&["--env", ""]).with_those_of_wrangler(&reading(None)).unwrap();
        assert_eq!(none.environment, None, "the default environment");
        for words in [&["--env"][..], &["-e", "a", "--env=b"], &["--env", "a"]] {
            assert!(options(words).with_those_of_wrangler(&reading(Some("x"))).is_err(), "{words:?}");
        }
    }

    #[test]
    fn paths_are_those_of_the_current_folder() {
        let all = options(&["--persist-to", "state"]).with_those_of_wrangler(&reading(None)).unwrap();
        let expected = std::env::current_dir().unwrap().join("state").display().to_string();
        assert_eq!(all.options, ["--persist-to".to_owned(), expected]);
    }
}
