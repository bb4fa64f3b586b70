//! A step is looked at when its needs have ended: its condition, and what it is done for.

use std::collections::BTreeSet;
use std::sync::Arc;

use rigi_model::expression::{Template, parameter_among};
use rigi_model::flows::{Begun, MOST_ITEMS};
use rigi_model::parameters::secret_parameters;
use rigi_model::pipeline::step::{ForEach, StepSpec};
use rigi_store::RunInput;
use serde_json::{Map, Value};

use super::flow::Flow;

/// What one run of a step is done for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// What expressions know as `item`; nothing of a step that is done once.
    pub value: Option<Value>,
    /// The file that it is, where it is one.
    pub file: Option<RunInput>,
}

/// What expressions name.
type Names = BTreeSet<(String, Option<String>)>;

impl Flow {
    /// What becomes of a step.
    pub(super) async fn look(&mut self, name: &str) -> rigi_store::Result<Begun> {
        let spec = self.spec.clone();
        let Some(step) = spec.step(name) else {
            return Ok(Begun::Skipped("there is no such step".to_owned()));
        };
        if let Some(when) = &step.when {
            if let Some(secret) = self.secret_in(&when.names()) {
                return Ok(Begun::Failed(format!(
                    "`when` names the secret parameter `{secret}`, which nobody compares"
                )));
            }
            let names = match self.names(&when.names()).await? {
                Ok(names) => names,
                Err(why) => return Ok(Begun::Failed(why)),
            };
            match when.holds(&names) {
                Ok(true) => {}
                Ok(false) => return Ok(Begun::Skipped(format!("`{when}` does not hold"))),
                Err(error) => return Ok(Begun::Failed(format!("`when: {when}`: {error}"))),
            }
        }
        Ok(match self.items_of(step).await? {
            Ok(items) => Begun::Items(u32::try_from(items.len()).unwrap_or(u32::MAX)),
            Err(why) => Begun::Failed(why),
        })
    }

    /// What a step is done for: the same whenever it is asked, as all that it is made of has ended.
    pub(super) async fn items_of(
        &mut self,
        step: &StepSpec,
    ) -> rigi_store::Result<Result<Arc<Vec<Item>>, String>> {
        if let Some(items) = self.items.get(&step.name) {
            return Ok(Ok(items.clone()));
        }
        let items = match &step.for_each {
            None => vec![Item { value: None, file: None }],
            Some(ForEach::Input(input)) => {
                let files = self.run.request.inputs.iter().filter(|file| file.input == *input);
                let item = |file: &RunInput| Item {
                    value: Some(serde_json::json!({"name": file.name, "size": file.size})),
                    file: Some(file.clone()),
                };
                files.map(item).collect()
            }
            Some(ForEach::Values(values)) => match self.list(step, values).await? {
                Ok(values) => {
                    values.into_iter().map(|value| Item { value: Some(value), file: None }).collect()
                }
                Err(why) => return Ok(Err(why)),
            },
        };
        if items.len() > MOST_ITEMS as usize {
            return Ok(Err(format!("`for_each` has {} items, and may have {MOST_ITEMS}", items.len())));
        }
        let items = Arc::new(items);
        self.items.insert(step.name.clone(), items.clone());
        Ok(Ok(items))
    }

    /// The first secret parameter among these.
    fn secret_in(&self, names: &Names) -> Option<String> {
        parameter_among(names, &secret_parameters(self.spec.parameters.as_ref()))
    }

    async fn list(&self, step: &StepSpec, values: &Value) -> rigi_store::Result<Result<Vec<Value>, String>> {
        let template = match Template::parse(values) {
            Ok(template) => template,
            Err(error) => return Ok(Err(format!("`for_each` of `{}` cannot be read: {error}", step.name))),
        };
        if let Some(secret) = self.secret_in(&template.names()) {
            return Ok(Err(format!(
                "`for_each` names the secret parameter `{secret}`, which is handed on whole alone"
            )));
        }
        let names = match self.names(&template.names()).await? {
            Ok(names) => names,
            Err(why) => return Ok(Err(why)),
        };
        Ok(match template.value(&names) {
            Ok(Value::Array(items)) => Ok(items),
            Ok(Value::Null) => Err(format!("`for_each` is {values}, which is not there")),
            Ok(_) => Err(format!("`for_each` is {values}, which is not a list")),
            Err(error) => Err(format!("`for_each`: {error}")),
        })
    }

    /// The own parameters of some items of a step.
    pub(super) async fn parameters_of(
        &self,
        step: &StepSpec,
        items: &[Item],
        from: u32,
    ) -> rigi_store::Result<Result<Vec<Map<String, Value>>, String>> {
        let mut templates = Vec::new();
        let mut wanted = Names::new();
        let secret = secret_parameters(self.spec.parameters.as_ref());
        for (name, value) in &step.parameters {
            match Template::parse(value) {
                Ok(template) => {
                    // It stays sealed until its run begins.
                    if let Some(secret) = template.secret_within(&secret) {
                        let why = format!(
                            "the parameter `{name}` is made of the secret parameter `{secret}`, which is handed on whole alone: `${{params.{secret}}}`"
                        );
                        return Ok(Err(why));
                    }
                    wanted.extend(template.names());
                    templates.push((name, template));
                }
                Err(error) => return Ok(Err(format!("the parameter `{name}` cannot be read: {error}"))),
            }
        }
        let mut names = match self.names(&wanted).await? {
            Ok(names) => names,
            Err(why) => return Ok(Err(why)),
        };
        let mut all = Vec::with_capacity(items.len());
        for (index, item) in (u64::from(from)..).zip(items) {
            if let (Value::Object(names), Some(value)) = (&mut names, &item.value) {
                names.insert("item".to_owned(), value.clone());
                names.insert("index".to_owned(), index.into());
            }
            let mut own = Map::new();
            for (name, template) in &templates {
                match template.value(&names) {
                    Ok(value) => _ = own.insert((*name).clone(), value),
                    Err(error) => return Ok(Err(format!("the parameter `{name}`: {error}"))),
                }
            }
            all.push(own);
        }
        Ok(Ok(all))
    }
}
