//! What becomes of descriptions in the shapes that tools write.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::pipeline::{FolderFacts, PipelineSpec, SpecFormat, read_spec};

/// As OpenMS writes it, but shorter.
const PICKER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<tool ctdVersion="1.7" version="2.6.0" name="Picker" docurl="http://www.openms.de/Picker.html" category="Signal processing" >
<description><![CDATA[Finds peaks & more.]]></description>
<manual><![CDATA[Finds peaks & more.]]></manual>
<citations><citation doi="10.1038/nmeth.3959" url="" /></citations>
<PARAMETERS version="1.7.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <NODE name="Picker" description="Finds peaks.">
    <ITEM name="version" value="2.6.0" type="string" description="Version." required="false" advanced="true" />
    <NODE name="1" description="Instance &apos;1&apos; section for &apos;Picker&apos;">
      <ITEMLIST name="in" type="input-file" description="input files " required="true" advanced="false" supported_formats="*.mzML,*.mzXML">
      </ITEMLIST>
      <ITEM name="db" value="CHEMISTRY/db.tsv" type="input-file" description="" required="true" supported_formats="*.tsv" />
      <ITEM name="x_executable" value="x.exe" type="input-file" description="" required="true" />
      <ITEM name="out" value="" type="output-file" description="output file " required="true" supported_formats="*.mzML,*.featureXML" />
      <ITEM name="out_tsv" value="" type="output-file" description="" required="false" advanced="true" supported_formats="*.csv" />
      <ITEM name="in_type" value="" type="string" description="" required="false" restrictions="mzML,mzXML" />
      <ITEM name="log" value="" type="string" description="Name of log file" required="false" advanced="true" />
      <ITEM name="threads" value="1" type="int" description="" required="false" advanced="false" />
      <ITEM name="test" value="false" type="bool" description="" required="false" advanced="true" />
      <NODE name="algorithm" description="Algorithm parameters section">
        <ITEM name="noise" value="1.0e-05" type="double" description="A &quot;ratio&quot;." restrictions="0.0:" />
        <ITEM name="tex" value="1446.940000000000055" type="double" description="" />
        <ITEMLIST name="levels" type="int" description="" restrictions="1:">
          <LISTITEM value="1"/>
          <LISTITEM value="2"/>
        </ITEMLIST>
        <ITEM name="debug" value="no" type="string" description="" restrictions="yes,no" />
        <NODE name="debug" description="">
          <ITEM name="messages" value="true" type="string" description="" advanced="true" restrictions="true,false" />
        </NODE>
      </NODE>
    </NODE>
  </NODE>
</PARAMETERS>
</tool>
"#;

