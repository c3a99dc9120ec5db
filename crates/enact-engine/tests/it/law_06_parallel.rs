//! law_06_parallel
