//! The memory that Argon2 works in. A thread keeps it from one password to the next: asking the operating system for
//! megabytes each time, and having them cleared, would cost a tenth of the work itself.

use argon2::Block;

/// Blocks of memory that are used again. What one password leaves in it is overwritten by the next.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// So many KiB; `None` where the machine has no more.
    pub(super) fn kib(&mut self, wanted: usize) -> Option<&mut [Block]> {
        if self.0.len() < wanted {
            self.0.try_reserve_exact(wanted - self.0.len()).ok()?;
            self.0.resize(wanted, Block::new());
        }
        self.0.get_mut(..wanted)
    }

    /// Gives back what is more than `kib`.
    pub(super) fn shrink(&mut self, kib: usize) {
        if self.0.len() > kib {
            self.0 = Vec::new();
        }
    }
}
