//! Checking the signature of an API request.
#![expect(
    clippy::unwrap_used,
    reason = "a broken benchmark may say so by panicking"
)]

use criterion::Criterion;
use foghorn_auth::{
    AppKey, Credential, KeyRing, Secret, SignedHead, UnsignedRequest, sign_request, verify_head,
};
use std::hint::black_box;

const PATH: &str = "/apps/4242/events";
const NOW: u64 = 1_760_000_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    verify(&mut criterion);
    criterion.final_summary();
}

/// As the official libraries sign, so that the first text tried is the right one.
fn verify(criterion: &mut Criterion) {
    let credential = Credential {
        key: AppKey::parse("k7f3d0c1b2a39485").unwrap(),
        secret: Secret::parse("s3cr3t-9f8e7d6c5b4a").unwrap(),
    };
    let body = [b'x'; 256];
    let unsigned = UnsignedRequest {
        method: "POST",
        path: PATH,
        params: &[],
        body: &body,
    };
    let query = sign_request(&credential, &unsigned, NOW);
    let ring = KeyRing::new(vec![credential]).unwrap();
    let head = SignedHead {
        method: "POST",
        path: PATH,
        query: &query,
        mount_prefix: "",
    };
    criterion.bench_function("auth/verify the head of a request", |bencher| {
        bencher.iter(|| verify_head(&ring, black_box(&head), NOW).unwrap().body);
    });
    let signed = verify_head(&ring, &head, NOW).unwrap().body;
    criterion.bench_function("auth/verify a body of 256 bytes", |bencher| {
        bencher.iter(|| signed.verify(black_box(&body)).unwrap());
    });
}
