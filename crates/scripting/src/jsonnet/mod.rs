//! Jsonnet of operators, evaluated in child processes of this program: what a template does wrong ends its process and
//! nothing else. [`Jsonnet`] keeps the processes, [`worker`] is what runs inside one, `program` is the evaluation itself.
//!
//! A child has no environment, opens no file and no connection (its limit of open files is nought), and has bounds on
//! memory and processor time that the kernel keeps. Time and size of an evaluation are kept by this side, which kills a
//! child that exceeds them and starts another for the next evaluation.

mod frame;
mod pool;
mod program;
pub mod worker;

use std::time::Duration;

pub use pool::{Jsonnet, WorkerCommand};

/// Bounds of every evaluation.
#[derive(Debug, Clone)]
pub struct JsonnetLimits {
    /// From handing over to the result.
    pub time: Duration,
    /// Bytes of memory of a child process.
    pub memory: u64,
    /// Bytes of a template and its argument together.
    pub input: usize,
    /// Bytes of a result.
    pub output: usize,
    /// Child processes at a time.
    pub workers: usize,
    /// Evaluations after which a child process is replaced.
    pub evaluations: u32,
    /// How long an evaluation waits for a free child process, and a child process may take to start.
    pub patience: Duration,
}

impl Default for JsonnetLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(1),
            memory: 128 << 20,
            input: 1 << 20,
            output: 256 << 10,
            workers: 4,
            evaluations: 1000,
            patience: Duration::from_secs(10),
        }
    }
}

/// What came of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evaluated {
    /// A JSON document.
    Json(String),
    /// The template raised the error `cancel`: it wants nothing to be sent.
    Cancelled,
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonnetError {
    /// The template is none, or raised an error. The text says which and in which line.
    #[error("{0}")]
    Template(String),
    /// It took too long, and was killed.
    #[error("the evaluation took longer than {0:?}")]
    Time(Duration),
    /// Its process died: out of memory, or of processor time.
    #[error("the process of the evaluation died: the template needs more memory or time than it may have")]
    Died,
    /// Template and argument together, or the result, are too large.
    #[error("the {what} is larger than {most} bytes")]
    Size {
        /// `template with its argument` or `result`.
        what: &'static str,
        /// The bound.
        most: usize,
    },
    /// No child process became free in time.
    #[error("no process became free to evaluate the template")]
    Busy,
    /// A child process cannot be started.
    #[error("no process can be started to evaluate the template: {0}")]
    Start(String),
}
