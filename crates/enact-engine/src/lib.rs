//! The effects of enact, free of any domain: stores, the run loop, resume, undo.
