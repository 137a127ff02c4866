//! The parent's side: a few child processes that are kept warm, each with one evaluation at a time.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::frame::{self, Answer, Question};
use super::{Evaluated, JsonnetError, JsonnetLimits};

/// How a child process is started: this program again, with an argument that makes it call [`super::worker::run`].
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program's file.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// Evaluates Jsonnet within [`JsonnetLimits`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jsonnet(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    /// `None` evaluates inside this process: tests of templates, never a server.
    command: Option<WorkerCommand>,
    limits: JsonnetLimits,
    free: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    served: u32,
}

impl Jsonnet {
    /// A pool that starts its child processes when they are needed.
    pub fn new(command: WorkerCommand, limits: JsonnetLimits) -> Self {
        Self::with(Some(command), limits)
    }

    /// Evaluates inside this process, without any protection: for tests of other crates, which have no program to start.
    #[cfg(feature = "testing")]
    pub fn unprotected() -> Self {
        Self::with(None, JsonnetLimits::default())
    }

    fn with(command: Option<WorkerCommand>, limits: JsonnetLimits) -> Self {
        let free = Semaphore::new(limits.workers.max(1));
        Self(Arc::new(Pool { command, limits, free, idle: Mutex::default() }))
    }

    /// Evaluates `template`. If it is a function it is called with `argument` as `ctx`.
    ///
    /// # Errors
    /// The template's errors, and every limit that it exceeds. The next evaluation is not harmed by them.
    pub async fn evaluate(&self, template: &str, argument: &serde_json::Value) -> Result<Evaluated, JsonnetError> {
        let limits = &self.0.limits;
        let question = Question { template: template.to_owned(), argument: argument.clone(), most: limits.output };
        let payload = serde_json::to_vec(&question).map_err(|error| JsonnetError::Template(error.to_string()))?;
        if payload.len() > limits.input {
            return Err(JsonnetError::Size { what: "template with its argument", most: limits.input });
        }
        let Some(command) = &self.0.command else {
            return told(super::program::evaluate(template, argument, limits.output), limits);
        };
        let waiting = timeout(limits.patience, self.0.free.acquire()).await;
        let Ok(Ok(_permit)) = waiting else { return Err(JsonnetError::Busy) };
        let mut worker = match self.0.take_idle() {
            Some(worker) => worker,
            None => Worker::start(command, limits).await?,
        };
        // A worker that is dropped on the way is killed: by its limits here, or with the request that waits for it.
        let answer = match timeout(limits.time, worker.ask(&payload, limits.output)).await {
            Err(_) => return Err(JsonnetError::Time(limits.time)),
            Ok(None) => return Err(JsonnetError::Died),
            Ok(Some(answer)) => answer,
        };
        worker.served += 1;
        if worker.served < limits.evaluations {
            self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
        told(answer, limits)
    }
}

impl Pool {
    /// A child process that waits; one that died while it waited is left out.
    fn take_idle(&self) -> Option<Worker> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut worker) = idle.pop() {
            if matches!(worker.child.try_wait(), Ok(None)) {
                return Some(worker);
            }
        }
        None
    }
}

impl Worker {
    async fn start(command: &WorkerCommand, limits: &JsonnetLimits) -> Result<Self, JsonnetError> {
        let failed = |error: std::io::Error| JsonnetError::Start(error.to_string());
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(JsonnetError::Start("it has no pipes".to_owned()));
        };
        let mut worker = Self { child, input, output, served: 0 };
        match timeout(limits.patience, worker.hear(1)).await {
            Ok(Some(Answer::Ready)) => Ok(worker),
            Ok(_) => Err(JsonnetError::Start("it ended at once: its limits cannot be set".to_owned())),
            Err(_) => Err(JsonnetError::Start("it did not become ready in time".to_owned())),
        }
    }

    /// `None` if the process is gone or says what no worker says.
    async fn ask(&mut self, payload: &[u8], most: usize) -> Option<Answer> {
        self.input.write_all(&frame::framed(payload)).await.ok()?;
        self.input.flush().await.ok()?;
        self.hear(most.max(4096) + 1).await
    }

    async fn hear(&mut self, most: usize) -> Option<Answer> {
        let mut header = [0; 4];
        self.output.read_exact(&mut header).await.ok()?;
        let length = frame::length(header);
        if length > most {
            return None;
        }
        let mut payload = vec![0; length];
        self.output.read_exact(&mut payload).await.ok()?;
        Answer::from_payload(&payload)
    }
}

fn told(answer: Answer, limits: &JsonnetLimits) -> Result<Evaluated, JsonnetError> {
    match answer {
        Answer::Json(text) => Ok(Evaluated::Json(text)),
        Answer::Cancelled => Ok(Evaluated::Cancelled),
        Answer::Failed(reason) => Err(JsonnetError::Template(reason)),
        Answer::TooLarge => Err(JsonnetError::Size { what: "result", most: limits.output }),
        Answer::Ready => Err(JsonnetError::Died),
    }
}
