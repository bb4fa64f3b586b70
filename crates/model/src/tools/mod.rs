//! Command-line tools that describe themselves, and what becomes of them: a description of CTD, of ParamXML or of a Python
//! script's `DEFAULTS` is read, and the folder of a pipeline is written from it.
//!
//! The format: `CTD.xsd` 1.7 and `Param_1_7_0.xsd` of CTDopts and OpenMS, and what their older versions wrote.

mod ctd;
mod defaults;
mod folder;
mod items;
mod names;
mod ports;
mod schema;
#[cfg(test)]
mod tests;
mod xml;
mod yaml;

pub use ctd::read_ctd;
pub use defaults::read_defaults;
pub use folder::{Generated, GeneratedFile, generate};
pub use items::{Choice, ItemKind, ToolItem, ToolSection};

/// The largest description that is read, in bytes.
pub const LARGEST_DESCRIPTION: usize = 8 << 20;

/// How many parameters a tool may have.
pub const MOST_ITEMS: usize = 5000;

/// A description that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct ToolError {
    /// Where, if it is a place; counts from 1.
    pub line: Option<usize>,
    /// What is wrong with it.
    pub message: String,
}

impl ToolError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }

    pub(crate) fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into() }
    }
}

/// How a tool is told its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToldBy {
    /// `-ini FILE`: its own file of parameters, with the values changed.
    Ini {
        /// The sections around its parameters: `["FileInfo", "1"]`.
        root: Vec<String>,
    },
    /// `-section:name value`, for each that is changed.
    Names,
    /// As its description maps them to a command line.
    Arguments(Vec<Argument>),
    /// A JSON file with all of them, whose path is its only argument.
    Json,
}

/// A piece of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// What stands before the value, such as `-x`; empty: the value stands for itself.
    pub option: String,
    /// The item, by its path below the tool.
    pub item: Vec<String>,
}

/// A tool as it describes itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolDescription {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// What it does, a paragraph or several.
    pub description: String,
    /// Where its documentation is.
    pub documentation: Option<String>,
    /// Words that it is filed under.
    pub categories: Vec<String>,
    /// What to cite, as addresses.
    pub citations: Vec<String>,
    /// The program, if it is not of its name.
    pub program: Option<String>,
    /// How it is told its parameters.
    pub told_by: ToldBy,
    /// Sections that say something about themselves.
    pub sections: Vec<ToolSection>,
    /// Its parameters, files among them, in its own order.
    pub items: Vec<ToolItem>,
    /// What could not be taken as it stands, for people.
    pub notes: Vec<String>,
}
