//! Where services meet: the ports of one, filled in with another in this process.

pub mod pages;
