//! Planted faults: one per law, armed by a test and by nothing else, to prove that the law's test can fail.
//!
//! Without the feature `planted-faults` [`planted`] is the constant `false`, and the compiler removes the branch.

/// A fault that a law's test must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Law 1: the time of making goes into the plan's digest.
    TimeInDigest,
    /// Law 2: an approval of another plan counts.
    ApprovalOfOtherPlan,
    /// Law 3: the effect is started before its intent is durable.
    EffectBeforeIntent,
    /// Law 4: resume repeats an open intent without looking.
    RepeatWithoutLooking,
    /// Law 5: the pass over all preconditions is left out.
    NoPreflight,
    /// Law 5: nothing is read again right before a write.
    NoCheckBeforeWrite,
    /// Law 6: changes run level by level.
    LevelBarrier,
    /// Law 6: the bound on concurrency is not kept.
    NoBound,
    /// Law 7: dependants of a failed change run all the same.
    DependantsRun,
    /// Law 7: undo runs in the order of doing.
    UndoInOrder,
    /// Law 8: a mismatch after the run is not reported.
    MismatchHidden,
    /// Law 9: the run waits for its reporter.
    ReporterInline,
    /// Law 10: a denial is overlooked.
    DenyIgnored,
    /// Law 10: a rule without a value counts as one without an objection.
    UndefinedAllows,
    /// Law 10: where several people have to confirm, a word that nobody signed counts as another person's.
    UnsignedConfirms,
}

#[cfg(feature = "planted-faults")]
thread_local! {
    static ARMED: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
}

/// Is this fault armed on this thread?
#[cfg(feature = "planted-faults")]
pub fn planted(fault: Fault) -> bool {
    ARMED.get() == Some(fault)
}

/// Never: planted faults exist only under the feature `planted-faults`.
#[cfg(not(feature = "planted-faults"))]
#[inline]
pub const fn planted(_fault: Fault) -> bool {
    false
}

/// Runs something with a fault armed on this thread, and disarms it, also after a panic.
#[cfg(feature = "planted-faults")]
pub fn with_fault<T>(fault: Fault, work: impl FnOnce() -> T) -> T {
    struct Disarm;
    impl Drop for Disarm {
        fn drop(&mut self) {
            ARMED.set(None);
        }
    }
    ARMED.set(Some(fault));
    let _disarm = Disarm;
    work()
}
