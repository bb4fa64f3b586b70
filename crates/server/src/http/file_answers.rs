//! How files that runs and people brought are answered: by media type, in place or as a download, and such that nothing in them acts as this server.

use axum::http::{HeaderValue, header};
use rigi_api::percent;
use rigi_model::ContentHash;

use super::stored::StoredFile;

/// Whether it is shown where it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// It is, if it is harmless.
    InPlace,
    /// It is a download, whatever it is.
    Download,
}

/// A file as it is answered; `keep` says how long a browser may keep it.
pub(super) fn file_of(
    path: &str,
    (sha256, size): (ContentHash, u64),
    keep: &'static str,
    shown: Shown,
) -> StoredFile {
    let kind = media_type(path);
    let place = if shown == Shown::InPlace && is_harmless(kind) { "inline" } else { "attachment" };
    let name = path.rsplit('/').next().unwrap_or("file");
    // Whatever it is, it cannot act as this server: no scripts, no frames, an origin of its own.
    let sandbox = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox";
    let mut common = vec![
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(sandbox)),
    ];
    let shown = HeaderValue::from_str(&disposition(place, name));
    common.extend(shown.ok().map(|shown| (header::CONTENT_DISPOSITION, shown)));
    StoredFile { sha256, size, kind, common }
}

/// Where a file is shown, and its name as any file system may have it: nothing in it ends the header or its quotes.
fn disposition(place: &str, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect::<String>().replace(['"', '\\'], "_");
    format!("{place}; filename=\"{ascii}\"; filename*=UTF-8''{}", percent(name))
}

/// Media type by a file's ending.
pub(super) fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("svg") => "image/svg+xml",
        Some("pdf") => "application/pdf",
        Some("json" | "ipynb") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("tsv") => "text/tab-separated-values; charset=utf-8",
        Some("md") => "text/markdown; charset=utf-8",
        Some("html" | "htm") => "text/html; charset=utf-8",
        Some("txt" | "log" | "py" | "sh" | "toml" | "yaml" | "yml") => "text/plain; charset=utf-8",
        Some("wav") => "audio/wav",
        Some("mp3") => "audio/mpeg",
        Some("ogg" | "oga") => "audio/ogg",
        Some("flac") => "audio/flac",
        Some("mp4" | "m4v") => "video/mp4",
        Some("webm") => "video/webm",
        Some("parquet") => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// Shown in place; everything else is a download. HTML is shown in the sandbox that its headers make.
fn is_harmless(kind: &str) -> bool {
    ["image/", "audio/", "video/"].iter().any(|kinds| kind.starts_with(kinds))
        || kind.starts_with("text/")
        || matches!(kind, "application/json" | "application/pdf")
}
