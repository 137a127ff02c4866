//! How far an evaluation goes and by which rules.

/// What is counted as depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepthRule {
    /// As the reference server counts: subject sets, traversals, relations and permits joined by `||`, and nested
    /// expressions cost one each.
    Recorded,
    /// Only steps from one object to another cost one.
    Hops,
}

/// The rules of evaluation, from the configuration.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only what the language declares is followed.
    pub strict: bool,
    /// The greatest depth; questions may ask for less.
    pub depth: u32,
    /// What is counted as depth.
    pub depth_rule: DepthRule,
    /// More subject sets than this in one relation leave open whether there is no way through them.
    pub width: Option<u32>,
    /// How many relations of objects one question may look at.
    pub steps: u64,
    /// Whether trees follow permits.
    pub expand_rewrites: bool,
    /// How many nodes a tree has at most.
    pub expand_size: usize,
}

impl Options {
    /// The rules for a configuration of the reference server.
    pub fn keto() -> Self {
        Self {
            strict: false,
            depth: 5,
            depth_rule: DepthRule::Recorded,
            width: Some(100),
            steps: 1_000_000,
            expand_rewrites: false,
            expand_size: 4000,
        }
    }

    /// The rules of limen's own configuration.
    pub fn limen() -> Self {
        Self {
            strict: true,
            depth: 50,
            depth_rule: DepthRule::Hops,
            width: None,
            steps: 1_000_000,
            expand_rewrites: true,
            expand_size: 4000,
        }
    }

    /// The depth of a question that asks for `wanted`: nothing, nothing sensible and too much all mean the greatest.
    pub fn depth_of(&self, wanted: i64) -> u32 {
        u32::try_from(wanted).ok().filter(|depth| (1..=self.depth).contains(depth)).unwrap_or(self.depth)
    }
}
