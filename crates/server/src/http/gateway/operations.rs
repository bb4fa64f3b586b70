//! The operations of S3 that there are.

use rigi_model::area::{BUCKET, Deed, FileKey};
use rigi_store::area::{Body, Overwrite};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use sync_wrapper::SyncStream;

use super::checksums::checked;
use super::files::{Files, Found};
use super::granted::Granted;
use super::lists::{self, Asked};
use super::words::{self, Conditions};

/// Parts of a file at most, as in S3.
const MOST_PARTS: i32 = 10_000;

type Answer<T> = S3Result<S3Response<T>>;

fn answer<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

fn signed(length: u64) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn part_number(number: i32) -> S3Result<u16> {
    let fits = (1..=MOST_PARTS).contains(&number).then(|| u16::try_from(number).ok()).flatten();
    fits.ok_or_else(|| s3_error!(InvalidArgument, "parts have numbers from 1 to {MOST_PARTS}"))
}

impl Files {
    async fn found(&self, granted: &Granted, key: &FileKey) -> S3Result<Found> {
        self.find(&granted.project, key).await.map_err(|error| words::of(&error))
    }

    /// A file that is read, if that may be and its conditions hold.
    async fn readable(
        &self,
        granted: &Granted,
        (bucket, key): (&str, &str),
        conditions: Conditions<'_>,
    ) -> S3Result<(FileKey, Found)> {
        let key = granted.file(bucket, key, Deed::Read)?;
        let found = self.found(granted, &key).await?;
        conditions.check(found.facts())?;
        Ok((key, found))
    }

    /// What a copy is made of.
    async fn source(&self, granted: &Granted, source: &CopySource) -> S3Result<(FileKey, Found)> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(s3_error!(InvalidArgument, "the source of a copy is `{BUCKET}/KEY`"));
        };
        if version_id.is_some() {
            return Err(s3_error!(NotImplemented, "files have no versions here"));
        }
        let key = granted.file(bucket, key, Deed::Read)?;
        let found = self.found(granted, &key).await?;
        Ok((key, found))
    }

    async fn body(
        &self,
        granted: &Granted,
        key: &FileKey,
        found: &Found,
        range: std::ops::Range<u64>,
    ) -> S3Result<Body> {
        self.read(&granted.project, key, found, range).await.map_err(|error| words::of(&error))
    }
}

