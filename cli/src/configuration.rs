//! Where wrangler finds its configuration, and what is in those of new gates.

use std::path::{Path, PathBuf};

use crate::exit::Failure;
use crate::output::{Output, printable};

/// The names of configurations, in the order in which wrangler prefers them: one with an earlier name is taken even if
/// it is further up.
pub(crate) const NAMES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// The date of the runtime that the Worker is tested with.
pub(crate) const COMPATIBILITY_DATE: &str = "2026-11-01";

/// Whether wrangler takes a file with this name for its configuration.
pub(crate) fn has_its_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| NAMES.iter().any(|known| name == *known))
}

/// The configuration that wrangler takes in the current folder.
///
/// # Errors
/// There is none.
pub(crate) fn of_current_folder() -> Result<PathBuf, Failure> {
    find(Path::new(".")).ok_or_else(|| {
        Failure::new("no wrangler.json, wrangler.jsonc or wrangler.toml is here or in a folder above: name a file")
    })
}

/// The same, announced on standard error if it is in a folder above, for commands whose results do not name it.
///
/// # Errors
/// There is none.
pub(crate) fn announced(output: &Output) -> Result<PathBuf, Failure> {
    let path = of_current_folder()?;
    if folder_of(&path) != Path::new("") {
        output.note(&format!("uses {}, as wrangler does", shown(&path)));
    }
    Ok(path)
}

/// The configuration that wrangler takes in a folder: from there or a folder above.
pub(crate) fn find(folder: &Path) -> Option<PathBuf> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let absolute = std::path::absolute(folder).ok()?;
    let found = |name: &str| absolute.ancestors().enumerate().find(|(_, above)| above.join(name).is_file());
    let (name, (levels, above)) = NAMES.iter().find_map(|name| Some((name, found(name)?)))?;
    Some(match (folder == Path::new("."), levels) {
        (true, _) => (0..levels).map(|_| "..").collect::<PathBuf>().join(name),
        (false, 0) => folder.join(name),
        (false, _) => from_current_folder(&above.join(name)),
    })
}

/// The shorter name of a path that is in or below the current folder.
fn from_current_folder(path: &Path) -> PathBuf {
    let current = std::env::current_dir().ok();
    current.and_then(|current| path.strip_prefix(current).ok()).unwrap_or(path).to_owned()
}

/// The folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or_else(|| Path::new(""))
}

/// A path for messages.
pub(crate) fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_the_one_of_the_repository() {
        let own: toml::Table = include_str!("../../wrangler.toml").parse().unwrap();
        assert_eq!(own["compatibility_date"].as_str(), Some(COMPATIBILITY_DATE));
    }
}
