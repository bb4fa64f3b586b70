//! `values` of a flow: the small values that it leaves itself, made of what its steps left.

use std::collections::BTreeMap;

use serde_json::Value;

use super::section::{Found, Notes};
use super::spec::PipelineSpec;
use super::step_links::ROOTS;
use crate::expression::Template;
use crate::parameters::secret_parameters;

/// `values`, of a spec whose steps are read.
pub(super) fn read_flow_values(
    found: &Found<'_>,
    spec: &PipelineSpec,
    parameters: Option<&Value>,
    notes: &mut Notes,
) -> Option<BTreeMap<String, Value>> {
    if spec.steps.is_empty() {
        let cure = "A script leaves its small values in `$RIGI_OUTPUTS/outputs.json`.";
        notes.wrong_with(found.key_at, format!("{} belongs to a flow", found.name()), cure);
        return None;
    }
    let values = found.values(notes)?;
    let secret = secret_parameters(parameters);
    for (name, value) in &values {
        let at = format!("`{}.{name}`", found.path);
        let template = match Template::parse(value) {
            Ok(template) => template,
            Err(error) => {
                notes.wrong(found.node.at, format!("{at} cannot be read: {error}"));
                continue;
            }
        };
        if let Some(secret) = crate::expression::parameter_among(&template.names(), &secret) {
            let message = format!("{at} would show the secret parameter `{secret}`");
            notes.wrong_with(found.node.at, message, "Take another.");
        }
        for (root, step) in template.names() {
            if !ROOTS.contains(&root.as_str()) {
                let message = format!("{at}: nothing is called `{root}` here");
                notes.wrong_with(found.node.at, message, format!("There are `{}`.", ROOTS.join("`, `")));
            } else if let Some(step) = step.filter(|step| root == "steps" && spec.step(step).is_none()) {
                notes.wrong(found.node.at, format!("{at}: there is no step `{step}`"));
            }
        }
    }
    Some(values)
}
