//! The inside of a child process: it binds itself, says that it is ready, and answers questions until its parent goes.

use std::io::{Read, Write};

use rlimit::Resource;

use super::frame::{self, Answer, Question};
use super::program;

/// Seconds of processor time for a whole life: what a child may burn whose parent died while it evaluated.
const PROCESSOR_SECONDS: u64 = 120;

/// A question longer than this was not sent by our parent.
const LONGEST_QUESTION: usize = 64 << 20;

/// Gives up what an evaluation does not need. From here on this process opens no files and no connections, starts no
/// programs (unless it runs as root), writes no files and dies rather than use more memory than `memory` bytes.
///
/// # Errors
/// A limit that the system does not take: then nothing may be evaluated.
pub fn bind(memory: u64) -> std::io::Result<()> {
    let limits = [
        (Resource::DATA, memory),
        (Resource::CPU, PROCESSOR_SECONDS),
        (Resource::NOFILE, 0),
        (Resource::FSIZE, 0),
        (Resource::CORE, 0),
        (Resource::NPROC, 0),
    ];
    for (resource, most) in limits {
        resource.set(most, most)?;
    }
    Ok(())
}

/// Answers the questions that come in by `input` until it ends.
///
/// # Errors
/// The parent is gone or does not keep to the protocol.
pub fn serve(input: &mut impl Read, output: &mut impl Write) -> std::io::Result<()> {
    say(output, &Answer::Ready)?;
    loop {
        let mut header = [0; 4];
        match input.read_exact(&mut header) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let length = frame::length(header);
        if length > LONGEST_QUESTION {
            return Err(std::io::Error::other("a question that is too long"));
        }
        let mut payload = vec![0; length];
        input.read_exact(&mut payload)?;
        let question: Question = serde_json::from_slice(&payload)?;
        say(output, &program::evaluate(&question.template, &question.argument, question.most))?;
    }
}

/// [`bind`] and [`serve`] over standard input and output: all that the process is for.
///
/// # Errors
/// As theirs.
pub fn run(memory: u64) -> std::io::Result<()> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    bind(memory)?;
    serve(&mut input, &mut output)
}

fn say(output: &mut impl Write, answer: &Answer) -> std::io::Result<()> {
    output.write_all(&answer.to_frame())?;
    output.flush()
}
