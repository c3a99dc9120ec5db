//! law_09_reporting
