//! The cells of a notebook that Fast-Flow ran, as files of the run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rigi_store::ForeignRow;
use serde_json::{Value, json};

/// Pictures of one notebook run.
const MOST_PICTURES: usize = 500;
/// Bytes of one picture.
const LARGEST_PICTURE: usize = 32 << 20;

/// What is kept of cells: their state and output as one file, and each picture as one.
pub(super) fn cell_files(cells: &[ForeignRow]) -> Vec<(String, Vec<u8>)> {
    let (mut files, mut shown) = (Vec::new(), Vec::new());
    let numbered =
        |cell: &'_ ForeignRow| cell.get("cell_index").and_then(|index| index.parse().ok()).unwrap_or(0_u32);
    let mut cells: Vec<&ForeignRow> = cells.iter().collect();
    cells.sort_by_key(|cell| numbered(cell));
    for cell in cells {
        let text = |column: &str| cell.get(column).unwrap_or_default();
        let index = numbered(cell);
        let outputs: Value = serde_json::from_str(text("outputs")).unwrap_or_default();
        let (mut pictures, mut left_out) = (Vec::new(), 0);
        for (number, picture) in outputs["images"].as_array().into_iter().flatten().enumerate() {
            match self::picture(picture).filter(|_| files.len() < MOST_PICTURES) {
                Some((ending, data)) => {
                    let path = format!("fast-flow/cell-{index}-{}.{ending}", number + 1);
                    pictures.push(path.clone());
                    files.push((path, data));
                }
                None => left_out += 1,
            }
        }
        shown.push(json!({
            "cell": index,
            "status": text("status"),
            "stdout": text("stdout"),
            "stderr": text("stderr"),
            "pictures": pictures,
            "pictures_left_out": left_out,
        }));
    }
    let text = serde_json::to_string_pretty(&shown).unwrap_or_default() + "\n";
    files.push(("fast-flow/cells.json".to_owned(), text.into_bytes()));
    files
}

/// A picture's ending and content; `None`: it is of another kind, cannot be read, or is too large.
fn picture(picture: &Value) -> Option<(&'static str, Vec<u8>)> {
    let ending = ending(picture["mime"].as_str()?)?;
    let data = picture["data"].as_str()?;
    let data = if ending == "svg" { data.as_bytes().to_vec() } else { decoded(data)? };
    (data.len() <= LARGEST_PICTURE).then_some((ending, data))
}

/// The ending of a picture's file.
fn ending(mime: &str) -> Option<&'static str> {
    Some(match mime {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/svg+xml" => "svg",
        _ => return None,
    })
}

/// Notebooks break the lines of base64.
fn decoded(data: &str) -> Option<Vec<u8>> {
    let plain: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_a_file_and_their_pictures_files() {
        let cells = [
            ForeignRow::from([
                ("cell_index", "3"),
                ("status", "SUCCESS"),
                ("stdout", "12\n"),
                (
                    "outputs",
                    r#"{"images": [{"mime": "image/png", "data": "iVBO\nRw=="}, {"mime": "text/html", "data": "x"}, {"mime": "image/png", "data": "no, this is none!"}, {"mime": "image/svg+xml", "data": "<svg/>"}]}"#,
                ),
            ]),
            ForeignRow::from([("cell_index", "../4"), ("outputs", "{")]),
        ];
        let files = cell_files(&cells);
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["fast-flow/cell-3-1.png", "fast-flow/cell-3-4.svg", "fast-flow/cells.json"]);
        assert_eq!(files[0].1, b"\x89PNG");
        let shown: Value = serde_json::from_slice(&files[2].1).unwrap();
        assert_eq!(shown[1]["pictures"], json!(["fast-flow/cell-3-1.png", "fast-flow/cell-3-4.svg"]));
        assert_eq!(shown[1]["pictures_left_out"], 2);
        assert_eq!((&shown[1]["stdout"], &shown[0]["cell"]), (&json!("12\n"), &json!(0)));
    }
}
