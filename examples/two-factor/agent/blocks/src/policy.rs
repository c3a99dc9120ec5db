//! The numbers that two-factor authentication rests on.

/// Seconds that a code is for.
pub const PERIOD: u64 = 30;
/// Digits of a code.
pub const DIGITS: u32 = 6;
/// Backup codes that a user gets.
pub const BACKUP_CODES: usize = 10;
/// Wrong codes after which a login has to begin again.
pub const ATTEMPTS: u32 = 5;
