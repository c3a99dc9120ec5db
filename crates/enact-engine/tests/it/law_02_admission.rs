//! law_02_admission
