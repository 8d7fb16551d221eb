//! Runs the tool that cargo built, or the program that `PORTCULLIS_TOOL` names.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The root of the repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What a run gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder of this test alone, which goes away with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        // Several tests may use one name at the same time.
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{process}-{number}"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.0.join(name), text).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.join(name).exists()
    }

    /// Runs the tool in this folder.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        run(command(args).current_dir(&self.0), "")
    }

    /// The same with something on its standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Run {
        run(command(args).current_dir(&self.0), input)
    }

    /// The same with these variables in its environment.
    pub(crate) fn run_in(&self, variables: &[(&str, &str)], args: &[&str]) -> Run {
        run(command(args).current_dir(&self.0).envs(variables.iter().copied()), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The tool with these arguments, in the root of the repository.
pub(crate) fn command(args: &[&str]) -> Command {
    let tool = std::env::var_os("PORTCULLIS_TOOL").unwrap_or_else(|| env!("CARGO_BIN_EXE_portcullis").into());
    let mut command = Command::new(tool);
    command.args(args).current_dir(ROOT).env_remove("NO_COLOR").env_remove("CLOUDFLARE_ENV");
    command
}

pub(crate) fn run(command: &mut Command, input: &str) -> Run {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A tool that reads nothing may be gone by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Run { code: output.status.code(), out, err }
}

/// Compares a text with the one kept under tests/snapshots. `UPDATE_SNAPSHOTS=1` keeps it.
pub(crate) fn snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{name} is another; kept:\n{kept}\nfound:\n{text}");
}

/// The same for what stands in a terminal of 80 columns.
pub(crate) fn snapshot_narrow(name: &str, text: &str) {
    let long = text.lines().find(|line| line.chars().count() > 80);
    assert_eq!(long, None, "a line of over 80 columns in {name}");
    snapshot(name, text);
}
