//! Layers, mistakes, secrets.

use std::path::PathBuf;
use std::time::Duration;

use rigi_engine::decide::LimitOf;

use super::sections::KEYS;
use super::value::{Bytes, Time};
use super::*;

fn variables(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A folder with this `rigi.toml`, and the sources that read it.
fn folder(toml: &str) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE_NAME), toml).unwrap();
    let sources = Sources { pipelines: folder.path().to_owned(), ..Sources::default() };
    (folder, sources)
}

fn mistakes(sources: &Sources) -> Vec<String> {
    let root = format!("{}/", sources.pipelines.display());
    let error = load(sources).unwrap_err();
    error.mistakes.iter().map(|mistake| mistake.to_string().replace(&root, "")).collect()
}

#[test]
fn nothing_set_is_the_default() {
    let sources = Sources { pipelines: "pipes".into(), ..Sources::default() };
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.config.server.port, 7444);
    assert_eq!(loaded.data_folder(), PathBuf::from("pipes/.rigi"));
    assert_eq!(loaded.origin("server.port"), Origin::Default);
    assert!(loaded.config.settings(None).active[&LimitOf::Everything] >= 16);
}

#[test]
fn flag_beats_variable_beats_file() {
    let (_folder, mut sources) =
        folder("[server]\nport = 1\n[limits]\nruns = 1\nmemory = '512MiB'\n[log]\nlevel = \"warn\"\n");
    sources.variables = variables(&[("RIGI_SERVER__PORT", "2"), ("RIGI_LIMITS__RUNS", "2"), ("HOME", "/")]);
    sources.flags = vec![Flag { key: "server.port", value: "3".to_owned(), flag: "--port" }];
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.config.server.port, 3);
    assert_eq!(loaded.config.limits.runs, 2);
    assert_eq!(loaded.config.limits.memory, Some(Bytes(512 << 20)));
    assert_eq!(loaded.origin("server.port"), Origin::Flag("--port".to_owned()));
    assert_eq!(loaded.origin("limits.runs"), Origin::Environment("RIGI_LIMITS__RUNS".to_owned()));
    let Origin::File(place) = loaded.origin("limits.memory") else { panic!("{:?}", loaded.origins) };
    assert!(place.ends_with("rigi.toml:5:1"), "{place}");
}

#[test]
fn every_mistake_is_named_at_once_with_its_place_and_the_nearest_name() {
    let (_folder, mut sources) = folder(
        "port = 1\n[sever]\nbind = 'x'\n[limits]\n  runz = 3\nmemory = '1.5q'\nruns = -1\n[retention]\nage = 90\nport = 2\n",
    );
    sources.variables =
        variables(&[("RIGI_LIMITS__RUNZ", "1"), ("RIGI_SEVER__PORT", "x"), ("RIGI_SERVER__PORT", "70000")]);
    let found = mistakes(&sources).join("\n");
    insta::assert_snapshot!(found);
}

#[test]
fn none_takes_a_limit_away_and_amounts_need_their_unit() {
    let (_folder, sources) =
        folder("[limits]\nprocesses = 'none'\ntimeout = '1h30m'\n[environment]\nallow = ['A', 'B']\n");
    let config = load(&sources).unwrap().config;
    assert_eq!(config.limits.processes, None);
    assert_eq!(config.limits.timeout, Some(Time(Duration::from_secs(5400))));
    assert_eq!(config.environment.allow.0, ["A", "B"]);
    let (_folder, sources) = folder("[limits]\ngrace_period = 10\n");
    assert_eq!(mistakes(&sources).len(), 1);
}

#[test]
fn a_value_can_stand_in_a_file_and_not_in_both() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("url");
    std::fs::write(&secret, "postgres://me:hunter2@db/rigi?sslpassword=x\n").unwrap();
    let mut sources = Sources { pipelines: folder.path().to_owned(), ..Sources::default() };
    sources.variables = variables(&[("RIGI_DATABASE__URL_FILE", secret.to_str().unwrap())]);
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.config.database.url.0, "postgres://me:hunter2@db/rigi?sslpassword=x");
    let all = format!("{:?} {}", loaded.config, serde_json::to_string(&shown(&loaded)).unwrap());
    assert!(!all.contains("hunter2") && !all.contains("sslpassword"), "{all}");
    assert!(all.contains("postgres://me:***@db/rigi?***"), "{all}");

    sources.variables.push(("RIGI_DATABASE__URL".to_owned(), "postgres://x".to_owned()));
    assert_eq!(
        mistakes(&sources),
        ["RIGI_DATABASE__URL_FILE  `RIGI_DATABASE__URL` is set too; keep one of them"]
    );
}

