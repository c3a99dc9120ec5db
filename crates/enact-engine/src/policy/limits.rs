//! The bounds on everything that comes with a policy. One place, so that the documentation can list them.

use std::time::Duration;

/// The most files in a bundle, tests and data included.
pub const MAX_FILES: usize = 1000;

/// The longest file, in bytes. The parser's own limit is the same.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// The longest bundle, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 16 * 1024 * 1024;

/// How deep directories of a bundle may be nested.
pub const MAX_FOLDER_DEPTH: usize = 8;

/// How deep brackets and braces may be nested in a source. The parser reads what is inside of each twice.
pub const MAX_NESTING: u32 = 10;

/// How much reading twice (and twice again) may cost: each byte counts 2 to the power of its nesting.
pub const MAX_NESTING_COST: u64 = 32 * 1024 * 1024;

/// How many `set(` may follow each other. The lexer looks behind each for the next.
pub const MAX_SET_CHAIN: u32 = 8;

/// The longest chain of rules that use each other. Each link takes a piece of the stack.
pub const MAX_RULE_CHAIN: usize = 200;

/// How long a plan may be judged.
pub const PLAN_TIME: Duration = Duration::from_secs(5);

/// How long a catalog action or a condition may be judged.
pub const ACTION_TIME: Duration = Duration::from_secs(1);

/// How long one policy test may take.
pub const TEST_TIME: Duration = Duration::from_secs(5);

/// How much of what a test prints is kept, in lines.
pub const MAX_PRINTED_LINES: usize = 1000;

/// The same in bytes.
pub const MAX_PRINTED_BYTES: usize = 256 * 1024;

/// How long loading and compiling a bundle may take.
pub const LOAD_TIME: Duration = Duration::from_secs(10);

/// The longest answer of a policy, in bytes of JSON.
pub const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The most findings that a verdict keeps; what is beyond is counted.
pub const MAX_FINDINGS: usize = 500;

/// The longest message of a finding, in characters.
pub const MAX_MESSAGE: usize = 2000;

/// The most different roles that the rules of a bundle may ask for at once.
pub const MAX_ROLES: usize = 100;

/// The most lines that are kept of what policies print; each is cut to [`MAX_MESSAGE`].
pub const MAX_PRINTS: usize = 1000;

/// The least time for finding out which rule said what, also when the answer itself took nearly all there was.
pub const EXPLAIN_TIME: Duration = Duration::from_secs(1);

/// The longest reply of a policy process, in bytes: the answer, its places and what was printed.
pub const MAX_REPLY_BYTES: usize = 64 * 1024 * 1024;

/// The stack of the thread that parses and evaluates, in bytes. Reserved, not used until needed.
pub const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The address space of a policy process, in bytes. More than any sane policy needs, less than what would hurt.
pub const PROCESS_BYTES: u64 = 2 * 1024 * 1024 * 1024;
