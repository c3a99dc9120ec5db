//! law_07_failure
