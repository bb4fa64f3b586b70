//! The waiting runs of one pipeline, in order, in a form that says at once how many are before one: what a page of waiting
//! runs costs does not grow with the queue.

use std::cmp::Reverse;

use rigi_model::RunId;

/// Order within a pipeline: higher priority first, then older.
pub(super) type Turn = (Reverse<i32>, RunId);

/// Turns of one block at most; a full one is cut in two.
const BLOCK: usize = 512;

/// Sorted turns, in blocks that are short enough to be moved.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    blocks: Vec<Vec<Turn>>,
    len: usize,
}

/// Turns in order.
pub(super) type Turns<'a> = std::iter::Flatten<std::slice::Iter<'a, Vec<Turn>>>;

impl Line {
    pub(super) const fn len(&self) -> u64 {
        self.len as u64
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn iter(&self) -> Turns<'_> {
        self.blocks.iter().flatten()
    }

    /// The block that holds a turn, or would.
    fn block_of(&self, turn: &Turn) -> usize {
        let after = self.blocks.partition_point(|block| block.last().is_some_and(|last| last < turn));
        after.min(self.blocks.len().saturating_sub(1))
    }

    pub(super) fn insert(&mut self, turn: Turn) {
        if self.blocks.is_empty() {
            self.blocks.push(Vec::new());
        }
        let at = self.block_of(&turn);
        let block = &mut self.blocks[at];
        let Err(place) = block.binary_search(&turn) else { return };
        block.insert(place, turn);
        self.len += 1;
        if block.len() > BLOCK {
            // Runs come in the order of their ids: the cut leaves the earlier block nearly full.
            let cut = if place == BLOCK { BLOCK } else { BLOCK / 2 };
            let later = block.split_off(cut);
            self.blocks.insert(at + 1, later);
        }
    }

    pub(super) fn remove(&mut self, turn: &Turn) {
        let at = self.block_of(turn);
        let Some(block) = self.blocks.get_mut(at) else { return };
        let Ok(place) = block.binary_search(turn) else { return };
        block.remove(place);
        self.len -= 1;
        if block.is_empty() {
            self.blocks.remove(at);
        }
    }

    /// How many come before a turn, and whether it is in the line itself.
    pub(super) fn before(&self, turn: &Turn) -> (u64, bool) {
        let at = self.block_of(turn);
        let earlier: usize = self.blocks.iter().take(at).map(Vec::len).sum();
        let (place, waits) = match self.blocks.get(at).map(|block| block.binary_search(turn)) {
            Some(Ok(place)) => (place, true),
            Some(Err(place)) => (place, false),
            None => (0, false),
        };
        ((earlier + place) as u64, waits)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_is_a_sorted_set_that_counts(
            steps in prop::collection::vec((any::<bool>(), -1..2i32, 0..2000u128), 0..4000),
        ) {
            let (mut line, mut set) = (Line::default(), BTreeSet::new());
            for (enters, priority, run) in steps {
                let turn = (Reverse(priority), RunId::from_bits(run));
                if enters {
                    line.insert(turn.clone());
                    set.insert(turn);
                } else {
                    line.remove(&turn);
                    set.remove(&turn);
                }
            }
            prop_assert!(line.iter().eq(set.iter()));
            prop_assert_eq!(line.len(), set.len() as u64);
            for (place, turn) in set.iter().enumerate() {
                prop_assert_eq!(line.before(turn), (place as u64, true));
            }
            prop_assert_eq!(line.before(&(Reverse(-2), RunId::from_bits(0))), (line.len(), false));
        }
    }

    #[test]
    fn a_long_queue_in_order_fills_its_blocks() {
        let mut line = Line::default();
        (0..10_000).for_each(|n| line.insert((Reverse(0), RunId::from_bits(n))));
        assert_eq!(line.blocks.len(), 10_000usize.div_ceil(BLOCK));
        (0..9_999).for_each(|n| line.remove(&(Reverse(0), RunId::from_bits(n))));
        assert_eq!((line.blocks.len(), line.len()), (1, 1));
    }
}
