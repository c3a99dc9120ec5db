//! law_05_preconditions
