//! Doors for the fuzzer (`fuzz/`), to what is nobody else's to call.

use crate::frame::{self, Inbox};
use crate::supervisor::replay;
use crate::wire::{Order, Report};

/// Takes bytes as they would come in at either side: the first says in which portions.
pub fn frames(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let portion = usize::from(*first).max(1);
    let (mut orders, mut reports) = (Inbox::default(), Inbox::default());
    for piece in bytes.chunks(portion) {
        orders.extend(piece);
        reports.extend(piece);
        while let Ok(Some((order, tail))) = orders.next::<Order>() {
            let mut again = Vec::new();
            frame::encode(&mut again, &order, &tail);
            assert!(matches!(frame::decode::<Order>(&again), Ok(Some(_))));
        }
        while let Ok(Some(_)) = reports.next::<Report>() {}
    }
}

/// Takes bytes as a segment of the journal.
pub fn journal(bytes: &[u8]) {
    replay(bytes);
}
