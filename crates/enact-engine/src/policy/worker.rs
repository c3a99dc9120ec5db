//! The inside of a policy process: it is given a bundle and then questions, over standard input and output, and has no other
//! way out. It takes limits on itself before it reads anything.

use std::io::{Read, Write};

use enact_core::diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};

use super::asking::Loaded;
use super::bundle::Bundle;
use super::compile::{Compiled, Scope, on_large_stack};
use super::coverage::FileCoverage;
use super::evaluate::{Answer, Detail, Evaluator, Failure};
use super::limits::{LOAD_TIME, PROCESS_BYTES, TEST_TIME};
use super::query::Question;
use super::testing::{TestCase, TestResult, TestSuite};

/// The longest message that a policy process reads, in bytes. What it answers is bounded by [`super::limits::MAX_REPLY_BYTES`].
const MAX_MESSAGE_BYTES: usize = 768 * 1024 * 1024;

/// What a policy process is told. Each message is its length (four bytes, little endian) and JSON; [`Request::Ask`] is
/// followed by one more message, the input.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    /// Compile these policies and be ready to be asked.
    Load { bundle: Bundle },
    /// Answer a question.
    Ask { question: Question, detail: Detail },
    /// Compile these policies with their tests.
    LoadTests { bundle: Bundle, coverage: bool },
    /// Run one of the tests.
    Test {
        index: usize,
        limit: std::time::Duration,
    },
    /// Say which lines the tests reached.
    Coverage,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Reply {
    Loaded {
        loaded: Loaded,
    },
    Cases {
        loaded: Loaded,
        cases: Vec<TestCase>,
    },
    Faults {
        faults: Vec<Diagnostic>,
    },
    Answer {
        answer: Answer,
    },
    Failed {
        failure: Failure,
    },
    Tested {
        result: TestResult,
    },
    Covered {
        files: std::collections::BTreeMap<String, FileCoverage>,
    },
}

/// Serves until standard input ends. What the binary's hidden `policy-worker` command is.
///
/// # Errors
/// When the other side cannot be read or written any more.
pub fn serve(input: impl Read + Send, output: impl Write + Send) -> std::io::Result<()> {
    limit_memory();
    on_large_stack(|| serve_here(input, output)).unwrap_or_else(|lost| Err(std::io::Error::other(lost)))
}

#[derive(Default)]
struct Served {
    evaluator: Option<Evaluator>,
    suite: Option<TestSuite>,
}

fn serve_here(mut input: impl Read, mut output: impl Write) -> std::io::Result<()> {
    let mut served = Served::default();
    while let Some(message) = read_message(&mut input, MAX_MESSAGE_BYTES)? {
        let request: Request = serde_json::from_slice(&message)?;
        drop(message);
        limit_time(&request);
        let reply = match request {
            Request::Load { bundle } => served.load(&bundle),
            Request::LoadTests { bundle, coverage } => served.load_tests(&bundle, coverage),
            Request::Ask { question, detail } => {
                let document = read_message(&mut input, MAX_MESSAGE_BYTES)?.unwrap_or_default();
                served.ask(question, detail, &document)
            }
            Request::Test { index, limit } => served.test(index, limit),
            Request::Coverage => Reply::Covered {
                files: served.suite.as_ref().map(TestSuite::coverage).unwrap_or_default(),
            },
        };
        write_message(&mut output, &serde_json::to_vec(&reply)?)?;
    }
    Ok(())
}

impl Served {
    fn load(&mut self, bundle: &Bundle) -> Reply {
        match Compiled::load_here(bundle, Scope::Policies) {
            Ok(compiled) => {
                let loaded = Loaded::of(&compiled);
                self.evaluator = Some(Evaluator::new(compiled));
                Reply::Loaded { loaded }
            }
            Err(faults) => Reply::Faults { faults },
        }
    }

    fn load_tests(&mut self, bundle: &Bundle, coverage: bool) -> Reply {
        match TestSuite::load_here(bundle, coverage) {
            Ok(suite) => {
                let reply = Reply::Cases {
                    loaded: Loaded::of(suite.compiled()),
                    cases: suite.cases().to_vec(),
                };
                self.suite = Some(suite);
                reply
            }
            Err(faults) => Reply::Faults { faults },
        }
    }

    fn ask(&mut self, question: Question, detail: Detail, document: &[u8]) -> Reply {
        let answered = match (&mut self.evaluator, std::str::from_utf8(document)) {
            (Some(evaluator), Ok(document)) => evaluator.ask(question, document, detail),
            (None, _) => Err(unasked("no bundle was loaded")),
            (_, Err(error)) => Err(unasked(&error.to_string())),
        };
        match answered {
            Ok(answer) => Reply::Answer { answer },
            Err(failure) => Reply::Failed { failure },
        }
    }

    fn test(&mut self, index: usize, limit: std::time::Duration) -> Reply {
        match self.suite.as_mut().and_then(|suite| suite.run(index, limit)) {
            Some(result) => Reply::Tested { result },
            None => Reply::Failed {
                failure: unasked("there is no such test"),
            },
        }
    }
}

fn unasked(message: &str) -> Failure {
    Failure::Input {
        message: message.to_owned(),
    }
}

/// One message of at most so many bytes; `None` at the end of the input.
pub(super) fn read_message(input: &mut impl Read, most: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = [0_u8; 4];
    match input.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > most {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    let mut message = Vec::new();
    input.by_ref().take(length as u64).read_to_end(&mut message)?;
    if message.len() < length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}

/// Writes one message and sends it off.
pub(super) fn write_message(output: &mut impl Write, message: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(message.len()).map_err(|_| std::io::ErrorKind::FileTooLarge)?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(message)?;
    output.flush()
}

/// No more memory than a policy may need, and no core file with somebody's data in it.
fn limit_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = |bytes: u64| Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    // Where a limit cannot be set a lower one is in force already.
    let _set = setrlimit(Resource::As, limit(PROCESS_BYTES));
    let _set = setrlimit(Resource::Core, limit(0));
}

/// The parent kills a process that takes too long. Should the parent be gone, the kernel does.
fn limit_time(request: &Request) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let granted = match request {
        Request::Load { .. } | Request::LoadTests { .. } => LOAD_TIME,
        Request::Ask { question, .. } => question.query().limit,
        Request::Test { limit, .. } => *limit,
        Request::Coverage => TEST_TIME,
    };
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).tv_sec;
    // Reading a large input and finding places come on top; the parent's own patience is shorter than this.
    let until = u64::try_from(used)
        .unwrap_or(0)
        .saturating_add(granted.as_secs().saturating_mul(3))
        .saturating_add(10);
    let limit = Rlimit {
        current: Some(until),
        ..getrlimit(Resource::Cpu)
    };
    let _set = setrlimit(Resource::Cpu, limit);
}
