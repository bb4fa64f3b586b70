//! Events: what is told to people and pages when something changed.