#[async_trait::async_trait]
impl S3 for Files {
    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        Granted::of(&request)?;
        let bucket = Bucket { name: Some(BUCKET.to_owned()), ..Bucket::default() };
        answer(ListBucketsOutput { buckets: Some(vec![bucket]), ..ListBucketsOutput::default() })
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        Granted::of(&request)?.below(&request.input.bucket, "")?;
        answer(HeadBucketOutput::default())
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        Granted::of(&request)?.below(&request.input.bucket, "")?;
        answer(GetBucketLocationOutput::default())
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let granted = Granted::of(&request)?;
        let input = request.input;
        let asked = Asked {
            bucket: &input.bucket,
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref(),
            after: input.start_after.as_deref(),
            token: input.continuation_token.as_deref(),
            most: input.max_keys,
        };
        let page = lists::page(self, &granted, &asked).await?;
        answer(ListObjectsV2Output {
            name: Some(input.bucket.clone()),
            max_keys: Some(page.most),
            key_count: Some(i32::try_from(page.contents.len() + page.folders.len()).unwrap_or(i32::MAX)),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            contents: Some(page.contents),
            common_prefixes: Some(page.folders),
            prefix: input.prefix,
            delimiter: input.delimiter,
            start_after: input.start_after,
            continuation_token: input.continuation_token,
            ..ListObjectsV2Output::default()
        })
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        let granted = Granted::of(&request)?;
        let input = request.input;
        // A marker is where the page before ended, or a key.
        let (token, after) = match input.marker.as_deref() {
            Some(marker) if lists::is_token(marker) => (Some(marker), None),
            marker => (None, marker.filter(|marker| !marker.is_empty())),
        };
        let asked = Asked {
            bucket: &input.bucket,
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref(),
            after,
            token,
            most: input.max_keys,
        };
        let page = lists::page(self, &granted, &asked).await?;
        answer(ListObjectsOutput {
            name: Some(input.bucket.clone()),
            max_keys: Some(page.most),
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next,
            contents: Some(page.contents),
            common_prefixes: Some(page.folders),
            prefix: input.prefix,
            delimiter: input.delimiter,
            marker: input.marker,
            ..ListObjectsOutput::default()
        })
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let granted = Granted::of(&request)?;
        let input = &request.input;
        let conditions = Conditions {
            matches: input.if_match.as_ref(),
            matches_not: input.if_none_match.as_ref(),
            modified_since: input.if_modified_since.as_ref(),
            unmodified_since: input.if_unmodified_since.as_ref(),
        };
        let (key, found) = self.readable(&granted, (&input.bucket, &input.key), conditions).await?;
        let facts = found.facts();
        answer(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(signed(facts.size)),
            content_type: Some(words::media_type(key.as_str(), &facts.said)),
            e_tag: Some(words::etag(facts)),
            last_modified: Some(words::time(facts.modified)),
            metadata: Some(facts.said.metadata.clone().into_iter().collect()),
            ..HeadObjectOutput::default()
        })
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let granted = Granted::of(&request)?;
        let input = &request.input;
        let conditions = Conditions {
            matches: input.if_match.as_ref(),
            matches_not: input.if_none_match.as_ref(),
            modified_since: input.if_modified_since.as_ref(),
            unmodified_since: input.if_unmodified_since.as_ref(),
        };
        let (key, found) = self.readable(&granted, (&input.bucket, &input.key), conditions).await?;
        let facts = found.facts();
        let range = match &input.range {
            None => 0..facts.size,
            Some(range) => range.check(facts.size)?,
        };
        let content_range = input
            .range
            .as_ref()
            .map(|_| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), facts.size));
        let length = range.end - range.start;
        let body = self.body(&granted, &key, &found, range).await?;
        // A signed address may say by which name a browser keeps it; as a page it shows nothing of here.
        answer(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::wrap(SyncStream::new(body))),
            content_length: Some(signed(length)),
            content_range,
            content_type: Some(words::media_type(key.as_str(), &facts.said)),
            content_disposition: input.response_content_disposition.clone(),
            e_tag: Some(words::etag(facts)),
            last_modified: Some(words::time(facts.modified)),
            metadata: Some(facts.said.metadata.clone().into_iter().collect()),
            ..GetObjectOutput::default()
        })
    }

    async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let granted = Granted::of(&request)?;
        let key = granted.file(&request.input.bucket, &request.input.key, Deed::Write)?;
        if request.input.if_match.is_some() {
            return Err(s3_error!(NotImplemented, "`If-Match` is for reading here"));
        }
        let overwrite = match &request.input.if_none_match {
            None => Overwrite::Yes,
            Some(condition) if condition.is_any() => Overwrite::No,
            Some(_) => return Err(s3_error!(NotImplemented, "`If-None-Match` has to be `*`")),
        };
        let body = request.input.body.take();
        let body = checked(&request, body, request.input.content_length);
        let input = request.input;
        let said = words::said(input.content_type, input.metadata);
        let written = self.area(&granted.project).write(&key, body, said, overwrite).await;
        let facts = written.map_err(|error| match error {
            rigi_store::Error::Conflict(_) if overwrite == Overwrite::No => {
                s3_error!(PreconditionFailed, "the file is there already")
            }
            error => words::of(&error),
        })?;
        answer(PutObjectOutput { e_tag: Some(words::etag(&facts)), ..PutObjectOutput::default() })
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let granted = Granted::of(&request)?;
        let input = request.input;
        let key = granted.file(&input.bucket, &input.key, Deed::Write)?;
        let (from, found) = self.source(&granted, &input.copy_source).await?;
        let facts = found.facts();
        let replaced =
            input.metadata_directive.as_ref().is_some_and(|how| how.as_str() == MetadataDirective::REPLACE);
        let said =
            if replaced { words::said(input.content_type, input.metadata) } else { facts.said.clone() };
        let body = self.body(&granted, &from, &found, 0..facts.size).await?;
        let written = self.area(&granted.project).write(&key, body, said, Overwrite::Yes).await;
        let facts = written.map_err(|error| words::of(&error))?;
        let result = CopyObjectResult {
            e_tag: Some(words::etag(&facts)),
            last_modified: Some(words::time(facts.modified)),
            ..CopyObjectResult::default()
        };
        answer(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let granted = Granted::of(&request)?;
        let key = granted.file(&request.input.bucket, &request.input.key, Deed::Remove)?;
        self.area(&granted.project).remove(&key).await.map_err(|error| words::of(&error))?;
        answer(DeleteObjectOutput::default())
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let granted = Granted::of(&request)?;
        let input = request.input;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            let gone = match granted.file(&input.bucket, &object.key, Deed::Remove) {
                Ok(key) => self.area(&granted.project).remove(&key).await.map_err(|error| words::of(&error)),
                Err(error) => Err(error),
            };
            match gone {
                Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    key: Some(object.key),
                    ..Error::default()
                }),
            }
        }
        let quiet = input.delete.quiet == Some(true);
        answer(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        })
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let granted = Granted::of(&request)?;
        let input = request.input;
        let key = granted.file(&input.bucket, &input.key, Deed::Write)?;
        let said = words::said(input.content_type, input.metadata);
        let begun = self.area(&granted.project).begin(&key, said).await;
        answer(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(begun.map_err(|error| words::of(&error))?),
            ..CreateMultipartUploadOutput::default()
        })
    }

    async fn upload_part(&self, mut request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let granted = Granted::of(&request)?;
        let key = granted.file(&request.input.bucket, &request.input.key, Deed::Write)?;
        let number = part_number(request.input.part_number)?;
        let body = request.input.body.take();
        let body = checked(&request, body, request.input.content_length);
        let part = self.area(&granted.project).part(&key, &request.input.upload_id, number, body).await;
        let etag = part.map_err(|error| words::of(&error))?;
        answer(UploadPartOutput { e_tag: Some(ETag::Strong(etag)), ..UploadPartOutput::default() })
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> Answer<UploadPartCopyOutput> {
        let granted = Granted::of(&request)?;
        let input = request.input;
        let key = granted.file(&input.bucket, &input.key, Deed::Write)?;
        let number = part_number(input.part_number)?;
        let (from, found) = self.source(&granted, &input.copy_source).await?;
        let range = match &input.copy_source_range {
            None => 0..found.facts().size,
            Some(range) => {
                let range = Range::parse(range);
                range
                    .map_err(|_| s3_error!(InvalidArgument, "the range of the source is none"))?
                    .check(found.facts().size)?
            }
        };
        let body = self.body(&granted, &from, &found, range).await?;
        let part = self.area(&granted.project).part(&key, &input.upload_id, number, body).await;
        let etag = part.map_err(|error| words::of(&error))?;
        let result = CopyPartResult { e_tag: Some(ETag::Strong(etag)), ..CopyPartResult::default() };
        answer(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() })
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let granted = Granted::of(&request)?;
        let input = request.input;
        let key = granted.file(&input.bucket, &input.key, Deed::Write)?;
        let told = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let mut parts = Vec::with_capacity(told.len());
        for part in told {
            let number = part_number(part.part_number.unwrap_or(0))?;
            if parts.last().is_some_and(|(before, _)| *before >= number) {
                return Err(s3_error!(InvalidPartOrder, "the parts are not in the order of their numbers"));
            }
            let etag = part.e_tag.map(ETag::into_value);
            parts.push((number, etag.ok_or_else(|| s3_error!(InvalidPart, "part {number} has no ETag"))?));
        }
        if parts.is_empty() {
            return Err(s3_error!(MalformedXML, "a file has at least one part"));
        }
        let whole = self.area(&granted.project).complete(&key, &input.upload_id, parts).await;
        let facts = whole.map_err(|error| words::of(&error))?;
        answer(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(words::etag(&facts)),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let granted = Granted::of(&request)?;
        let input = request.input;
        let key = granted.file(&input.bucket, &input.key, Deed::Write)?;
        let given_up = self.area(&granted.project).give_up(&key, &input.upload_id).await;
        given_up.map_err(|error| words::of(&error))?;
        answer(AbortMultipartUploadOutput::default())
    }
}