#[test]
fn a_variable_of_somebodys_own_is_told_and_stops_nothing() {
    let names = [("RIGI_BIN", "/usr/bin/rigi"), ("RIGI_TOKN", "x"), ("RIGI_SERVER__PORT", "1")];
    let sources = Sources { pipelines: "x".into(), variables: variables(&names), ..Sources::default() };
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.config.server.port, 1);
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
    assert!(loaded.warnings[0].starts_with("`RIGI_BIN`: there is no such setting"));
    assert_eq!(loaded.warnings[1], "`RIGI_TOKN`: there is no such setting; the nearest is `RIGI_TOKEN`");
}

#[test]
fn variables_of_runs_and_of_kubernetes_are_left_alone() {
    let names = [
        ("RIGI_RUN_ID", "run_1"),
        ("RIGI_PORT", "tcp://10.0.0.1:80"),
        ("RIGI_SERVICE_HOST", "10.0.0.1"),
        ("RIGI_SERVICE_PORT_HTTP", "80"),
        ("RIGI_PORT_7444_TCP_ADDR", "10.0.0.1"),
        ("RIGI_TOKEN", "t"),
    ];
    let sources = Sources { pipelines: "x".into(), variables: variables(&names), ..Sources::default() };
    assert!(load(&sources).is_ok());
}

#[test]
fn a_file_that_is_no_toml_or_not_there_is_named() {
    let (_folder, sources) = folder("[server\nport=1");
    let found = mistakes(&sources);
    assert!(found[0].starts_with("rigi.toml:1:"), "{found:?}");
    let config = Some("/nonexistent/rigi.toml".into());
    let sources = Sources { config, pipelines: "pipes".into(), ..Sources::default() };
    assert!(mistakes(&sources)[0].contains("/nonexistent/rigi.toml"));
}

#[test]
fn the_reference_names_every_key() {
    let text = reference();
    for key in KEYS {
        assert!(text.contains(&format!("| `{}` |", key.name)), "{}", key.path());
        assert!(!key.words().is_empty());
    }
}

#[test]
fn a_storage_is_read_and_its_secret_is_never_shown() {
    let (_folder, mut sources) = folder(
        "[storage]\nurl = 's3://data/rigi'\nendpoint = 'http://minio:9000'\naccess_key_id = 'me'\ncredentials_for = '30m'\n",
    );
    assert_eq!(mistakes(&sources), ["storage.access_key_id  stands without its `storage.secret_access_key`"]);
    sources.variables = variables(&[("RIGI_STORAGE__SECRET_ACCESS_KEY", "hunter2")]);
    let loaded = load(&sources).unwrap();
    let rigi_store::Storage::Bucket(bucket) = loaded.config.stored_files() else { panic!("no bucket") };
    assert_eq!((bucket.bucket.as_str(), bucket.prefix.as_str()), ("data", "rigi"));
    assert_eq!(bucket.secret_access_key.as_ref().map(|secret| secret.0.as_str()), Some("hunter2"));
    let all = format!("{:?} {bucket:?} {}", loaded.config, serde_json::to_string(&shown(&loaded)).unwrap());
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn a_storage_that_is_none_is_refused_with_what_it_could_be() {
    let (_folder, sources) =
        folder("[storage]\nurl = 's3:/data'\nendpoint = 'minio:9000'\ncredentials_for = '1m'\nrole = 'x'\n");
    let found = mistakes(&sources).join("\n");
    for part in ["`s3://bucket/prefix`", "begins with `https://`", "15 minutes to 12 hours"] {
        assert!(found.contains(part), "{found}");
    }
}

#[test]
fn a_mail_server_needs_who_writes_and_no_password_goes_out_in_clear() {
    let mistaken = |toml: &str| {
        let (_folder, sources) = folder(toml);
        mistakes(&sources)
    };
    assert_eq!(mistaken("[mail]\nhost = \"mail.example.org\""), ["mail.from  is missing: who writes?"]);
    assert_eq!(mistaken("[mail]\nuser = \"rigi\""), ["mail.user  stands without its `mail.password`"]);
    let whole = "[mail]\nhost = \"mail.example.org\"\nfrom = \"rigi@example.org\"\nuser = \"rigi\"\npassword = \"hunter2\"\n";
    let clear = mistaken(&format!("{whole}tls = \"none\""));
    assert!(
        clear[0].contains("would go to another machine in clear") && !clear[0].contains("hunter2"),
        "{clear:?}"
    );
    let far = mistaken(&format!("{whole}[server]\nbind = \"0.0.0.0\""));
    assert!(far[0].contains("needs `server.public_url`"), "{far:?}");
    assert!(mistaken("[mail]\nfrom = \"a\\nb\"\nretries = \"soon\"\ntls = \"ssl\"").len() == 3);
    let (_folder, sources) = folder(&format!("{whole}retries = [\"1s\", \"2m\"]"));
    let loaded = load(&sources).unwrap();
    let settings = loaded.config.mail_settings().unwrap().unwrap();
    assert_eq!((settings.port, settings.waits.len()), (587, 2));
    let password = shown(&loaded).into_iter().find(|setting| setting.key == "mail.password").unwrap();
    assert_eq!(password.value.as_deref(), Some("***"));
}
