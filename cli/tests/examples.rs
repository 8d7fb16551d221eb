//! The example policies, as `portcullis check` sees them.

use crate::tool::{ROOT, command, run};

#[test]
fn the_example_policies_have_no_errors() {
    let folder = format!("{ROOT}/examples/policies");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let run = run(&mut command(&["check", file.to_str().unwrap()]), "");
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    }
}
