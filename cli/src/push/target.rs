//! Where a policy is written: the namespace of a configuration, for one of its environments.

use std::fmt;
use std::path::{Path, PathBuf};

use super::options::TargetOptions;
use crate::configuration::{find, folder_of, of_current_folder, shown};
use crate::document::{ParsedSource, Source, SourceValue, is_configuration, worker_of};
use crate::exit::Failure;
use crate::output::printable;
use crate::policy::{FROM_VARIABLE, parsed};

/// A KV namespace of a Worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The configuration that binds it.
    pub(super) configuration: PathBuf,
    /// `None` for the default environment.
    pub(super) environment: Option<String>,
    binding: String,
    /// The id of the namespace; `None` if the configuration leaves it to wrangler.
    id: Option<String>,
    is_local: bool,
}

impl Target {
    /// The target for the policy in a file: the configuration that was named, the file itself, or else the one that
    /// wrangler finds from the file's folder. The current folder counts for standard input only, since it may be that
    /// of another gate. wrangler cannot read standard input, so a configuration from there names no namespace.
    ///
    /// # Errors
    /// There is no configuration, or it does not bind the namespace for the environment.
    pub(super) fn of(file: &Path, document: &ParsedSource, options: &TargetOptions) -> Result<Self, Failure> {
        let is_whole = is_configuration(&document.source, &document.root);
        match &options.config {
            None if is_whole && !is_stdin(file) => Self::new(file.to_owned(), &document.root, options),
            named => Self::read(named.clone().map_or_else(|| beside(file), Ok)?, options),
        }
    }

    /// The target where no policy is given: the configuration that was named, or else the one that wrangler takes.
    ///
    /// # Errors
    /// As for [`Target::of`].
    pub(super) fn of_configuration(options: &TargetOptions) -> Result<Self, Failure> {
        Self::read(options.config.clone().map_or_else(of_current_folder, Ok)?, options)
    }

    fn read(configuration: PathBuf, options: &TargetOptions) -> Result<Self, Failure> {
        let document = parsed(Source::read(&configuration, None)?)?;
        Self::new(configuration, &document.root, options)
    }

    fn new(configuration: PathBuf, root: &SourceValue, options: &TargetOptions) -> Result<Self, Failure> {
        let name = shown(&configuration);
        let environment = options.environment.clone();
        let worker = worker_of(root, environment.as_deref()).ok_or_else(|| {
            let variable = if options.is_of_variable { FROM_VARIABLE } else { "" };
            let environment = environment.as_deref().unwrap_or_default();
            Failure::new(format!("{name} has no environment {environment:?}{variable}"))
        })?;
        let text = |bound: &SourceValue, key: &str| bound.get(key).and_then(SourceValue::as_str).map(str::to_owned);
        let namespaces = worker.list("kv_namespaces");
        let bound = namespaces.iter().find(|bound| text(bound, "binding").as_ref() == Some(&options.binding));
        let bound = bound.ok_or_else(|| {
            let binding = printable(&options.binding);
            Failure::new(match &environment {
                None => format!("{name} binds no KV namespace as {binding}"),
                Some(environment) => format!(
                    "{name} binds no KV namespace as {binding} for the environment {environment:?}; environments do not \
                     inherit `kv_namespaces`"
                ),
            })
        })?;
        let (binding, id, is_local) = (options.binding.clone(), text(bound, "id"), options.local);
        Ok(Self { configuration, environment, binding, id, is_local })
    }
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// The configuration for a policy in a file of its own, or from standard input.
fn beside(file: &Path) -> Result<PathBuf, Failure> {
    if is_stdin(file) {
        return of_current_folder();
    }
    find(folder_of(file)).ok_or_else(|| {
        let file = shown(file);
        Failure::new(format!("wrangler has no configuration beside {file} or above: name it with --config"))
    })
}

/// The binding, the namespace, and the configuration with both.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.as_deref().map(|id| format!(" ({})", printable(id))).unwrap_or_default();
        write!(f, "{}{id} of {}", printable(&self.binding), shown(&self.configuration))?;
        if let Some(name) = &self.environment {
            write!(f, ", environment {name:?}")?;
        }
        if self.is_local { f.write_str(", local storage") } else { Ok(()) }
    }
}
