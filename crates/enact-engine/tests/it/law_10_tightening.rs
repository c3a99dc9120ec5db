//! law_10_tightening
