//! What a run ran with: the packages that are installed in its environment where that is on this machine, else those that its captured code
//! names; its image; the tool that it is a form of.

use std::sync::Arc;

use rigi_api::view::{CitedEnvironment, CitedPackage};
use rigi_local::environment::{Environments, Files, Format, declared};
use rigi_model::packages::{Package, PackageOrigin, clean_text};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::Entry;
use rigi_store::tables::versions::Version;
use rigi_store::{Blobs, Run};

/// Bytes of a file that names packages.
const LARGEST: u64 = 4 << 20;
/// Characters of a name or a version.
const LONGEST: usize = 200;

/// The name under which what a run ran with is told once for all runs that ran with it; `None`: with nothing that is known.
pub(super) fn name_of(run: &Run, spec: &PipelineSpec) -> Option<String> {
    let image = image_of(spec).map(|image| clean_text(image, LONGEST));
    let environment = run.status.environment.as_ref().map(|used| used.id.clone());
    let files = || {
        let step = run.request.part().part.step.map(|step| format!("/{step}")).unwrap_or_default();
        format!("{}{step}", run.request.version.short())
    };
    match (environment, image) {
        (Some(id), Some(image)) => Some(format!("{id} in {image}")),
        (Some(id), None) => Some(id),
        (None, Some(image)) => Some(format!("{image} {}", files())),
        (None, None) => {
            (spec.entry.is_run() && (spec.entry.needs_python() || tool_of(spec).is_some())).then(files)
        }
    }
}

fn image_of(spec: &PipelineSpec) -> Option<&str> {
    match &spec.entry {
        Entry::Image { image, .. } => Some(image),
        _ => spec.container.image.as_deref(),
    }
}

/// The tool whose description the pipeline was made of.
fn tool_of(spec: &PipelineSpec) -> Option<CitedPackage> {
    let label = |name: &str| spec.labels.get(name).map(|value| clean_text(value, LONGEST));
    label("tool").map(|name| CitedPackage { name, version: label("tool-version") })
}

/// What a run ran with. Reads files.
pub(super) fn look(
    environments: &Arc<Environments>,
    blobs: &Blobs,
    run: &Run,
    (spec, version): (&PipelineSpec, &Version),
) -> CitedEnvironment {
    let used = run.status.environment.as_ref();
    let mut found = CitedEnvironment {
        label: used.map(|used| clean_text(&used.label, LONGEST)),
        id: used.map(|used| used.id.clone()),
        image: image_of(spec).map(|image| clean_text(image, LONGEST)),
        packages: tool_of(spec).into_iter().collect(),
        ..CitedEnvironment::default()
    };
    if let Some(installed) = used.and_then(|used| environments.installed(&used.id)) {
        found.packages.extend(installed.into_iter().map(cited));
        found.origin = Some(PackageOrigin::Environment.to_string());
        return found;
    }
    if !spec.entry.needs_python() {
        return found;
    }
    let read = |path: &str| read(blobs, version, path);
    let script = match &spec.entry {
        Entry::Script { file } => Some(file.as_str()),
        _ => None,
    };
    let is_json = version.files.iter().any(|file| file.path == "pipeline.json");
    let format = if is_json { Format::FastFlow } else { Format::Own };
    match declared(&Files { read: &read, script, requirements: &spec.requirements, format }) {
        Ok(listed) => {
            found.packages.extend(listed.packages.into_iter().map(cited));
            found.incomplete = listed.incomplete;
            found.origin = Some(PackageOrigin::Files.to_string());
        }
        Err(why) => found.incomplete = Some(clean_text(&why, LONGEST)),
    }
    found
}

fn cited(package: Package) -> CitedPackage {
    CitedPackage { name: package.name, version: package.version }
}

fn read(blobs: &Blobs, version: &Version, path: &str) -> Option<Vec<u8>> {
    let file = version.files.iter().find(|file| file.path == path && file.size <= LARGEST)?;
    let mut bytes = Vec::new();
    let mut reader = blobs.get(&file.sha256).ok()?;
    while let Some(piece) = reader.next_piece().ok()? {
        bytes.extend_from_slice(&piece);
    }
    Some(bytes)
}
