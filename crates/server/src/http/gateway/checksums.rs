//! A body is held against the checksums that came with it, before or behind it: what differs is not stored.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use rigi_store::area::Body;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3Request, TrailingHeaders, s3_error};

/// Headers of checksums, without what they begin with.
const KINDS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];
const HEADER: &str = "x-amz-checksum-";

/// What a body is to be held against.
struct Wanted {
    /// By kind, as they came before the body.
    told: Vec<(&'static str, String)>,
    trailers: Option<TrailingHeaders>,
    length: Option<u64>,
}

/// The body of a request; it breaks at its end if it is not what was told.
pub(super) fn checked<T>(request: &S3Request<T>, body: Option<StreamingBlob>, length: Option<i64>) -> Body {
    let Some(body) = body else { return stream::empty().boxed() };
    let header = |name: String| request.headers.get(name)?.to_str().ok().map(str::to_owned);
    let told: Vec<(&str, String)> =
        KINDS.iter().filter_map(|kind| Some((*kind, header(format!("{HEADER}{kind}"))?))).collect();
    let announced = header("x-amz-trailer".into()).unwrap_or_default().to_ascii_lowercase();
    let mut hasher = ChecksumHasher::default();
    for kind in KINDS {
        let named = announced.split(',').any(|name| name.trim().strip_prefix(HEADER) == Some(kind));
        if named || told.iter().any(|(there, _)| *there == kind) {
            begin(&mut hasher, kind);
        }
    }
    let length = length.and_then(|length| u64::try_from(length).ok());
    let wanted = Wanted { told, trailers: request.trailing_headers.clone(), length };
    let state = Some((body, hasher, wanted, 0_u64));
    stream::unfold(state, |state| async move {
        let (mut body, mut hasher, wanted, mut count) = state?;
        match body.next().await {
            Some(Ok(piece)) => {
                hasher.update(&piece);
                count += piece.len() as u64;
                Some((Ok(piece), Some((body, hasher, wanted, count))))
            }
            Some(Err(error)) => Some((Err(std::io::Error::other(error.to_string())), None)),
            None => match verify(&hasher.finalize(), &wanted, count) {
                Ok(()) => None,
                Err(error) => Some((Err::<Bytes, _>(std::io::Error::other(error)), None)),
            },
        }
    })
    .boxed()
}

fn begin(hasher: &mut ChecksumHasher, kind: &str) {
    match kind {
        "crc32" => hasher.crc32 = Some(Crc32::new()),
        "crc32c" => hasher.crc32c = Some(Crc32c::new()),
        "crc64nvme" => hasher.crc64nvme = Some(Crc64Nvme::new()),
        "sha1" => hasher.sha1 = Some(Sha1::new()),
        _ => hasher.sha256 = Some(Sha256::new()),
    }
}

fn found<'a>(sums: &'a Checksum, kind: &str) -> Option<&'a String> {
    match kind {
        "crc32" => sums.checksum_crc32.as_ref(),
        "crc32c" => sums.checksum_crc32c.as_ref(),
        "crc64nvme" => sums.checksum_crc64nvme.as_ref(),
        "sha1" => sums.checksum_sha1.as_ref(),
        _ => sums.checksum_sha256.as_ref(),
    }
}

fn verify(sums: &Checksum, wanted: &Wanted, count: u64) -> Result<(), S3Error> {
    if wanted.length.is_some_and(|length| length != count) {
        return Err(s3_error!(IncompleteBody, "{count} bytes came, and not as many as were announced"));
    }
    let mut all = wanted.told.clone();
    if let Some(trailers) = &wanted.trailers {
        let behind = trailers.read(|headers| {
            let value = |kind: &&'static str| {
                let value = headers.get(format!("{HEADER}{kind}"))?.to_str().ok()?;
                Some((*kind, value.to_owned()))
            };
            KINDS.iter().filter_map(value).collect::<Vec<_>>()
        });
        all.extend(behind.unwrap_or_default());
    }
    for (kind, told) in all {
        if found(sums, kind).is_some_and(|found| *found != told) {
            return Err(s3_error!(BadDigest, "the content does not have the {kind} that was announced"));
        }
    }
    Ok(())
}
