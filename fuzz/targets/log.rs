//! Logs: any bytes are scanned to their end or to what is damaged; what is written is read again as it was.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use rigi_model::Timestamp;
use rigi_model::log::{Encoder, Scanner, Stream, decode_lines};

/// The text of all lines of a stream that can be read.
fn read(bytes: &[u8], stream: Stream) -> Vec<u8> {
    let (mut scanner, mut text) = (Scanner::new(Cursor::new(bytes)), Vec::new());
    while let Ok(Some(block)) = scanner.next_block() {
        let Ok(body) = scanner.read_body(&block) else { break };
        let Ok(lines) = decode_lines(&block.header, &body) else { break };
        for line in lines.iter().filter(|line| line.stream == stream) {
            text.extend_from_slice(line.text);
        }
    }
    text
}

fuzz_target!(|bytes: &[u8]| {
    read(bytes, Stream::Stdout);
    let mut encoder = Encoder::new(1);
    for (count, piece) in bytes.chunks(97).enumerate() {
        encoder.write(Timestamp(i64::try_from(count).unwrap()), Stream::Stdout, piece);
    }
    encoder.end(Timestamp(1 << 40), Stream::Stdout);
    let mut written = Vec::new();
    encoder.take(&mut written);
    let without_ends = |text: &[u8]| text.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect::<Vec<u8>>();
    assert_eq!(without_ends(&read(&written, Stream::Stdout)), without_ends(bytes));
});
