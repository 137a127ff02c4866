//! A file for each family of stored hashes: reading its text, its bounds, its check.

pub(super) mod argon2;
pub(super) mod bcrypt;
pub(super) mod hmac;
pub(super) mod md5_crypt;
pub(super) mod pbkdf2;
pub(super) mod plain;
pub(super) mod scrypt;
pub(super) mod sha_crypt;
