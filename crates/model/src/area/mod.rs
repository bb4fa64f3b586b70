//! Files by key in a project's area, as S3 speaks of them: which keys there may be, whose keys open what, and who may do what.

mod access_key;
mod file_key;
mod holder;

pub use access_key::AccessKey;
pub use file_key::{FileKey, InvalidKey};
pub use holder::{AREAS, Deed, Holder, KeyRights};

/// The one bucket that Rigi itself shows.
pub const BUCKET: &str = "rigi";
