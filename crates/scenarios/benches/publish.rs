//! A signed publish in its two parts: before the body is read, and after.

use criterion::Criterion;
use foghorn_scenarios::Publisher;
use std::hint::black_box;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let publisher = Publisher::alone();
    criterion.bench_function("api/head of a publish", |bencher| {
        bencher.iter(|| black_box(publisher.begin()));
    });
    let call = publisher.begin();
    criterion.bench_function("api/body of a publish, no subscribers", |bencher| {
        bencher.iter(|| publisher.finish(black_box(&call)));
    });
    criterion.final_summary();
}
