//! What becomes of descriptions in the shapes that tools write.

#[test]
fn tmp_all() {
    use super::*;
    let Ok(from) = std::env::var("TOPP_DIR") else { return };
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let ext = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        if ext != "ctd" && ext != "ini" { continue; }
        let bytes = std::fs::read(&path).unwrap();
        match read_ctd(&bytes).and_then(|t| generate(&t, GeneratedFile::new(&format!("tool.{ext}"), bytes.clone()))) {
            Err(e) => println!("{}: {e}", path.display()),
            Ok(g) => {
                let out = std::path::PathBuf::from(std::env::var("TOPP_OUT").unwrap()).join(format!("{}-{ext}", path.file_stem().unwrap().to_string_lossy()));
                std::fs::create_dir_all(&out).unwrap();
                for f in &g.files { std::fs::write(out.join(&f.name), &f.bytes).unwrap(); }
                println!("{}: {} {:?}", path.file_name().unwrap().to_string_lossy(), g.parameters, g.notes);
            }
        }
    }
}
