//! Airflow's templates in shell commands: those that have a counterpart become variables of the shell.

use rigi_model::text::is_variable;

/// What the variables are that templates become.
pub(super) const PRELUDE: &str = "\
# What Airflow's templates knew: the interval that ends when the run is due.
airflow_ts=${RIGI_DUE_PREVIOUS:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
airflow_end=${RIGI_DUE:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
airflow_ds=${airflow_ts%%T*}
";

/// Whether a text has templates.
pub(super) fn has_templates(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// A command for a shell; what of it has no counterpart.
pub(super) fn for_shell(command: &str, dag: &str) -> Result<String, String> {
    if command.contains("{%") || command.contains("{#") {
        return Err("`{% … %}`".to_owned());
    }
    let (mut out, mut rest, mut quote) = (String::new(), command, None);
    while let Some(at) = rest.find("{{") {
        let before = &rest[..at];
        quote = quote_after(before, quote);
        out.push_str(before);
        let inner = &rest[at + 2..];
        let end = inner.find("}}").ok_or("`{{` without `}}`")?;
        let name = inner[..end].trim_matches([' ', '\t', '-']);
        let shown =
            variable(name, dag).ok_or_else(|| format!("`{{{{ {} }}}}`", rigi_model::text::excerpt(name)))?;
        if quote == Some('\'') {
            out.push_str("'\"");
            out.push_str(&shown);
            out.push_str("\"'");
        } else {
            out.push_str(&shown);
        }
        rest = &inner[end + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

/// In which quotation marks a shell is behind a text.
fn quote_after(text: &str, mut quote: Option<char>) -> Option<char> {
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => _ = letters.next(),
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
    }
    quote
}

/// What a shell has for a template's name.
fn variable(name: &str, dag: &str) -> Option<String> {
    Some(match name {
        "ds" => "${airflow_ds}".to_owned(),
        "ds_nodash" => "${airflow_ds//-/}".to_owned(),
        "ts" | "logical_date" | "execution_date" | "data_interval_start" => "${airflow_ts}".to_owned(),
        "data_interval_end" => "${airflow_end}".to_owned(),
        "run_id" => "${RIGI_RUN_ID}".to_owned(),
        "dag.dag_id" => dag.to_owned(),
        _ => {
            let of_params = name.strip_prefix("params.").or_else(|| {
                let inner = name.strip_prefix("params[")?.strip_suffix(']')?;
                let quote = inner.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
                inner.strip_prefix(quote)?.strip_suffix(quote)
            });
            let parameter = of_params.filter(|parameter| is_variable(parameter))?;
            format!("${{{parameter}}}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_become_variables_in_whatever_quotes_they_stand() {
        let shell = |text: &str| for_shell(text, "etl");
        assert_eq!(shell("echo {{ ds }} {{params.x}}").unwrap(), "echo ${airflow_ds} ${x}");
        assert_eq!(
            shell("echo '{{ ds }}' \"{{ ts }}\"").unwrap(),
            "echo ''\"${airflow_ds}\"'' \"${airflow_ts}\""
        );
        assert_eq!(
            shell(r#"echo \' {{ run_id }} "it's" {{ params['a'] }}"#).unwrap(),
            r#"echo \' ${RIGI_RUN_ID} "it's" ${a}"#
        );
        assert_eq!(shell("{{ dag.dag_id }}").unwrap(), "etl");
        assert_eq!(shell("{{- ds_nodash -}}").unwrap(), "${airflow_ds//-/}");
        assert_eq!(shell("plain").unwrap(), "plain");
    }

    #[test]
    fn what_has_no_counterpart_is_told() {
        for text in [
            "{{ macros.ds_add(ds, 5) }}",
            "{{ var.value.x }}",
            "{{",
            "{% if x %}",
            "{{ params.a-b }}",
            "{{ params['a\"] }}",
            "{{ params[ }}",
        ] {
            assert!(for_shell(text, "etl").is_err(), "{text}");
            assert!(has_templates(text));
        }
    }
}
