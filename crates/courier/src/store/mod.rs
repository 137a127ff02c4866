//! The tables of this crate, a file each. SQL stands next to the function that runs it.

pub(crate) mod hooks;
pub(crate) mod inbox;
pub(crate) mod inbox_hooks;
pub(crate) mod listing;
pub(crate) mod messages;
pub(crate) mod waiting;
