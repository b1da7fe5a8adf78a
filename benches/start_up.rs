//! How long the program takes from its start to its end: `cargo bench --bench start_up`.
//!
//! Prints medians and asserts nothing: the machine decides, so compare in one run, side by side. Every
//! time is that of a whole process, from spawning it to having reaped it.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portcullis::sandbox;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis");
const POLICIES: usize = 200;

fn main() {
    let rounds: usize = std::env::var("ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(25);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();

    let nowhere = tempfile::tempdir().unwrap();
    report("--version", rounds, || run(&["--version"], nowhere.path()));

    // A tenant of 200 policies, one of which the workspace manages.
    let one = workspace(1);
    let running = serve(&runtime, one.path());
    runtime.block_on(fill(running.url(), POLICIES));
    report(
        &format!("plan, {POLICIES} live policies, 1 in the workspace"),
        rounds,
        || run(&["plan"], one.path()),
    );
    runtime.block_on(running.stop());

    // The same tenant, all of it managed.
    let all = workspace(POLICIES);
    let running = serve(&runtime, all.path());
    runtime.block_on(fill(running.url(), POLICIES));
    report(
        &format!("plan, {POLICIES} live policies, all in the workspace"),
        rounds,
        || run(&["plan"], all.path()),
    );
    runtime.block_on(running.stop());
}

fn report(what: &str, rounds: usize, mut once: impl FnMut()) {
    once();
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            once();
            start.elapsed()
        })
        .collect();
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{what}: median {:.1} ms (fastest {:.1}, slowest {:.1}, {rounds} runs)",
        ms(times[rounds / 2]),
        ms(times[0]),
        ms(times[rounds - 1])
    );
}

fn run(arguments: &[&str], directory: &Path) {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn name(number: usize) -> String {
    format!("CA{number:03} - Bench policy {number}")
}

fn workspace(policies: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(
        root.join("portcullis.yaml"),
        directory.path().join("portcullis.yaml"),
    )
    .unwrap();
    std::fs::create_dir(directory.path().join("policies")).unwrap();
    for number in 0..policies {
        let text = format!(
            "policy: bench-{number}\nname: {}\nstate: report-only\nusers:\n  include: [all]\n  exclude: [backup-automation]\n\
             target_resources:\n  include: [azure-management]\ngrant:\n  controls: [mfa]\n",
            name(number)
        );
        let file = directory
            .path()
            .join(format!("policies/bench-{number}.yaml"));
        std::fs::write(file, text).unwrap();
    }
    directory
}

fn serve(runtime: &tokio::runtime::Runtime, workspace: &Path) -> sandbox::Running {
    runtime
        .block_on(sandbox::start(sandbox::Options::of(
            workspace.join(".portcullis/sandbox"),
        )))
        .unwrap()
}

async fn fill(url: &str, policies: usize) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let token: Value = client
        .post(format!("{url}/{}/oauth2/v2.0/token", sandbox::TENANT_ID))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", sandbox::CLIENT_ID),
            ("client_secret", sandbox::CLIENT_SECRET),
            ("scope", "https://graph.microsoft.com/.default"),
        ])
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    for number in 0..policies {
        let answer = client
            .post(format!("{url}/v1.0/identity/conditionalAccess/policies"))
            .bearer_auth(token["access_token"].as_str().unwrap())
            .json(&json!({
                "displayName": name(number),
                "state": "enabledForReportingButNotEnforced",
                "conditions": {
                    "clientAppTypes": ["all"],
                    "applications": {"includeApplications": ["797f4846-ba00-4fd7-ba43-dac1f8f63013"]},
                    "users": {"includeUsers": ["All"]},
                },
                "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
            }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
    }
}
