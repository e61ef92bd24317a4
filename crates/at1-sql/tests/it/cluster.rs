//! Three workers answer as one program does, and as two when one is killed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use at1_testkit::Trades;

use crate::{Bench, text};

struct Worker {
    child: Child,
    address: String,
}

impl Worker {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_at1-sql"))
            .args(["worker", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const QUERIES: [&str; 6] = [
    "SELECT count(*), sum(qty), min(price), max(ts) FROM t",
    "SELECT symbol, count(*), sum(price * qty) FROM t GROUP BY symbol ORDER BY symbol",
    "SELECT side, venue, avg(price) FROM t WHERE price > 100 GROUP BY side, venue ORDER BY 1, 2",
    "SELECT a.symbol, count(*) FROM t AS a JOIN t AS b ON a.trade_id = b.trade_id GROUP BY a.symbol ORDER BY 1",
    "SELECT trade_id, price FROM t ORDER BY price DESC, trade_id LIMIT 5",
    // Rows that AT1 reads by itself go to workers as words.
    "SELECT _batch, count(*), max(a.price) FROM t AS a GROUP BY _batch ORDER BY 1",
];

#[test]
fn three_workers_and_then_two() {
    let bench = Bench::new();
    let mut trades = Trades::new(7);
    for _ in 0..6 {
        bench.append("trades", &text(&trades.batch(500)));
    }
    // Written in an older type, so that it is read again.
    bench.append(
        "trades",
        &text(&trades.batch(50)).replace("qty", "qty,extra").replace("\n", ",1\n").replace("extra,1", "extra"),
    );
    bench.append("trades", "ts,extra\n2024-01-01T00:00:00,words\n");
    let workers = [Worker::start(), Worker::start(), Worker::start()];
    let all = workers.iter().map(|worker| worker.address.as_str()).collect::<Vec<_>>().join(",");
    let shared = ["--workers", &all, "--worker-bytes", "1"];
    let alone = |query: &str| bench.sql("trades", &[query]);
    let together = |query: &str| bench.sql("trades", &[&shared[..], &[query]].concat());
    for query in QUERIES.into_iter().chain(["SELECT extra, count(*) FROM t GROUP BY extra ORDER BY 1"]) {
        let (alone, together) = (alone(query), together(query));
        assert_eq!(text(&alone.stdout), text(&together.stdout), "{query}: {}", text(&together.stderr));
        assert_eq!((alone.status.code(), together.status.code()), (Some(0), Some(0)), "{query}");
    }
    let plan = text(&together("EXPLAIN ANALYZE SELECT symbol, count(*) FROM t GROUP BY symbol").stdout);
    assert!(plan.contains("DistributedExec") && plan.contains("tasks=3"), "{plan}");

    let [first, second, third] = workers;
    drop(second);
    let output = together(QUERIES[1]);
    assert_eq!(text(&output.stdout), text(&alone(QUERIES[1]).stdout));
    assert!(text(&output.stderr).contains("does not answer; going on without it"), "{}", text(&output.stderr));
    drop((first, third));
    bench.fails("trades", &[&shared[..], &[QUERIES[0]]].concat(), 3, "expected one that answers of");
}

/// A worker hashes what it reads against what the plan says.
#[test]
fn a_copy_that_differs_is_no_answer() {
    let bench = Bench::new();
    let mut trades = Trades::new(7);
    for _ in 0..3 {
        bench.append("trades", &text(&trades.batch(400)));
    }
    let worker = Worker::start();
    crate::damage(&bench.path("trades"));
    let words = [
        "--workers",
        &worker.address,
        "--worker-bytes",
        "1",
        "SELECT symbol, max(ts) FROM t WHERE qty > 0 GROUP BY symbol",
    ];
    let output = bench.sql("trades", &words);
    assert_ne!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("sha256"), "{}", text(&output.stderr));
}
