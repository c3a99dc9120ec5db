//! Finds a program and starts it; what stands in the way is said in words that name it.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::io::Errno;

use super::wire::RunRequest;

/// What the kernel's `execvp` takes where there is no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where the program of a request is.
pub(super) fn find(request: &RunRequest) -> Result<PathBuf, String> {
    if !request.working_dir.is_dir() {
        let folder = request.working_dir.display();
        return Err(format!(
            "the working directory {folder} does not exist or is no directory"
        ));
    }
    let name = match request.argv.first() {
        Some(name) if !name.is_empty() => name,
        _ => return Err("the command is empty".to_owned()),
    };
    find_program(
        name,
        &request.working_dir,
        request.env.get("PATH").map(String::as_str),
    )
}

/// Where a program is: by its path from the folder, or in `PATH`. In words why there is none.
pub(crate) fn find_program(name: &str, working_dir: &Path, path: Option<&str>) -> Result<PathBuf, String> {
    if name.contains('/') {
        let path = working_dir.join(name);
        return usable(&path).map(|()| path);
    }
    let path = path.unwrap_or(DEFAULT_PATH);
    let mut denied = None;
    for folder in path.split(':') {
        let candidate = working_dir.join(folder).join(name);
        match usable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(why) if candidate.exists() && denied.is_none() => denied = Some(why),
            Err(_) => {}
        }
    }
    Err(denied.unwrap_or_else(|| format!("there is no program {name} in PATH ({path})")))
}

fn usable(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return format!("there is no program {shown}");
        }
        format!("the program {shown} cannot be looked at: {error}")
    })?;
    if metadata.is_dir() {
        return Err(format!("{shown} is a directory, not a program"));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(format!("{shown} is not executable"));
    }
    Ok(())
}

/// Starts it in a process group of its own, with nothing to read and exactly the environment it is given.
pub(super) fn start(program: &Path, request: &RunRequest) -> Result<Child, String> {
    let mut command = Command::new(program);
    if let Some(name) = request.argv.first() {
        command.arg0(name);
    }
    command
        .args(request.argv.iter().skip(1))
        .env_clear()
        .envs(&request.env)
        .current_dir(&request.working_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command.spawn().map_err(|error| {
        let why = match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => "the interpreter it names does not exist".to_owned(),
            Some(Errno::NOEXEC) => "it is neither a program nor a script with a #! line".to_owned(),
            Some(Errno::TOOBIG) => "its arguments and environment are too long".to_owned(),
            _ => error.to_string(),
        };
        format!("{} cannot be executed: {why}", program.display())
    })
}
