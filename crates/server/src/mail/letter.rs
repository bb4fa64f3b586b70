//! A letter: one source for its plain text and its HTML. Whatever comes from people stays text in both.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Columns of plain text.
const WIDTH: usize = 76;

/// A part of a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Part {
    /// A paragraph.
    Says(String),
    /// Something to open.
    Link(String, String),
    /// A paragraph that matters less.
    Adds(String),
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    subject: String,
    parts: Vec<Part>,
}

/// A line of text: what would begin another one, or change how it is read, is a space.
fn line(text: &str) -> String {
    let plain = |c: char| if c.is_control() || rigi_model::text::is_unseen(c) { ' ' } else { c };
    let text: String = text.chars().map(plain).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Letter {
    /// About this.
    #[must_use]
    pub fn about(subject: &str) -> Self {
        Self { subject: line(subject), parts: Vec::new() }
    }

    /// With a paragraph.
    #[must_use]
    pub fn says(mut self, text: &str) -> Self {
        self.parts.push(Part::Says(line(text)));
        self
    }

    /// With something to open.
    #[must_use]
    pub fn link(mut self, label: &str, url: &str) -> Self {
        self.parts.push(Part::Link(line(label), url.chars().filter(|c| !c.is_whitespace()).collect()));
        self
    }

    /// With a paragraph that matters less.
    #[must_use]
    pub fn adds(mut self, text: &str) -> Self {
        self.parts.push(Part::Adds(line(text)));
        self
    }

    /// As it is stored, before it is sealed.
    #[must_use]
    pub fn stored(&self) -> String {
        // Texts can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As it was stored.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// One line.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// As plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let part = |part: &Part| match part {
            Part::Says(text) | Part::Adds(text) => wrapped(text),
            Part::Link(label, url) => format!("{label}:\n{url}"),
        };
        let parts: Vec<String> = self.parts.iter().map(part).collect();
        format!("{}\n", parts.join("\n\n"))
    }

    /// As HTML that loads nothing.
    #[must_use]
    pub fn html(&self) -> String {
        let mut body = String::new();
        for part in &self.parts {
            // Writing to a String cannot fail.
            let _ = match part {
                Part::Says(text) => writeln!(body, "<p style=\"margin:0 0 16px\">{}</p>", escaped(text)),
                Part::Link(label, url) => writeln!(
                    body,
                    "<p style=\"margin:0 0 8px\"><a href=\"{url}\" style=\"display:inline-block;padding:8px 16px;\
                     border-radius:4px;background:#1f5fbf;color:#ffffff;text-decoration:none\">{}</a></p>\n\
                     <p style=\"margin:0 0 16px;font-size:12px;color:#5c6470;word-break:break-all\">{url}</p>",
                    escaped(label),
                    url = escaped(url),
                ),
                Part::Adds(text) => writeln!(
                    body,
                    "<p style=\"margin:0 0 16px;font-size:12px;color:#5c6470\">{}</p>",
                    escaped(text)
                ),
            };
        }
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
             <body style=\"margin:0;padding:24px;font:14px/1.5 Inter,system-ui,sans-serif;color:#1c2024;background:#ffffff\">\n\
             <div style=\"max-width:560px\">\n{body}</div>\n</body></html>\n",
            escaped(&self.subject)
        )
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let present = lines.last().map_or(0, |line| line.chars().count());
        if present > 0 && present + 1 + word.chars().count() > WIDTH {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_call_things_stays_text() {
        let letter = Letter::about("Join <script>\r\nBcc: eve@example.org\u{202e}")
            .says("Ada <b>\"invites\"</b> & you\r\n.\r\nMAIL FROM")
            .link("Join", "https://x.org/join#k\" onclick=\"x");
        assert_eq!(letter.subject(), "Join <script> Bcc: eve@example.org");
        let html = letter.html();
        assert!(html.contains("Ada &lt;b&gt;&quot;invites&quot;&lt;/b&gt; &amp; you . MAIL FROM"), "{html}");
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains("\" onclick"), "{html}");
        assert!(letter.text().contains("Ada <b>\"invites\"</b> & you . MAIL FROM"));
        assert_eq!(Letter::read(&letter.stored()), Some(letter));
    }

    #[test]
    fn lines_are_short_but_for_addresses() {
        let url = format!("https://x.org/join#{}", "k".repeat(100));
        let text = Letter::about("x").says(&"word ".repeat(60)).link("Open", &url).text();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH || line == url), "{text}");
        assert!(text.contains(&format!("Open:\n{url}\n")));
    }
}
