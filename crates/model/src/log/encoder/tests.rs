//! What goes in comes out, in any portions, and damage is seen.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::log::{BlockHeader, Damage, HEADER_LEN, Scanner, decode_lines};

type Owned = (u64, i64, Stream, Vec<u8>, Ending);

fn read_all(bytes: &[u8]) -> Vec<Owned> {
    let mut scanner = Scanner::new(Cursor::new(bytes));
    let mut lines = Vec::new();
    while let Some(block) = scanner.next_block().unwrap() {
        let body = scanner.read_body(&block).unwrap();
        assert!(body.len() < crate::log::BLOCK_LEN + PIECE_LEN + 20);
        for line in decode_lines(&block.header, &body).unwrap() {
            lines.push((line.number, line.at.0, line.stream, line.text.to_vec(), line.ending));
        }
    }
    lines
}

fn text_of(lines: &[Owned], stream: Stream) -> Vec<u8> {
    let mut text = Vec::new();
    for (_, _, _, bytes, ending) in lines.iter().filter(|line| line.2 == stream) {
        text.extend_from_slice(bytes);
        if *ending == Ending::Newline {
            text.push(b'\n');
        }
    }
    text
}

fn portion() -> impl Strategy<Value = (i64, usize, Vec<u8>)> {
    let line = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        Just(vec![b'\n'; 7]),
        (0usize..70_000).prop_map(|len| vec![b'x'; len]),
        Just(b"a line\n".repeat(900)),
    ];
    (any::<i32>().prop_map(i64::from), 0usize..2, line)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_byte_comes_back_in_order(portions in proptest::collection::vec(portion(), 0..30)) {
        let mut encoder = Encoder::default();
        let (mut stored, mut written) = (Vec::new(), [Vec::new(), Vec::new()]);
        let mut at = 1_700_000_000_000_000;
        for (i, (delta, stream, bytes)) in portions.iter().enumerate() {
            at += delta;
            encoder.write(Timestamp(at), Stream::ALL[*stream], bytes);
            written[*stream].extend_from_slice(bytes);
            if i % 3 == 0 {
                encoder.take(&mut stored);
            }
        }
        encoder.end(Timestamp(at), Stream::Stdout);
        encoder.end(Timestamp(at), Stream::Stderr);
        encoder.take(&mut stored);
        let lines = read_all(&stored);
        prop_assert_eq!(lines.len() as u64, encoder.lines());
        prop_assert!(lines.iter().enumerate().all(|(i, line)| line.0 == i as u64 + 1 && line.3.len() <= PIECE_LEN));
        prop_assert_eq!(text_of(&lines, Stream::Stdout), &written[0][..]);
        prop_assert_eq!(text_of(&lines, Stream::Stderr), &written[1][..]);
    }

    #[test]
    fn a_flipped_bit_or_a_cut_is_found(position in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
        let mut encoder = Encoder::default();
        encoder.write(Timestamp(5), Stream::Stdout, b"one\ntwo\n");
        let mut stored = Vec::new();
        encoder.take(&mut stored);
        let index = position.index(stored.len());
        if cut {
            stored.truncate(index);
        } else {
            stored[index] ^= 1 << bit;
        }
        let mut scanner = Scanner::new(Cursor::new(&stored));
        let whole = scanner.next_block().and_then(|block| block.map(|block| scanner.read_body(&block)).transpose());
        prop_assert_eq!(whole.is_ok(), cut && index == 0);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), lines in any::<u32>()) {
        prop_assert!(BlockHeader::parse(&bytes).is_err());
        let header = BlockHeader {
            first_line: u64::MAX, lines, raw_len: 300, stored_len: 300, codec: crate::log::Codec::Plain,
            first_at: Timestamp(i64::MAX), crc32: 0,
        };
        prop_assert_eq!(BlockHeader::parse(&header.to_bytes()), Ok(header));
        let _ = decode_lines(&header, &bytes);
    }
}

#[test]
fn streams_times_and_endings_are_kept() {
    let mut encoder = Encoder::default();
    encoder.note(Timestamp(10), "starts");
    encoder.write(Timestamp(20), Stream::Stdout, b"half ");
    encoder.write(Timestamp(15), Stream::Stderr, b"warning\n");
    encoder.write(Timestamp(30), Stream::Stdout, b"whole\nrest");
    encoder.end(Timestamp(40), Stream::Stdout);
    let mut stored = Vec::new();
    encoder.take(&mut stored);
    let expected: Vec<Owned> = vec![
        (1, 10, Stream::System, b"starts".to_vec(), Ending::Newline),
        (2, 15, Stream::Stderr, b"warning".to_vec(), Ending::Newline),
        (3, 30, Stream::Stdout, b"half whole".to_vec(), Ending::Newline),
        (4, 40, Stream::Stdout, b"rest".to_vec(), Ending::Nothing),
    ];
    assert_eq!(read_all(&stored), expected);
    let two = [&stored[..], &stored[..HEADER_LEN - 1]].concat();
    let mut scanner = Scanner::new(Cursor::new(&two));
    scanner.next_block().unwrap().unwrap();
    let error = scanner.next_block().unwrap_err();
    let offset = stored.len() as u64;
    assert!(matches!(error, crate::log::ScanError::Damage(Damage::Truncated { offset: at }) if at == offset));
}
