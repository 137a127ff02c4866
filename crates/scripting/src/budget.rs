//! The limits of one rendering, and the counters that enforce them.

/// What one rendering may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nodes, function calls and, one for every 64 bytes, the text that functions produce.
    pub steps: u64,
    /// Bytes of output, and of any one text on the way to it.
    pub output: usize,
    /// Templates calling templates, blocks and parentheses within each other.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 1_000_000, output: 2 << 20, depth: 64 }
    }
}

/// Why something inside a rendering stopped, before the place is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A wrong use, in words.
    Problem(String),
    /// An exceeded limit.
    Limit(&'static str),
}

impl From<String> for Stop {
    fn from(problem: String) -> Self {
        Self::Problem(problem)
    }
}

impl From<&str> for Stop {
    fn from(problem: &str) -> Self {
        Self::Problem(problem.to_owned())
    }
}

/// What is left of the [`Limits`].
#[derive(Debug)]
pub(crate) struct Budget {
    steps: u64,
    output: usize,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { steps: limits.steps, output: limits.output }
    }

    /// Counts one step.
    pub(crate) fn step(&mut self) -> Result<(), Stop> {
        self.steps_spend(1)
    }

    /// Counts the work of making `bytes` of text, and refuses a text that could never be written.
    ///
    /// INVARIANT: called before the text is made, so that no function allocates more than the limit.
    pub(crate) fn text(&mut self, bytes: usize) -> Result<(), Stop> {
        if bytes > self.output {
            return Err(Stop::Limit("output"));
        }
        self.steps_spend(bytes as u64 / 64 + 1)
    }

    /// Counts the work of handling `items` of a list or map.
    pub(crate) fn items(&mut self, items: usize) -> Result<(), Stop> {
        self.steps_spend((items as u64).saturating_add(1))
    }

    /// The longest text that may be made.
    pub(crate) fn longest_text(&self) -> usize {
        self.output
    }

    fn steps_spend(&mut self, steps: u64) -> Result<(), Stop> {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                self.steps = 0;
                Err(Stop::Limit("steps"))
            }
        }
    }
}
