//! Reads `text/event-stream`, byte by byte as it comes, after the WHATWG's rules.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// Its type; `message` unless told.
    pub event: String,
    /// Its lines.
    pub data: String,
    /// The id to resume behind, as it stands after this event.
    pub id: Option<String>,
}

/// Puts events together from pieces of a stream.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    /// The first line may begin with a byte order mark.
    started: bool,
    event: String,
    data: String,
    has_data: bool,
    id: Option<String>,
}

impl Parser {
    /// Takes the next piece, and hands out the events that it completes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<SseEvent> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    events.extend(self.end_of_line());
                }
                _ => {
                    self.after_return = false;
                    self.line.push(byte);
                }
            }
        }
        events
    }

    fn end_of_line(&mut self) -> Option<SseEvent> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = if self.started { &*line } else { line.trim_start_matches('\u{feff}') };
        self.started = true;
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // Comments have an empty name; `retry` is not ours to follow, as there is a limit to our patience.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(SseEvent { event, data, id: self.id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event: &str, data: &str, id: Option<&str>) -> SseEvent {
        SseEvent { event: event.to_owned(), data: data.to_owned(), id: id.map(str::to_owned) }
    }

    #[test]
    fn reads_events_however_they_are_cut() {
        let text = "\u{feff}: hello\n\nid: 7\nevent: lines\ndata: [1,\ndata:2]\n\nevent:end\r\ndata: é\r\n\r\nretry: 5\ndata\n\n";
        let wanted = [
            event("lines", "[1,\n2]", Some("7")),
            event("end", "é", Some("7")),
            event("message", "", Some("7")),
        ];
        for size in 1..=text.len() {
            let mut parser = Parser::default();
            let got: Vec<_> = text.as_bytes().chunks(size).flat_map(|piece| parser.push(piece)).collect();
            assert_eq!(got, wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_its_empty_line_never_comes() {
        let mut parser = Parser::default();
        assert_eq!(parser.push(b"event: end\ndata: {}\n"), []);
        assert_eq!(parser.push(b"\r"), [event("end", "{}", None)]);
        assert_eq!(parser.push(b"\nevent: x\n\n"), [], "without data there is no event");
        assert_eq!(parser.push(b"data: 1\n\n"), [event("message", "1", None)]);
    }
}