fn made(text: &str) -> Generated {
    let tool = read_ctd(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    generate(&tool, GeneratedFile::new("tool.ctd", text)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn spec_of(made: &Generated) -> PipelineSpec {
    let folder = FolderFacts::new("demo", ["main.py"]);
    let reading = read_spec(SpecFormat::Yaml, &made.files[0].bytes, &folder).unwrap();
    assert_eq!(reading.warnings, [], "{:?}", reading.warnings);
    reading.spec
}

fn properties(made: &Generated) -> Value {
    spec_of(made).parameters.unwrap()["properties"].clone()
}

fn told(made: &Generated) -> Value {
    serde_json::from_slice(&made.files[2].bytes).unwrap()
}

/// One item in the shape of a tool of OpenMS.
fn with(item: &str) -> String {
    format!(
        r#"<PARAMETERS><NODE name="Demo" description="A demo."><ITEM name="version" value="1" type="string"/>
        <NODE name="1">{item}</NODE></NODE></PARAMETERS>"#
    )
}

#[test]
fn a_description_becomes_a_spec_with_all_that_it_says() {
    let made = made(PICKER);
    let spec = spec_of(&made);
    let about = "Finds peaks & more.\n\n[Documentation](http://www.openms.de/Picker.html)\n\n\
                 To cite: https://doi.org/10.1038/nmeth.3959";
    assert_eq!(spec.description.as_deref(), Some(about));
    assert_eq!(
        (spec.tags.as_slice(), spec.labels["tool-version"].as_str()),
        (["Signal processing".to_owned()].as_slice(), "2.6.0")
    );
    let schema = spec.parameters.unwrap();
    assert_eq!(schema["x-sections"], json!({"algorithm": "Algorithm parameters section"}));
    assert_eq!(schema["additionalProperties"], false);
    let wanted = json!({
        "out": {"description": "output file", "type": "string", "enum": ["mzML", "featureXML"], "default": "mzML"},
        "out_tsv": {"type": "string", "enum": ["none", "csv"], "default": "none", "x-advanced": true},
        "in_type": {"type": "string", "enum": ["", "mzML", "mzXML"], "default": ""},
        "threads": {"type": "integer", "default": 1},
        "test": {"type": "boolean", "default": false, "x-advanced": true, "x-hidden": true},
        "algorithm__noise": {"title": "noise", "description": "A \"ratio\".", "type": "number", "minimum": 0.0,
            "default": 1.0e-05, "x-section": "algorithm"},
        "algorithm__tex": {"title": "tex", "type": "number", "default": 1446.94, "x-section": "algorithm"},
        "algorithm__levels": {"title": "levels", "type": "array", "items": {"type": "integer", "minimum": 1},
            "default": [1, 2], "x-section": "algorithm"},
        "algorithm__debug": {"title": "debug", "type": "string", "enum": ["yes", "no"], "default": "no",
            "x-section": "algorithm"},
        "algorithm__debug__messages": {"title": "messages", "type": "boolean", "default": true,
            "x-section": "algorithm:debug", "x-advanced": true},
    });
    assert_eq!(schema["properties"], wanted);
    assert_eq!(spec.inputs.keys().collect::<Vec<_>>(), ["db", "in"]);
    let (input, db) = (&spec.inputs["in"], &spec.inputs["db"]);
    assert!(input.required && input.multiple && !db.required && !db.multiple);
    assert_eq!(input.formats, ["mzML", "mzXML"]);
    assert_eq!(spec.outputs["out"].formats, ["mzML", "featureXML"]);
    let notes = [
        "`log`: left out, the log is kept with each run",
        "`x_executable`: stays `x.exe`, programs are no files of a run",
    ];
    assert_eq!(made.notes, notes);
}

#[test]
fn what_becomes_of_each_value_is_written_beside_it() {
    let told = told(&made(PICKER));
    assert_eq!((&told["told_by"], &told["root"]), (&json!("ini"), &json!(["Picker", "1"])));
    assert_eq!(told["inputs"][0], json!({"name": "in", "path": ["in"], "kind": "list"}));
    let out = json!({"name": "out", "path": ["out"], "kind": "file", "formats": ["mzML", "featureXML"],
        "like": "in", "parameter": "out"});
    assert_eq!(told["outputs"][0], out);
    let messages = json!({"name": "algorithm__debug__messages", "path": ["algorithm", "debug", "messages"], "kind": "boolean"});
    assert!(told["parameters"].as_array().unwrap().contains(&messages));
}

#[test]
fn an_ini_alone_is_the_same_tool() {
    let begin = PICKER.find("<PARAMETERS").unwrap();
    let ini = PICKER[begin..].replace("</tool>", "");
    let (one, other) = (made(&ini), made(PICKER));
    assert_eq!(properties(&one), properties(&other));
    assert_eq!((one.name.as_str(), told(&one)["version"].clone()), ("Picker", json!("2.6.0")));
    // As OpenMS declares it, whatever it writes.
    let latin: Vec<u8> = format!(
        r#"<?xml version="1.0" encoding="ISO-8859-1"?>{}"#,
        with(r#"<ITEM name="a" value="Angstr\u00f6m" type="string"/>"#)
    )
    .replace("\\u00f6", "\u{f6}")
    .chars()
    .map(|c| u8::try_from(u32::from(c)).unwrap())
    .collect();
    assert_eq!(read_ctd(&latin).unwrap().items[0].default, ["Angström"]);
}

#[test]
fn old_descriptions_say_it_by_elements_and_tags() {
    let old = r#"<tool status="external"><name>blast</name><version>2.2</version><description>Searches.</description>
      <executableName>blastp</executableName><cli>
        <clielement optionIdentifier="-query" isList="false"><mapping referenceName="blast.query"/></clielement>
        <clielement optionIdentifier="-quiet"><mapping referenceName="blast.quiet"/></clielement>
        <clielement optionIdentifier=""><mapping referenceName="blast.db"/></clielement>
        <clielement optionIdentifier="-x"><mapping referenceName="blast.missing"/></clielement></cli>
      <PARAMETERS version="1.3"><NODE name="blast" description="">
        <ITEM name="query" type="string" value="" tags="input file,required" restrictions="*.fasta"/>
        <ITEM name="db" type="string" value="nr" description="The database."/>
        <ITEM name="quiet" type="bool" value="false"/>
        <ITEM name="window" type="int-pair" value="1,5" tags="advanced"/>
        <ITEM name="out" type="string" value="" tags="output file,required"/></NODE></PARAMETERS></tool>"#;
    let made = made(old);
    let told = told(&made);
    assert_eq!((&told["program"], &told["told_by"]), (&json!("blastp"), &json!("arguments")));
    assert_eq!(told["arguments"][2], json!({"option": "", "path": ["db"]}));
    assert_eq!(made.notes, ["`<cli>`: `blast.missing` is none of its parameters"]);
    let spec = spec_of(&made);
    assert!(spec.inputs["query"].required && spec.inputs["query"].formats == ["fasta"]);
    let window = &spec.parameters.unwrap()["properties"]["window"];
    let pair = json!({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2, "default": [1, 5], "x-advanced": true});
    assert_eq!(window, &pair);
}

#[test]
fn a_default_that_breaks_its_own_rule_is_kept_and_told() {
    let item = |item: &str| {
        let made = made(&with(item));
        (properties(&made)["a"].clone(), made.notes)
    };
    let (schema, notes) = item(r#"<ITEM name="a" value="11" type="int" restrictions="0:10"/>"#);
    assert_eq!(schema, json!({"type": "integer", "minimum": 0, "default": 11}));
    assert_eq!(notes, ["`a`: its own default is outside of its range; the largest value does not count"]);
    let (schema, notes) = item(r#"<ITEM name="a" value="z" type="string" restrictions="x,y,x"/>"#);
    assert_eq!(schema["enum"], json!(["z", "x", "y"]));
    assert!(notes[0].contains("none of its choices"), "{notes:?}");
    let (schema, notes) = item(r#"<ITEM name="a" value="3" type="int" restrictions="9:1"/>"#);
    assert_eq!((schema, notes.len()), (json!({"type": "integer", "default": 3}), 1));
    let (schema, notes) = item(r#"<ITEM name="a" value="nan" type="double" restrictions="low:high"/>"#);
    assert_eq!((schema, notes.len()), (json!({"type": "number"}), 2));
    let (schema, _) = item(r#"<ITEM name="a" value="" type="string" required="true"/>"#);
    assert_eq!(schema, json!({"type": "string", "minLength": 1}));
}

#[test]
fn names_become_names_of_rigi_and_lead_nowhere() {
    let items = r#"<ITEM name="a-b" value="1" type="int"/><ITEM name="a_b" value="2" type="int"/>
        <ITEM name="../../etc" value="" type="output-file" required="true"/>
        <ITEM name="../.." value="" type="input-file"/>
        <ITEM name="LD_PRELOAD" value="x" type="string"/><ITEM name="rigi_params" value="x" type="string"/>
        <ITEM name="1st" value="x" type="string"/><ITEM name="Größe" value="x" type="string"/>"#;
    let made = made(&with(items));
    let properties = properties(&made);
    let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
    assert_eq!(names, ["a_b", "a_b_2", "tool_LD_PRELOAD", "tool_rigi_params", "_1st", "Gr__e"]);
    assert_eq!(properties["a_b"]["title"], "a-b");
    assert_eq!(
        (made.inputs.as_slice(), made.outputs.as_slice()),
        (["file".to_owned()].as_slice(), ["etc".to_owned()].as_slice())
    );
    let named = |name: &str| made_named(name).name;
    assert_eq!(named("../../x"), "x");
    assert_eq!(named("a/b"), "a_b");
    assert_eq!(named("..."), "tool");
}

fn made_named(name: &str) -> Generated {
    made(&with(r#"<ITEM name="a" value="1" type="int"/>"#).replace("Demo", name))
}

#[test]
fn what_could_harm_is_refused_with_its_line() {
    let refused = |text: &str| read_ctd(text.as_bytes()).expect_err(text).to_string();
    let laughs = "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]>\n<tool>&lol2;</tool>";
    assert_eq!(refused(laughs), "line 2: it has a document type (`<!DOCTYPE`), which is not read");
    assert_eq!(
        refused("<tool>&lol;</tool>"),
        "line 1: it has the entity `&lol;`, and none of its own is read"
    );
    assert!(refused(&with("<ITEM name=\"a\" value=\"&lol;\" type=\"int\"/>")).contains("it is no XML"));
    let deep = format!("{}{}", "<NODE name=\"a\">".repeat(1000), "</NODE>".repeat(1000));
    assert!(refused(&with(&deep)).contains("deeper than 64"));
    let deep = format!("{}{}", "<NODE name=\"a\">".repeat(20), "</NODE>".repeat(20));
    assert!(refused(&with(&deep)).contains("deeper than 16"));
    let twice = "<ITEM name=\"a\" value=\"1\" type=\"int\"/>\n<ITEM name=\"a\" value=\"2\" type=\"int\"/>";
    assert_eq!(refused(&with(twice)), "line 3: `a` is there twice");
    assert!(
        refused(&with("<ITEM name=\"a&#27;[31m\" value=\"1\" type=\"int\"/>")).contains("cannot be seen")
    );
    assert!(
        refused(&with("<ITEM name=\"a\" value=\"&#7;\" type=\"string\"/>")).contains("control character")
    );
    assert!(refused(&with("<ITEM value=\"1\" type=\"int\"/>")).contains("`<ITEM>` has no name"));
    assert!(refused(&with("<ITEM name=\"a\" value=\"1\" type=\"blob\"/>")).contains("unknown type `blob`"));
    let many = "<ITEM name=\"a\" value=\"1\" type=\"int\"/>".repeat(100_001);
    assert_eq!(refused(&with(&many)), "line 2: it has more than 100000 elements");
    for wrong in [
        "",
        "<tool/>",
        "<html/>",
        "<tool><PARAMETERS></tool>",
        "<tool>",
        "<PARAMETERS/>",
        "<a/><b/>",
        "\u{0}",
    ] {
        assert!(!refused(wrong).is_empty());
    }
    let large = " ".repeat(LARGEST_DESCRIPTION + 1);
    assert_eq!(refused(&large), "it has more than 8 MiB");
    assert!(read_ctd(&[0xff, 0xfe, 0x3c]).is_err());
}

#[test]
fn descriptions_cannot_steer_what_shows_them() {
    let item =
        "<ITEM name=\"a\" value=\"1\" type=\"int\" description=\"red &#27;[31m\u{202e} and&#10;more: # x\"/>";
    let made = made(&with(item));
    assert_eq!(properties(&made)["a"]["description"], "red [31m and more: # x");
    let text = String::from_utf8(made.files[0].bytes.clone()).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

#[test]
fn defaults_of_python_become_the_same() {
    let defaults = json!([
        {"key": "in", "value": [], "help": "Input files.", "hide": true},
        {"key": "out", "value": [], "hide": true},
        {"key": "number-slider", "name": "number of features", "value": 6, "min": 2, "max": 10, "help": "How many.",
            "widget_type": "slider", "step_size": 2},
        {"key": "select", "value": "a", "options": ["a", "b", "c"]},
        {"key": "levels", "value": [1, 2.5]},
        {"key": "check", "value": true, "advanced": true},
        {"key": "secret-mode", "value": 1, "hide": true},
    ]);
    let tool = read_defaults("example", defaults.to_string().as_bytes()).unwrap();
    let made = generate(&tool, GeneratedFile::new("tool.py", "DEFAULTS = []")).unwrap();
    assert_eq!(
        (made.inputs.as_slice(), made.outputs.as_slice()),
        (["in".to_owned()].as_slice(), ["out".to_owned()].as_slice())
    );
    let wanted = json!({
        "number_slider": {"title": "number of features", "description": "How many.", "type": "integer",
            "minimum": 2, "maximum": 10, "default": 6},
        "select": {"type": "string", "enum": ["a", "b", "c"], "default": "a"},
        "levels": {"type": "array", "items": {"type": "number"}, "default": [1, 2.5]},
        "check": {"type": "boolean", "default": true, "x-advanced": true},
        "secret_mode": {"title": "secret-mode", "type": "integer", "default": 1, "x-hidden": true},
    });
    let found = properties(&made);
    assert_eq!(found["out"]["default"], false);
    for (name, schema) in wanted.as_object().unwrap() {
        assert_eq!(&found[name], schema, "{name}");
    }
    assert_eq!(told(&made)["told_by"], "json");
    let map = read_defaults("example", br#"{"a": 1, "b": "x"}"#).unwrap();
    assert_eq!(map.items.len(), 2);
    for wrong in ["3", "[3]", r#"[{"value": 1}]"#, r#"[{"key": "a"}, {"key": "a"}]"#, "{"] {
        assert!(read_defaults("example", wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn texts_stand_in_yaml_as_they_are() {
    for text in [
        "", "a", "true", "No", "1e5", "- a", "a: b", "#x", "'", "\"", "a ", " a", "é", "\u{85}", "\u{2028}",
        "{a}", "*x", "~", "=", "a\\b", "<<",
    ] {
        let value = json!({ "parameters": {"a": {"type": "string", "default": text}}, "command": "ls" });
        let written = yaml::write(&value);
        let read = read_spec(SpecFormat::Yaml, written.as_bytes(), &FolderFacts::new("demo", ["a"]));
        let spec = read.unwrap_or_else(|mistakes| panic!("{written}: {mistakes:?}")).spec;
        assert_eq!(spec.parameters.unwrap()["properties"]["a"]["default"], text, "{written}");
    }
}

proptest! {
    #[test]
    fn any_values_are_refused_or_become_a_sound_spec(
        name in "\\PC{0,12}", value in "\\PC{0,12}", kind in "(int|double|string|bool|input-file|output-file|int-pair)",
        restrictions in "[0-9a-z:,.-]{0,12}", list in any::<bool>(), required in any::<bool>(),
    ) {
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let (name, value) = (escape(&name), escape(&value));
        let attributes = format!(r#"name="{name}" type="{kind}" restrictions="{restrictions}" required="{required}""#);
        let item = if list {
            format!(r#"<ITEMLIST {attributes}><LISTITEM value="{value}"/></ITEMLIST>"#)
        } else {
            format!(r#"<ITEM value="{value}" {attributes}/>"#)
        };
        if let Ok(tool) = read_ctd(with(&item).as_bytes()) {
            let made = generate(&tool, GeneratedFile::new("tool.ini", "x"));
            prop_assert!(made.is_ok(), "{item}: {made:?}");
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
        prop_assert!(read_ctd(&bytes).is_err());
        let _ = read_defaults("tool", &bytes);
    }
}
