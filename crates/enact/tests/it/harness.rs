//! A hermetic place to run the binary in: its own directory, home and state, and a local Konnect to talk to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use enact_konnect::local::{Fault, LocalKonnect, LocalOptions, RunningKonnect};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The binary under test.
pub(crate) const ENACT: &str = env!("CARGO_BIN_EXE_enact");

/// One place.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) runtime: Runtime,
    pub(crate) server: Option<RunningKonnect>,
    /// Extra environment for every command.
    pub(crate) environment: Vec<(String, String)>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// Both streams, for messages.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Asserts that standard error holds all of these texts.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "{text:?} is not in:\n{}", self.stderr);
        }
        self
    }

    /// Asserts the exit code and shows everything when it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.all()))
    }
}

impl Place {
    /// An empty directory and a local Konnect of this process, whose faults can be set.
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let konnect = LocalKonnect::open(&folder.path().join("konnect.db"), LocalOptions::default()).unwrap();
        let server = runtime.block_on(konnect.spawn(("127.0.0.1", 0))).unwrap();
        let environment = vec![
            ("ENACT_KONNECT".to_owned(), server.base_url()),
            ("ENACT_KONNECT_TOKEN".to_owned(), "test-token".to_owned()),
        ];
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self {
            folder,
            runtime,
            server: Some(server),
            environment,
        }
    }

    /// The directory commands run in.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn konnect(&self) -> &LocalKonnect {
        self.server.as_ref().unwrap().konnect()
    }

    /// Writes a file into the working directory.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The binary with nothing of the surroundings but what is named here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(ENACT);
        command
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path().join("home"))
            .env("ENACT_STATE_DIR", self.state())
            .envs(measured())
            .envs(
                self.environment
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str())),
            )
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.command(arguments))
    }

    /// Runs the binary to its end with more environment.
    pub(crate) fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        ended(command)
    }

    /// Runs a line of the shell, in which `enact` is the binary under test, with the same surroundings.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        let template = self.command(&[]);
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", line])
            .current_dir(self.work())
            .env_clear()
            .stdin(Stdio::null());
        shell.envs(
            template
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let folder = Path::new(ENACT).parent().unwrap();
        shell.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        ended(shell)
    }

    /// Every file of the working directory with its content, to see that nobody touched it.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        contents(&self.work())
    }

    /// Sets the server's faults from JSON: a list of faults.
    pub(crate) fn faults(&self, json: &str) {
        let faults: Vec<Fault> = serde_json::from_str(json).unwrap();
        self.konnect().set_faults(faults).unwrap();
    }

    /// A request by somebody else.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.server.as_ref().unwrap().base_url());
        call(&self.runtime, method, &url, body)
    }

    /// The id of a portal by its name.
    pub(crate) fn portal(&self, name: &str) -> String {
        let (_, found) = self.call("GET", &format!("/v3/portals?filter[name][eq]={name}"), None);
        found["data"][0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no portal {name}: {found}"))
            .to_owned()
    }

    /// How many writes the server has committed that changed something.
    pub(crate) fn effects(&self) -> usize {
        self.konnect()
            .requests()
            .unwrap()
            .writes
            .iter()
            .filter(|write| write.applied)
            .count()
    }

    /// Forgets the counts of requests.
    pub(crate) fn reset_counts(&self) {
        self.call("DELETE", "/_enact/requests?effects=true", None);
    }

    /// The requests by operation since the last reset.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = self.konnect().requests().unwrap();
        log.by_operation
            .iter()
            .map(|(operation, count)| format!("{operation} ×{count}"))
            .collect()
    }
}

/// Waits for a command's end.
pub(crate) fn ended(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Every file below a directory with its content.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut contents(&path));
        } else {
            found.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    found
}

/// One request with any token.
pub(crate) fn call(runtime: &Runtime, method: &str, url: &str, body: Option<Value>) -> (u16, Value) {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only(std::iter::empty())
            .build()
            .unwrap();
        let mut request = client
            .request(method.parse().unwrap(), url)
            .header("authorization", "Bearer other");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    })
}

/// The repository's root.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// Where the program writes which of its lines it ran, when that is measured.
#[expect(clippy::disallowed_methods, reason = "it is not a setting of the program")]
fn measured() -> Option<(&'static str, std::ffi::OsString)> {
    let name = "LLVM_PROFILE_FILE";
    std::env::var_os(name).map(|path| (name, path))
}
