//! Test support for enact: a simulated world, crash points, a hermetic command line.
