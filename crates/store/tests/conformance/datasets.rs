//! Datasets: numbers that are given once, tags, trees, and what refers to them.

use std::collections::{BTreeMap, HashSet};

use rigi_model::data::{FileAt, MadeFrom, Totals, Which};
use rigi_model::{ContentHash, RunId};
use rigi_store::datasets::{Dataset, DatasetPage, DatasetVersion, Trees};
use rigi_store::people::Deed;
use rigi_store::{Error, RunInput, Store};

use crate::support::{T, new_run, on_each, project};

fn dataset(name: &str) -> Dataset {
    Dataset {
        name: name.to_owned(),
        description: None,
        labels: BTreeMap::new(),
        protected: false,
        newest: 0,
        made_at: T,
        made_by: "you".into(),
        changed_at: T,
    }
}

fn version(name: &str, version: u32, run: Option<RunId>) -> DatasetVersion {
    DatasetVersion {
        name: name.to_owned(),
        version,
        root: ContentHash::new([u8::try_from(version).unwrap(); 32]),
        totals: Totals { files: 2, bytes: 10 },
        own_bytes: 4,
        made_from: if run.is_some() { MadeFrom::Output } else { MadeFrom::Upload },
        made_at: T,
        made_by: "you".into(),
        note: Some("x".into()),
        run: run.map(|run| (run, "table".to_owned())),
    }
}

#[test]
fn a_number_is_given_once_and_what_is_said_stays() {
    on_each(async |store: Store| {
        let (deed, p) = (Deed::of_server("you", T), project());
        let run = new_run("p");
        store.submit(vec![run.clone()], None).await.unwrap();
        store.add_dataset_version(&p, &dataset("a/b"), &version("a/b", 1, None), &deed).await.unwrap();
        let second = version("a/b", 2, Some(run.id.clone()));
        store.add_dataset_version(&p, &dataset("a/b"), &second, &deed).await.unwrap();
        let again = store.add_dataset_version(&p, &dataset("a/b"), &version("a/b", 2, None), &deed).await;
        assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
        store.add_dataset_version(&p, &dataset("b"), &version("b", 1, None), &deed).await.unwrap();

        let db = store.db();
        let page = |prefix: &str| DatasetPage { prefix: Some(prefix.to_owned()), after: None, limit: 10 };
        let names = async |page: &DatasetPage| {
            db.datasets(&p, page).await.unwrap().into_iter().map(|one| one.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&page("")).await, ["a/b", "b"]);
        assert_eq!(names(&page("a/")).await, ["a/b"]);
        assert_eq!(names(&DatasetPage { after: Some("a/b".into()), ..page("") }).await, ["b"]);
        assert_eq!(db.dataset_version(&p, "a/b", &Which::Newest).await.unwrap(), second);
        assert_eq!(db.dataset_version(&p, "a/b", &Which::Number(1)).await.unwrap().version, 1);
        assert_eq!(db.datasets_from_run(&run.id).await.unwrap(), [second]);
        assert_eq!(db.dataset_versions(&p, "a/b", Some(2), 10).await.unwrap().len(), 1);
        for missing in [Which::Number(3), Which::Tag("t".into())] {
            let found = db.dataset_version(&p, "a/b", &missing).await;
            assert!(matches!(found, Err(Error::NotFound { .. })), "{found:?}");
        }
        assert_eq!(db.dataset_roots(&p).await.unwrap().len(), 2);
        assert_eq!(db.stored_bytes(&p).await.unwrap(), 12);

        store.tag_dataset(&p, "a/b", "t", Some(1), &deed).await.unwrap();
        assert_eq!(db.dataset_version(&p, "a/b", &Which::Tag("t".into())).await.unwrap().version, 1);
        let described = Dataset { description: Some("d".into()), protected: true, ..dataset("a/b") };
        store.change_dataset(&p, &described, &deed).await.unwrap();
        let told = db.dataset(&p, "a/b").await.unwrap();
        assert_eq!((told.description.as_deref(), told.protected, told.newest), (Some("d"), true, 2));
        store.remove_dataset_version(&p, "a/b", 1, &deed).await.unwrap();
        assert_eq!(db.dataset_tags(&p, "a/b").await.unwrap(), []);
        store.remove_dataset(&p, "a/b", &deed).await.unwrap();
        assert!(db.dataset(&p, "a/b").await.is_err());
        assert_eq!(db.dataset_versions(&p, "a/b", None, 10).await.unwrap(), []);
    });
}

