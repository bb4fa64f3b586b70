//! Secrets of attempts: files for them alone, and covered in all that they say.

use rigi_work::plan::{Executor, Observation};
use rigi_work::secrets::{PlanSecrets, SecretFile};

use crate::bed::{Bed, log_of, stdout_of};

const SECRET: &str = "hunter2/and ✓more";

fn given(bed: &mut Bed, line: &str) -> rigi_work::plan::AttemptPlan {
    let mut plan = bed.shell(line);
    plan.env.insert("TOKEN".into(), SECRET.into());
    plan.secrets = PlanSecrets {
        files: vec![SecretFile { name: "key.pem".into(), content: SECRET.into() }],
        covered: vec![SECRET.into()],
        ..PlanSecrets::default()
    };
    plan
}

#[tokio::test]
async fn what_an_attempt_says_of_its_secrets_is_covered() {
    let mut bed = Bed::new().await;
    let line = r#"
        printf '%s\n' "$TOKEN"; printf '%s' "$TOKEN" | base64; printf 'xy%s' "$TOKEN" | base64
        printf '%s' "$TOKEN" | od -An -tx1 | tr -d ' \n'; echo
        printf 'half hunter2/'; sleep 0.05; printf 'and ✓mo'; sleep 0.05; echo re
        echo 'no hunter2/and less'; printf 'hunter2' >&2
        echo '{"message": "it is hunter2/and \u2713more", "value": "'"$TOKEN"'"}' >> $RIGI_EVENTS
        printf '%s' "$TOKEN" > $FASTFLOW_ROUTE_FILE"#;
    let plan = given(&mut bed, line);
    let key = plan.key.clone();
    let ended = bed.run(plan).await;
    assert_eq!(ended.route.as_deref(), Some("***"));
    let lines = log_of(&ended);
    let said: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect();
    assert_eq!(said[0], "***");
    assert!(said[1].starts_with("***") && said[1].len() < 8, "{said:?}");
    assert!(said[2].starts_with("eHl***") && said[2].len() < 9, "{said:?}");
    assert_eq!(said[3..6], ["***", "half ***", "no hunter2/and less"]);
    // Held back while it ran, for it might have become one.
    assert_eq!(said.last().map(String::as_str), Some("hunter2"));
    let note = bed.seen(&key).iter().find_map(|seen| match &seen.what {
        Observation::Note(note) => Some(note.clone()),
        _ => None,
    });
    assert_eq!(note, Some(serde_json::json!({"message": "it is ***", "value": "***"})));
}

#[tokio::test]
async fn files_are_for_the_attempt_alone_and_gone_with_its_end() {
    let mut bed = Bed::new().await;
    let line = "stat -c '%a %n' $RIGI_SECRETS $RIGI_SECRETS/key.pem | sed 's/ .*//'; wc -c < $RIGI_SECRETS/key.pem; ls";
    let plan = given(&mut bed, line);
    let folder = bed.folder(&plan.key);
    let ended = bed.run(plan).await;
    assert_eq!(stdout_of(&ended), "700\n400\n19\n");
    assert!(folder.exists() && !folder.join("secrets").exists());
    let plan = bed.shell("echo ${RIGI_SECRETS-none}");
    let ended = bed.run(plan).await;
    assert_eq!(stdout_of(&ended), "none\n");
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_no_file() {
    let mut bed = Bed::new().await;
    let mut plan = given(&mut bed, "true");
    plan.secrets.files[0].name = "../key".into();
    let ended = bed.run(plan).await;
    assert!(matches!(ended.exit, rigi_model::Exit::NotStarted { .. }), "{:?}", ended.exit);
}

#[tokio::test]
async fn nothing_of_them_is_written_down() {
    let mut bed = Bed::new().await;
    let mut plan = given(&mut bed, "sleep 1000");
    plan.secrets.files.clear();
    let key = plan.key.clone();
    bed.executor().launch(plan);
    bed.started(&key).await;
    let data = bed.folder(&key).join("../..");
    let found = std::process::Command::new("grep").args(["-rl", "hunter2"]).arg(data).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}
