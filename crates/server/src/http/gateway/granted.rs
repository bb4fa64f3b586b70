//! What a signed request may do: found out before anything of it is read.

use rigi_model::area::{AccessKey, BUCKET, Deed, FileKey, Holder};
use rigi_model::project::ProjectState;
use rigi_model::{ProjectName, Timestamp};
use s3s::access::{S3Access, S3AccessContext};
use s3s::{S3Request, S3Result, s3_error};

use super::keys::owner_of;
use crate::door::Seat;
use crate::http::state::AppState;

/// What there is; the rest of S3 is about what a project has elsewhere, or not at all.
const OPERATIONS: [&str; 16] = [
    "ListBuckets",
    "HeadBucket",
    "GetBucketLocation",
    "ListObjects",
    "ListObjectsV2",
    "HeadObject",
    "GetObject",
    "PutObject",
    "CopyObject",
    "DeleteObject",
    "DeleteObjects",
    "CreateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
];

/// Lets requests in.
pub(super) struct Rules {
    pub state: AppState,
}

/// Who has signed a request, and where that lets them go. Every operation gets at files through this alone.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    pub project: ProjectName,
    /// Its names in keys: the present one, and the one that it always has.
    names: [String; 2],
    holder: Holder,
    /// It takes what is written.
    open: bool,
}

#[async_trait::async_trait]
impl S3Access for Rules {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = cx.s3_op().name();
        let key = cx.credentials().and_then(|signed| AccessKey::parse(&signed.access_key));
        let key = key.ok_or_else(|| s3_error!(AccessDenied, "the request is not signed"))?;
        if !OPERATIONS.contains(&operation) {
            return Err(s3_error!(
                NotImplemented,
                "{operation} is not there: files are read, written, listed and removed"
            ));
        }
        let owned = owner_of(&self.state, &key, Timestamp::now()).await?;
        let project = self.state.projects.of(&owned.project);
        let project = project.filter(|project| project.state() != ProjectState::Deleted);
        let project = project.ok_or_else(|| s3_error!(AccessDenied, "the project is deleted"))?;
        let granted = Granted {
            names: [project.name().to_string(), owned.project.to_string()],
            project: owned.project,
            holder: owned.holder,
            open: project.state() == ProjectState::Open,
        };
        // Whoever signs with a key that counts keeps the connection.
        if let Some(seat) = cx.extensions_mut().get::<Seat>() {
            seat.recognise();
        }
        cx.extensions_mut().insert(granted);
        Ok(())
    }
}

impl Granted {
    /// Of a request that was let in.
    pub fn of<T>(request: &S3Request<T>) -> S3Result<Self> {
        let granted = request.extensions.get::<Self>().cloned();
        granted.ok_or_else(|| s3_error!(AccessDenied, "the request is not signed"))
    }

    /// The name that the project has in keys.
    pub fn name(&self) -> &str {
        &self.names[0]
    }

    /// What of a key lies below the project, if it does.
    pub fn below<'a>(&self, bucket: &str, key: &'a str) -> S3Result<Option<&'a str>> {
        if bucket != BUCKET {
            return Err(s3_error!(NoSuchBucket, "there is one bucket here, and it is `{BUCKET}`"));
        }
        let rest = |name: &String| key.strip_prefix(name.as_str())?.strip_prefix('/');
        Ok(self.names.iter().find_map(rest))
    }

    /// The file that a key names, if this may be done with it.
    pub fn file(&self, bucket: &str, key: &str, deed: Deed) -> S3Result<FileKey> {
        let name = self.name();
        let Some(rest) = self.below(bucket, key)? else {
            return Err(s3_error!(AccessDenied, "this access key is for what lies below `{name}/`"));
        };
        if !self.holder.may(deed, rest) {
            let words = self.holder.words();
            return Err(s3_error!(AccessDenied, "below `{name}/`, {words}"));
        }
        if deed != Deed::Read && !self.open {
            return Err(s3_error!(
                AccessDenied,
                "the project `{name}` is archived: it can be read, and takes no more"
            ));
        }
        FileKey::parse(rest).map_err(|why| s3_error!(InvalidArgument, "the key `{key}` {why}"))
    }
}