#[test]
fn runs_know_what_they_were_given() {
    on_each(async |store: Store| {
        let mut run = new_run("p");
        let file = |name: &str, dataset: Option<&str>| RunInput {
            input: "table".into(),
            name: name.into(),
            size: 1,
            sha256: ContentHash::new([7; 32]),
            dataset: dataset.map(str::to_owned),
        };
        run.inputs = vec![file("x", Some("a@1")), file("y", Some("a@1")), file("z", None)].into();
        store.submit(vec![run.clone(), new_run("p")], None).await.unwrap();
        let given = store.db().runs_given(&project(), "a", 1, 10).await.unwrap();
        assert_eq!(given.len(), 1);
        assert_eq!(
            (&given[0].run, given[0].input.as_str(), given[0].pipeline.as_str()),
            (&run.id, "table", "p")
        );
        assert_eq!(store.db().runs_given(&project(), "a", 2, 10).await.unwrap(), []);
        let stored = store.db().run(&project(), &run.id).await.unwrap();
        assert_eq!(stored.request.inputs, run.inputs);
    });
}

#[test]
fn a_change_makes_anew_what_lies_above_it_and_nothing_else() {
    on_each(async |store: Store| {
        let blobs = store.blobs(&project());
        let put = |path: &str, content: &str| {
            let stored = blobs.put(content.as_bytes()).unwrap();
            FileAt { path: path.to_owned(), sha256: stored.sha256, size: stored.size }
        };
        let trees = Trees::new(blobs.clone());
        let files = [put("a/x", "1"), put("b/c/y", "22"), put("top", "333")];
        let root = trees.store(&files).unwrap().unwrap();
        let mut listed = Vec::new();
        trees
            .walk(&root.hash(), &mut |file| {
                listed.push(file.path);
                true
            })
            .unwrap();
        assert_eq!(listed, ["a/x", "b/c/y", "top"]);
        let mut rest = Vec::new();
        trees
            .walk_from(&root.hash(), Some("a/x"), &mut |file| {
                rest.push(file.path);
                false
            })
            .unwrap();
        assert_eq!(rest, ["b/c/y"]);
        let changed = trees
            .change(&root.hash(), &[put("b/c/y", "4444")], &["top".into(), "a/x".into()])
            .unwrap()
            .unwrap();
        assert_eq!(changed.totals(), Totals { files: 1, bytes: 4 });
        assert_eq!(trees.new_bytes(Some(&root.hash()), &changed.hash()).unwrap(), 4);
        assert_eq!(trees.new_bytes(None, &root.hash()).unwrap(), 6);
        // The same by another way is the same.
        assert_eq!(trees.store(&[put("b/c/y", "4444")]).unwrap().unwrap().hash(), changed.hash());
        assert!(trees.change(&root.hash(), &[put("top/z", "x")], &[]).unwrap().is_err());
        assert!(trees.change(&root.hash(), &[put("a", "x")], &[]).unwrap().is_err());
        assert!(trees.change(&root.hash(), &[put("A/x", "x")], &[]).unwrap().is_err());
        assert_eq!(trees.find(&root.hash(), "b/c").unwrap().unwrap().size, 2);
        assert_eq!(trees.find(&root.hash(), "top/z").unwrap(), None);
        let mut content = HashSet::new();
        trees.content(&[root.hash(), changed.hash()], &mut content).unwrap();
        // Two roots, `a`, `b` and `b/c` twice; three files and the changed one.
        assert_eq!(content.len(), 2 + 1 + 4 + 4);
    });
}
