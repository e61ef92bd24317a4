//! Small files of log lines: access logs, syslog, key and value, times with levels, objects behind a time; and lines that are none.
//!
//! * Most lines of a file are of one program; some are what programs print in between, such as traces and nothing.
//! * All are small (a few kilobytes at most), so that tests can afford thousands.

use crate::Rng;

/// The file that belongs to `seed`.
pub fn log_zoo(seed: u64) -> Vec<u8> {
    let rng = &mut Rng::new(seed);
    let (program, line_end) = (rng.below(9), if rng.one_in(5) { "\r\n" } else { "\n" });
    let mut file = String::new();
    for number in 0..rng.below(40) {
        file.push_str(&if rng.one_in(15) { odd(rng) } else { line(rng, program, number) });
        file.push_str(if rng.one_in(60) { "\r" } else { line_end });
    }
    let mut file = file.into_bytes();
    if rng.one_in(4) {
        file.pop();
    }
    if rng.one_in(12) && !file.is_empty() {
        let at = rng.index(file.len());
        file[at] = rng.next() as u8;
    }
    file
}

/// What stands in a log and has nothing of a log.
fn odd(rng: &mut Rng) -> String {
    let lines = [
        "",
        " ",
        "    at java.lang.Thread.run(Thread.java:748)",
        "null",
        "\"",
        "[",
        "=",
        "{\"a\":1}",
        "a=1",
        "Caused by: é\u{1}",
    ];
    rng.pick(&lines).to_owned()
}

fn line(rng: &mut Rng, program: u64, number: u64) -> String {
    let (hour, minute, second) = (rng.below(24), rng.below(60), rng.below(60));
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    let level = rng.pick(&["INFO", "INFO ", "WARN", "ERROR", "debug"]);
    let message = message(rng);
    match program {
        0 => {
            let request = rng.pick(&["GET /a?b=c HTTP/1.1", "POST / HTTP/2", "-", "GET /with \"quotes\" HTTP/1.1", ""]);
            let (status, agent) = (rng.pick(&["200", "404", "500"]), rng.pick(&["-", "curl/8", "a \"b\" c", ""]));
            format!(
                "10.0.0.{number} - {} [17/May/2015:{clock} +0000] \"{request}\" {status} {} \"-\" \"{agent}\"",
                rng.pick(&["-", "bob"]),
                rng.below(9000)
            )
        }
        1 => format!(
            "Nov {:>2} {clock} host{} {}{} {message}",
            1 + rng.below(30),
            rng.below(3),
            rng.pick(&["sshd", "cron", "a b"]),
            rng.pick(&["[12]:", ":", "[x]:", ""])
        ),
        2 => format!(
            "ts=2024-05-01T{clock}Z level={level} msg=\"{message}\" n={number} empty= p={}",
            rng.pick(&["null", "\"\"", "a,b"])
        ),
        3 => format!("2024-05-01 {clock},{:03} [main-{}] {level} a.b.C - {message}", rng.below(1000), rng.below(3)),
        4 => format!(
            "171516{:07} {{\"n\":{number},\"m\":\"{}\",\"o\":{{\"p\":[{}]}}}}",
            rng.below(10_000_000),
            rng.pick(&["x", "y\\n", "null"]),
            rng.below(5)
        ),
        5 => format!("<{}>1 2024-05-01T{clock}.5Z host app {} - - {message}", rng.below(190), rng.below(5)),
        6 => format!("[{clock}] [{level}] {message}"),
        7 => format!("{level}: {message}"),
        _ => message,
    }
}

fn message(rng: &mut Rng) -> String {
    match rng.below(6) {
        0 => format!("opened {} of {}", rng.below(100), rng.below(1000)),
        1 => format!("user={} id={}", rng.pick(&["ann", "bob"]), rng.below(50)),
        2 => format!("{{\"took\": {}}}", rng.below(90)),
        3 => "null".to_owned(),
        4 => String::new(),
        _ => format!("{} [{}]: \"é\" - {{}}", rng.pick(&["a", "b c", "-"]), rng.below(9)),
    }
}
