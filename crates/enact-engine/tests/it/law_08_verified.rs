//! law_08_verified
