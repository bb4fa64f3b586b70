//! The attempt's lines on the runner's standard output: where the engine keeps the output of containers, a runner that
//! is killed leaves there what it had not shipped. Line for line, so that the two logs count alike.

use std::io::{self, Write};

use rigi_model::log::{BlockHeader, Damage, HEADER_LEN, check_body, decode_lines};

/// Writes the lines of whole blocks; returns how many bytes they were.
pub fn mirror(mut blocks: &[u8], out: &mut impl Write) -> io::Result<usize> {
    let all = blocks.len();
    while let Some((header, body)) = next(blocks) {
        for line in decode_lines(&header, body).unwrap_or_default() {
            out.write_all(line.text)?;
            out.write_all(b"\n")?;
        }
        blocks = &blocks[HEADER_LEN + body.len()..];
    }
    out.flush()?;
    Ok(all - blocks.len())
}

fn next(blocks: &[u8]) -> Option<(BlockHeader, &[u8])> {
    let header = match BlockHeader::parse(blocks) {
        Ok(header) => header,
        Err(Damage::Truncated { .. }) => return None,
        Err(error) => {
            eprintln!("rigi runner: the log cannot be written to standard output: {error}");
            return None;
        }
    };
    let body = blocks.get(HEADER_LEN..HEADER_LEN + header.stored_len as usize)?;
    check_body(&header, body).ok()?;
    Some((header, body))
}

#[cfg(test)]
mod tests {
    use rigi_model::Timestamp;
    use rigi_model::log::{Encoder, Stream};

    use super::*;

    #[test]
    fn whole_blocks_are_written_line_by_line() {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::default();
        for text in ["one\n", "\n", "two\nthree"] {
            encoder.write(Timestamp(1), Stream::Stdout, text.as_bytes());
            encoder.take(&mut bytes);
        }
        let whole = bytes.len();
        encoder.end(Timestamp(1), Stream::Stdout);
        encoder.take(&mut bytes);
        let mut out = Vec::new();
        assert_eq!(mirror(&bytes[..bytes.len() - 1], &mut out).unwrap(), whole);
        assert_eq!(out, b"one\n\ntwo\n");
        assert_eq!(mirror(&bytes[whole..], &mut out).unwrap(), bytes.len() - whole);
        assert_eq!(out, b"one\n\ntwo\nthree\n");
    }
}
