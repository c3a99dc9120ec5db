//! The vocabulary and every decision of enact, as pure functions of values.
