//! What was run: one entity for each pipeline, or step of a flow, in a version; with what it needs.

use rigi_api::view::{CitationView, CitedEnvironment, CitedRun};
use serde_json::json;

use super::Draft;
use super::entity::{id_of, refer, refer_all};
use super::files::code_folder;

/// The id of what a run ran.
pub(super) fn tool_of(run: &CitedRun) -> String {
    let version = run.version.get(..12).unwrap_or(&run.version);
    let step = run.step.as_ref().map(|step| format!("/{}", step.step)).unwrap_or_default();
    format!("#tool-{}-{version}", id_of(&format!("{}{step}", run.pipeline)))
}

impl Draft<'_> {
    /// Takes in the tools of all runs.
    pub(super) fn add_tools(&mut self, told: &CitationView) {
        for run in &told.runs {
            let with = run.environment.as_ref().and_then(|name| told.environments.get(name));
            let id = tool_of(run);
            if self.known.contains(&id) {
                continue;
            }
            let needs = with.map(|with| self.add_packages(with)).unwrap_or_default();
            let main = format!("{}{}", code_folder(&run.version), run.does);
            let main = self.paths.contains(&main).then(|| refer_all(&[id_of(&main)]));
            let name = match &run.step {
                Some(step) => format!("{}: {}", run.pipeline, step.step),
                None => run.pipeline.clone(),
            };
            let does = (!run.does.is_empty()).then(|| format!("Runs `{}`", run.does));
            let git = run.git.as_ref();
            self.add(json!({
                "@id": id,
                "@type": "SoftwareApplication",
                "name": name,
                "description": run.description.clone().or(does),
                "softwareVersion": run.version,
                "url": git.and_then(|git| git.page.as_ref()).map(|page| refer(page)),
                "identifier": git.map(|git| format!("git commit {}", git.commit)),
                "softwareRequirements": refer_all(&needs),
                "hasPart": main,
            }));
        }
    }

    /// Takes in what an environment has; the ids.
    fn add_packages(&mut self, with: &CitedEnvironment) -> Vec<String> {
        let mut ids = Vec::new();
        if let (Some(label), Some(hash)) = (&with.label, &with.id) {
            let id = format!("#environment-{hash}");
            // `Python 3.12.1 with 14 packages`.
            let version =
                label.split_whitespace().nth(1).filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            let description = format!("The environment {hash}");
            self.add(json!({
                "@id": id,
                "@type": "SoftwareApplication",
                "name": label,
                "description": description,
                "softwareVersion": version.unwrap_or(hash),
            }));
            ids.push(id);
        }
        for package in &with.packages {
            let version = package.version.as_ref().map(|version| format!("@{}", id_of(version)));
            let id = format!("#package-{}{}", id_of(&package.name), version.unwrap_or_default());
            self.add(json!({
                "@id": id,
                "@type": "SoftwareApplication",
                "name": package.name,
                "softwareVersion": package.version,
            }));
            ids.push(id);
        }
        ids
    }

    /// Takes in an image; its reference.
    pub(super) fn add_image(&mut self, image: &str) -> serde_json::Value {
        let (whole, digest) =
            image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
        let (path, tag) = match whole.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (whole, None),
        };
        // As container engines read names: what has a dot, a port or is this machine is a registry.
        let host = |host: &str| host.contains(['.', ':']) || host == "localhost";
        let (registry, name) = match path.split_once('/') {
            Some((first, rest)) if host(first) => (first, rest),
            _ => ("docker.io", path),
        };
        let id = format!("#image-{}", id_of(image));
        self.add(json!({
            "@id": id,
            "@type": "ContainerImage",
            "additionalType": refer("https://w3id.org/ro/terms/workflow-run#DockerImage"),
            "registry": registry,
            "name": name,
            "tag": tag,
            "sha256": digest.and_then(|digest| digest.strip_prefix("sha256:")),
        }));
        refer(&id)
    }
}
