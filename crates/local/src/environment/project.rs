//! uv's own files (`pyproject.toml`, `uv.lock`, `uv.toml`): what they point at beside themselves.

use toml::{Table, Value};

use super::requirements::Reach;

/// Keys whose value is a path, wherever uv reads them.
const PATHS: [&str; 5] = ["path", "directory", "editable", "workspace", "members"];
/// Keys whose value is an address or a path.
const PLACES: [&str; 4] = ["find-links", "index-url", "extra-index-url", "url"];

/// A project's own table.
pub fn read(text: &str) -> Option<Table> {
    toml::from_str(text).ok()
}

/// Whether the project itself is installed, as uv decides it.
pub fn is_package(project: &Table) -> bool {
    let said = uv(project).and_then(|uv| uv.get("package")).and_then(Value::as_bool);
    project.contains_key("project") && said.unwrap_or_else(|| project.contains_key("build-system"))
}

/// What is said to uv in it.
pub fn uv(project: &Table) -> Option<&Table> {
    project.get("tool")?.get("uv")?.as_table()
}

/// A value below `[project]`.
pub fn field<'a>(project: &'a Table, key: &str) -> Option<&'a Value> {
    project.get("project")?.get(key)
}

/// Takes in what a project and its settings point at.
pub fn reach_of_project(project: &Table, reach: &mut Reach) {
    if is_package(project) {
        reach.folder = true;
    }
    let own = ["dependencies", "optional-dependencies"].into_iter().filter_map(|key| field(project, key));
    own.chain(project.get("dependency-groups")).for_each(|part| reach_of_value(part, reach));
    if let Some(uv) = uv(project) {
        reach_of_settings(uv, reach);
    }
}

/// Takes in what settings of uv point at.
pub fn reach_of_settings(settings: &Table, reach: &mut Reach) {
    settings.iter().for_each(|(key, value)| reach_of_entry(key, value, reach));
}

/// Takes in what a lock says it was made from.
pub fn reach_of_lock(lock: &Table, reach: &mut Reach) {
    let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
    for source in packages.filter_map(|package| package.get("source")?.as_table()) {
        reach_of_settings(source, reach);
        let registry = source.get("registry").and_then(Value::as_str);
        reach.folder |= registry.is_some_and(is_inside);
    }
}

fn reach_of_entry(key: &str, value: &Value, reach: &mut Reach) {
    let means_path = PATHS.contains(&key);
    match value {
        Value::String(path) if means_path => reach.target(path),
        Value::String(place) if PLACES.contains(&key) => reach.folder |= is_inside(place),
        Value::Array(places) if PLACES.contains(&key) => {
            reach.folder |= places.iter().filter_map(Value::as_str).any(is_inside);
        }
        Value::Boolean(true) if means_path => reach.folder = true,
        Value::Table(_) | Value::Array(_) if means_path => reach.folder = true,
        _ => reach_of_value(value, reach),
    }
}

fn reach_of_value(value: &Value, reach: &mut Reach) {
    match value {
        Value::Table(table) => reach_of_settings(table, reach),
        Value::Array(items) => items.iter().for_each(|item| reach_of_value(item, reach)),
        // Requirements; other texts hold no ` @ `.
        Value::String(text) if text.contains('@') => reach.requirement(text),
        _ => {}
    }
}

fn is_inside(place: &str) -> bool {
    !place.contains("://") && !place.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(text: &str) -> Reach {
        let mut reach = Reach::default();
        reach_of_project(&read(text).unwrap(), &mut reach);
        reach
    }

    #[test]
    fn a_project_that_points_at_its_folder_is_seen() {
        let project = "[project]\nname='p'\nversion='1'\n";
        for more in [
            "[build-system]\nrequires=['x']\n",
            "[tool.uv]\npackage=true\n",
            "[tool.uv.sources]\na={path='a'}\n",
            "[tool.uv.sources]\na=[{path='./a',marker='x'}]\n",
            "[tool.uv.sources]\na={workspace=true}\n",
            "[tool.uv.workspace]\nmembers=['a']\n",
            "[tool.uv]\nfind-links=['wheels']\n",
            "[[tool.uv.index]]\nurl='./simple'\n",
            "[tool.uv]\nconstraint-dependencies=['a @ file:a']\n",
            "[dependency-groups]\nx=['a @ file:./a']\n",
        ] {
            assert!(reach(&format!("{project}{more}")).folder, "{more}");
        }
        for more in [
            "dependencies=['a>=1','b @ https://example.org/b.whl']\nauthors=[{name='a/b',email='a@b.c'}]\n",
            "[build-system]\nrequires=['x']\n[tool.uv]\npackage=false\n",
            "[[tool.uv.index]]\nurl='https://example.org/simple'\n",
            "[tool.ruff]\nsrc=['./a']\npath='x'\n",
        ] {
            assert!(!reach(&format!("{project}{more}")).folder, "{more}");
        }
        assert_eq!(reach("[tool.uv.sources]\na={path='/opt/a'}\n").outside, ["/opt/a".into()].into());
    }

    #[test]
    fn a_lock_says_what_it_was_made_from() {
        let lock = |source: &str| {
            let mut reach = Reach::default();
            let text = format!("[[package]]\nname='p'\nsource={{{source}}}\n");
            reach_of_lock(&read(&text).unwrap(), &mut reach);
            reach.folder
        };
        assert!(!lock("virtual='.'"));
        assert!(!lock("registry='https://pypi.org/simple'"));
        assert!(lock("registry='simple'"));
        assert!(lock("editable='.'"));
        assert!(lock("directory='a'"));
    }
}
