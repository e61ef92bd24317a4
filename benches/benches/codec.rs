//! Encoding and decoding one segment in memory, by profile. 100,000 trades, bytes a second of source text.

use at1_codec::{EncodeOptions, Form, Profile};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn codec(c: &mut Criterion) {
    let csv = at1_benches::trades();
    let mut group = c.benchmark_group("codec");
    group.throughput(Throughput::Bytes(csv.len() as u64)).sample_size(10);
    for (name, profile) in [("fast", Profile::Fast), ("balanced", Profile::Balanced), ("max", Profile::Max)] {
        let options = EncodeOptions { profile, form: Form::Queryable, ..EncodeOptions::default() };
        group.bench_function(format!("encode {name}"), |b| b.iter(|| at1_codec::encode(&csv, &options).expect("encodes")));
        let segment = at1_codec::encode(&csv, &options).expect("encodes");
        group.bench_function(format!("decode {name}"), |b| b.iter(|| at1_codec::decode(&segment).expect("decodes")));
    }
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
