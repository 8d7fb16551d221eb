//! `portcullis schema`.

use crate::tool::{command, run};

#[test]
fn the_committed_schemas_are_current() {
    for subject in ["policy", "wrangler", "tests"] {
        let path = format!("{}/schema/{subject}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let run = run(&mut command(&["schema", subject]), "");
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(committed == run.out, "out of date: portcullis schema {subject} > schema/{subject}.schema.json");
    }
}
