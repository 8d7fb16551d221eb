//! The files of a new project besides the configuration and the first tests: what npm and git need.

use serde_json::json;

use super::configuration::Answers;

/// The wrangler that the Worker is tested with.
const WRANGLER: &str = "4.164.0";

/// The names of the files and their contents.
pub(super) fn files(answers: &Answers, configuration: &str) -> Vec<(&'static str, String)> {
    vec![
        ("package.json", manifest(&answers.name)),
        ("src/index.js", INDEX.to_owned()),
        (".gitignore", IGNORED.to_owned()),
        ("README.md", readme(&answers.name, configuration)),
    ]
}

const INDEX: &str = "\
export * from 'portcullis/worker';
export { default } from 'portcullis/worker';
";

const IGNORED: &str = "\
node_modules/
.wrangler/
.dev.vars*
.env*
";

fn manifest(name: &str) -> String {
    let manifest = json!({
        "name": name,
        "private": true,
        "type": "module",
        "scripts": {
            "dev": "portcullis dev",
            "check": "portcullis check",
            "test": "portcullis test",
            "deploy": "portcullis check && portcullis test && wrangler deploy",
        },
        "devDependencies": { "portcullis": env!("CARGO_PKG_VERSION"), "wrangler": WRANGLER },
    });
    format!("{manifest:#}\n")
}

fn readme(name: &str, configuration: &str) -> String {
    format!(
        "# {name}

A JWT gate: [Portcullis](https://www.npmjs.com/package/portcullis) on Cloudflare Workers. The policy is in
[{configuration}]({configuration}), the tests of it in [policy.test.toml](policy.test.toml).

```sh
npm install
npm run dev      # the gate on this machine, with a token to try
npm run deploy   # checks and tests the policy, then deploys
```

`npx portcullis explain GET /path --claims '{{}}'` says what the policy decides and why, and `npx portcullis check --online`
whether the provider's keys can be used.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrangler_is_the_one_that_the_repository_tests_with() {
        let manifest: serde_json::Value = serde_json::from_str(include_str!("../../../package.json")).unwrap();
        assert_eq!(manifest["devDependencies"]["wrangler"], WRANGLER);
        assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    }
}
