//! Who signed an approval, and what it is worth: SSH signatures, checked here and made by `ssh-keygen`.
//!
//! Reading order: [`allowed_signers`] (whose keys are known), [`container`] (what a signature says of itself), [`check`] (does
//! it hold), [`verified`] (what every record of a ledger counts for), [`words`] (and people's words to a run), [`sign`] (how one is made).

pub mod allowed_signers;
pub mod check;
pub mod container;
pub mod sign;
pub mod verified;
pub mod words;

pub use allowed_signers::AllowedSigners;
pub use verified::{Trust, Verified, Worthless, verified};
