//! Signed addresses, used as a runner uses them: what they are good for, and what not.

use reqwest::{Client, Method, StatusCode};
use rigi_model::ContentHash;
use rigi_store::{Address, Blobs, Storage, Stored};
use sha2::{Digest, Sha256};

use crate::backup::block_on;
use crate::bucket::bucket;
use crate::support::project;

fn open(data: &tempfile::TempDir) -> Option<Blobs> {
    let storage = Storage::Bucket(Box::new(bucket()?));
    Some(Blobs::open_at(data.path(), &project(), &storage).unwrap())
}

fn content(bytes: &[u8]) -> Stored {
    Stored { sha256: ContentHash::new(Sha256::digest(bytes).into()), size: bytes.len() as u64 }
}

/// The request that an address is for, with changes.
async fn call(method: Method, address: &Address, change: &[(&str, &str)], body: &'static [u8]) -> StatusCode {
    let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let mut request = client.request(method, &address.url).body(body);
    for (name, value) in &address.headers {
        let changed = change.iter().find(|(changed, _)| changed == name).map(|(_, value)| *value);
        request = request.header(name, changed.unwrap_or(value));
    }
    request.send().await.unwrap().status()
}

#[test]
fn an_address_to_read_is_good_for_one_file_and_for_reading() {
    let data = tempfile::tempdir().unwrap();
    let Some(blobs) = open(&data) else { return };
    let (stored, other) = (blobs.put(&b"mine"[..]).unwrap(), blobs.put(&b"other"[..]).unwrap());
    block_on(async {
        let address = blobs.address_to_read(&stored.sha256).await.unwrap().unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        assert_eq!(client.get(&address.url).send().await.unwrap().bytes().await.unwrap(), &b"mine"[..]);
        let path = |sha256: &ContentHash| format!("/{sha256}");
        let url = address.url.replace(&path(&stored.sha256), &path(&other.sha256));
        let elsewhere = Address { url, headers: Vec::new() };
        assert_eq!(call(Method::GET, &elsewhere, &[], b"").await, StatusCode::FORBIDDEN);
        for method in [Method::PUT, Method::DELETE] {
            assert_eq!(call(method, &address, &[], b"evil").await, StatusCode::FORBIDDEN);
        }
    });
    blobs.check(&stored.sha256).unwrap();
}

#[test]
fn an_address_to_write_takes_its_content_and_no_other() {
    let data = tempfile::tempdir().unwrap();
    let Some(blobs) = open(&data) else { return };
    let (good, evil) = (content(b"good content"), content(b"evil content"));
    block_on(async {
        let address = blobs.address_to_write(&good).await.unwrap().unwrap();
        let hash = "x-amz-content-sha256";
        for (change, body) in [
            (&[][..], &b"evil content"[..]),
            (&[], b"good content, and more"),
            (&[], b""),
            (&[(hash, &*evil.sha256.to_string())], b"evil content"),
            (&[(hash, "UNSIGNED-PAYLOAD")], b"evil content"),
            (&[(hash, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")], b"evil content"),
        ] {
            let status = call(Method::PUT, &address, change, body).await;
            assert!(status.is_client_error(), "{change:?}: {status}");
            assert_eq!(blobs.are_in_bucket(&[good.clone(), evil.clone()]).await.unwrap(), [false, false]);
        }
        let path = |sha256: &ContentHash| format!("/{sha256}");
        let url = address.url.replace(&path(&good.sha256), &path(&evil.sha256));
        let elsewhere = Address { url, headers: address.headers.clone() };
        assert_eq!(call(Method::PUT, &elsewhere, &[], b"good content").await, StatusCode::FORBIDDEN);
        assert_eq!(call(Method::GET, &address, &[], b"").await, StatusCode::FORBIDDEN);
        // The same twice: the second time renews it.
        for _ in 0..2 {
            assert_eq!(call(Method::PUT, &address, &[], b"good content").await, StatusCode::OK);
        }
        let shorter = Stored { size: 3, ..good.clone() };
        let there = blobs.are_in_bucket(&[good.clone(), evil, shorter]).await.unwrap();
        assert_eq!(there, [true, false, false]);
        let long = Stored { size: 6_000_000_000, ..good.clone() };
        assert!(blobs.address_to_write(&long).await.unwrap().is_none());
    });
    blobs.check(&good.sha256).unwrap();
    blobs.hold(&good).unwrap();
}

#[test]
fn a_folder_has_no_addresses() {
    let data = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(data.path(), &project()).unwrap();
    let stored = blobs.put(&b"here"[..]).unwrap();
    block_on(async {
        assert!(blobs.address_to_read(&stored.sha256).await.unwrap().is_none());
        assert!(blobs.address_to_write(&stored).await.unwrap().is_none());
    });
}
