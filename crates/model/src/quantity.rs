//! Amounts as people write them: `512MiB`, `1.5g`, `30s`.
