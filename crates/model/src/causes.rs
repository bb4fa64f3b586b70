//! Errors of libraries in words: each with what it was caused by.

use std::error::Error;

/// An error with its causes, each said once.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the call failed")]
    struct Outer(#[source] Inner);
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Inner(&'static str);

    #[test]
    fn causes_follow_and_nothing_is_said_twice() {
        assert_eq!(with_causes(&Outer(Inner("no route"))), "the call failed: no route");
        assert_eq!(with_causes(&Outer(Inner("call failed"))), "the call failed");
    }
}
